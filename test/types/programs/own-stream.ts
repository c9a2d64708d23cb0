import { connect as connectSocket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect } from 'mqtt311'

declare function tunnel(options: { signal: AbortSignal }): Promise<Duplex>

export async function main(): Promise<void> {
  await connect({ stream: ({ signal }) => tunnel({ signal }) })
  await connect({ stream: () => connectSocket(1883, '::1') })
}
