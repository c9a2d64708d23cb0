import type { QoS } from '../../codec/control-packet.js'

/**
 * What holds messages back although window and socket would take them: a server that drops in silence what comes faster
 * than it allows. The engine asks before each PUBLISH, first or again, and comes back when it was told.
 */
export interface Pacer {
  /** True if a PUBLISH at this QoS may be sent now; it counts as sent then. */
  admit(qos: QoS, now: number): boolean
  /** When `admit` will say yes to this QoS. */
  nextAt(qos: QoS, now: number): number
}
