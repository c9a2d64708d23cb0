import type { EngineDriver } from './engine/engine-driver.js'
import type { ClientStats } from './surface/client-surface.js'

/** The result of `client.stats`. */
export function readStats(driver: EngineDriver): ClientStats {
  const { counters } = driver
  const session = driver.isOpen ? driver.session : undefined
  return {
    packetsIn: { ...counters.packetsIn },
    packetsOut: { ...counters.packetsOut },
    bytesIn: counters.bytesIn,
    bytesOut: counters.bytesOut,
    queued: session?.outgoing.queue.size ?? 0,
    queuedBytes: session?.outgoing.queue.bytes ?? 0,
    inFlight: session?.table.publishes ?? 0,
    running: session?.incoming.running ?? 0,
    backlogBytes: session?.incoming.backlogBytes ?? 0,
    reconnects: Math.max(0, counters.connections - 1),
    resent: session?.outgoing.resent ?? 0,
    rejected: counters.rejected,
    unclaimed: counters.unclaimed,
    dropped: counters.dropped,
    anomalies: counters.anomalies,
    paced: session?.outgoing.paced ?? 0,
    roundTripMs: session?.outgoing.roundTripMs,
  }
}
