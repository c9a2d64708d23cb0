/**
 * A client in a process of its own that sends its unacknowledged messages again, and tells its parent how much memory that took at
 * the peak, above what the messages themselves take.
 */
import { once } from 'node:events'
import { forgetPeak, resident } from '../measure/resident.js'
import { topic } from '../measure/sample-message.js'

export interface ResendJob {
  readonly holder: 'ours' | 'theirs'
  readonly port: number
  readonly count: number
  readonly payloadBytes: number
}

const built = new URL('../../dist/index.js', import.meta.url).href

async function publishAll({ holder, port, count, payloadBytes }: ResendJob): Promise<void> {
  const payload = (index: number) => Buffer.alloc(payloadBytes, index)
  if (holder === 'ours') {
    const { connect }: typeof import('mqtt311') = await import(built)
    const session = { clientId: 'resend', cleanSession: false }
    const room = { maxInFlight: 65_535, ackTimeoutMs: 600_000, queue: { maxBytes: 2 * count * payloadBytes } }
    const client = await connect({
      host: '::1',
      port,
      ...session,
      ...room,
      reconnect: { minDelayMs: 1, maxDelayMs: 1 },
    })
    for (let index = 0; index < count; index += 1) client.publish(topic, payload(index), { qos: 1 }).catch(() => {})
    return
  }
  const { default: mqtt } = await import('mqtt')
  const session = { clientId: 'resend', clean: false, protocolVersion: 4 as const, reconnectPeriod: 1 }
  const client = await mqtt.connectAsync({ host: '::1', port, protocol: 'mqtt', ...session })
  client.on('error', () => {})
  for (let index = 0; index < count; index += 1) client.publish(topic, payload(index), { qos: 1 }, () => {})
}

const [job]: ResendJob[] = await once(process, 'message')
if (job === undefined) throw new Error('the parent gave no job')
await publishAll(job)
// The parent has read all of it and cuts the connection next.
await once(process, 'message')
const before = forgetPeak()
process.send?.('ready')
await once(process, 'message')
process.send?.(resident().peak - before, () => process.exit())
