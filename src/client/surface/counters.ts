import type { PacketName } from '../../codec/control-packet.js'

/** What a client counts over its whole life; see ClientStats. */
export class ClientCounters {
  readonly packetsIn = new PacketCounters()
  readonly packetsOut = new PacketCounters()
  bytesIn = 0
  bytesOut = 0
  connections = 0
  rejected = 0
  unclaimed = 0
  dropped = 0
  anomalies = 0
}

/** How many Control Packets of each type went one way. All fields exist from the start, so that counting changes no shape. */
class PacketCounters implements Record<PacketName, number> {
  connect = 0
  connack = 0
  publish = 0
  puback = 0
  pubrec = 0
  pubrel = 0
  pubcomp = 0
  subscribe = 0
  suback = 0
  unsubscribe = 0
  unsuback = 0
  pingreq = 0
  pingresp = 0
  disconnect = 0
}
