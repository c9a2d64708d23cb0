/** The emulator of Alibaba Cloud IoT Platform in a process of its own, so that a client does not pay for its server. */
import { startPlatform } from '../../fixtures/platform/index.js'

export const device = { productKey: 'a1Bench', deviceName: 'device', deviceSecret: 'known to the emulator' }

/** What the server tells the benchmark. */
export type Report =
  | { readonly kind: 'listening'; readonly host: string; readonly port: number; readonly ca: string }
  /** Connections that resumed a TLS session, by the id before the first bar. */
  | { readonly kind: 'resumed'; readonly counts: Readonly<Record<string, number>> }

/** What the benchmark asks of the server: to cut all connections, or to report. */
export type Order = 'cut' | 'report'

if (process.send !== undefined) {
  const platform = await startPlatform({ devices: [device], limits: 'off' })
  const tell = (report: Report) => process.send?.(report)
  process.on('message', (order: Order) => {
    if (order === 'cut') return platform.cut()
    const counts: Record<string, number> = {}
    for (const { clientId, tls } of platform.seen.connects) {
      const [id = ''] = clientId.split('|')
      if (tls?.resumed === true) counts[id] = (counts[id] ?? 0) + 1
    }
    tell({ kind: 'resumed', counts })
  })
  process.on('disconnect', () => process.exit())
  tell({ kind: 'listening', host: platform.host, port: platform.port, ca: platform.ca })
}
