/** Warns the program, once for each kind, about messages that were not treated as it asked. */
import type { DecodedPacket } from '../../codec/control-packet.js'
import type { PacketAnomaly } from '../../codec/decode/packet-reader.js'
import type { ClientCounters } from '../surface/counters.js'
import { channels } from '../surface/diagnostics.js'
import { asError } from '../waiting/promises.js'

/** There is no route for a message on this topic; the message was acknowledged. */
export function warnOfUnclaimed(topic: string): void {
  warn(
    `a message on ${JSON.stringify(topic)} matches no handler, or came before unsubscribe() and was not handled yet; give onMessage, or subscribe with a handler (said once)`,
  )
}

/** The same, and no subscription of the client can have brought the message. `old`: one that has ended, or that another process made. */
export function warnOfChangedTopic(topic: string, old: 'perhaps' | 'no'): void {
  const otherwise = old === 'perhaps' ? ', or an older subscription of this Session brings it' : ''
  warn(
    `a message on ${JSON.stringify(topic)} matches no Topic Filter that this client asks for: the server changed the topic, as docs/servers.md tells${otherwise}; give onMessage to get such messages (said once)`,
  )
}

/** There is no room for a message on this topic. */
export function warnOfDropped(counters: ClientCounters, topic: string, fate: 'comes again' | 'is lost'): void {
  counters.dropped += 1
  if (counters.dropped > 1) return
  const what = fate === 'comes again' ? 'the server sends it again' : 'it is lost'
  warn(
    `a message on ${JSON.stringify(topic)} was not kept (${what}): receiveBufferMaxBytes were full, and no handler ended (said once)`,
  )
}

/** The server answered a message at QoS 2 as if it had QoS 1. */
export function warnOfMissingQos2(counters: ClientCounters): void {
  counters.settledAtQos1 += 1
  if (counters.settledAtQos1 > 1) return
  warn(
    'the server answered a message at QoS 2 with PUBACK: it seems to have no QoS 2, and the message counts as delivered at QoS 1; publish at QoS 1, or set profile.maxQos to 1 (said once)',
  )
}

/** The server has the message since its PUBREC, and has lost the session to which PUBREL belongs. */
export function warnOfUnansweredPubrel(packetId: number | undefined): void {
  warn(
    `PUBREL ${packetId} stayed unanswered on two connections: the message counts as delivered (profile.sessionPresent)`,
  )
}

/** A message has a Topic Name that is no text; it was acknowledged. */
function warnOfUnreadable(counters: ClientCounters, received: string): void {
  counters.unreadable += 1
  if (counters.unreadable > 1) return
  warn(`a message was acknowledged and given to no handler: its Topic Name is ${received} (said once)`)
}

/** The handler of a message failed, and the topic is one that this client refuses to publish to. */
export function warnOfFaultyTopic(counters: ClientCounters, topic: string, fault: string, error: unknown): void {
  counters.failedOnFault += 1
  if (counters.failedOnFault > 1) return
  warn(
    `the handler of a message on ${JSON.stringify(topic)}, a Topic Name that ${fault}, failed (${asError(error).message}): it was acknowledged; give onHandlerError to decide (said once)`,
  )
}

function warn(text: string): void {
  process.emitWarning(text, 'Mqtt311Warning')
}

/** Counts a fault of the server at which the decoder has read on, and tells it on the channel. */
export function tellMisformed(
  client: object,
  counters: ClientCounters,
  anomaly: PacketAnomaly,
  packet: DecodedPacket<false>,
  bytes: Uint8Array,
): void {
  counters.anomalies += 1
  if (anomaly.anomaly === 'unreadable-topic-name') warnOfUnreadable(counters, anomaly.received)
  if (!channels.anomaly.hasSubscribers) return
  const packetId = 'packetId' in packet ? packet.packetId : undefined
  channels.anomaly.publish({ client, ...anomaly, packetId, bytes: Buffer.from(bytes) })
}
