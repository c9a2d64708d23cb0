import { PacketCounters } from './packet-counters.js'

/** What a client counts over its whole life; see ClientStats. */
export class ClientCounters {
  readonly packetsIn = new PacketCounters()
  readonly packetsOut = new PacketCounters()
  bytesIn = 0
  bytesOut = 0
  connections = 0
  rejected = 0
  unclaimed = 0
  anomalies = 0
}
