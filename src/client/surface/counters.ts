import type { PacketName } from '../../codec/control-packet.js'

/** The totals of a client since its construction; see ClientStats. */
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
  /** Messages at QoS 2 that the server answered with PUBACK. */
  settledAtQos1 = 0
  /** Messages with a Topic Name that is no text. */
  unreadable = 0
  /** Messages with a `topicFault` whose handler failed. */
  failedOnFault = 0
}

/** The number of Control Packets of each type in one direction. All fields exist from the start, so the object never changes its shape. */
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
