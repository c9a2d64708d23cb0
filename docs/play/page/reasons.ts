/** Why a packet is sent and a record is kept: in our own words, with the statement of the standard that decides it. */
import type { ControlPacket } from '../../../src/codec/index.js'
import type { JournalRecord } from '../../../src/protocol/index.js'

export interface Reason {
  /** A sentence; empty where the step needs none. */
  readonly why: string
  /** The identifier of the statement, or its section; empty if there is none. */
  readonly statement: string
}

/** Why this side sends this packet. */
export function reasonOf(packet: ControlPacket<Buffer>, from: 'client' | 'server'): Reason {
  switch (packet.type) {
    case 'connect':
      return {
        why: 'CONNECT is the first packet of a connection. Clean Session 0 asks the server to go on with the Session.',
        statement: 'MQTT-3.1.0-1',
      }
    case 'connack':
      return packet.sessionPresent
        ? { why: 'The server has a Session of this client, and goes on with it.', statement: 'MQTT-3.2.2-2' }
        : { why: 'The server has no Session of this client, so it begins one.', statement: 'MQTT-3.2.2-3' }
    case 'publish':
      return publishReason(packet, from)
    case 'puback':
      return { why: 'PUBACK answers a PUBLISH at QoS 1, copies too.', statement: 'MQTT-4.3.2-2' }
    case 'pubrec':
      return { why: 'PUBREC answers a PUBLISH at QoS 2, copies too.', statement: 'MQTT-4.3.3-2' }
    case 'pubrel':
      return {
        why: 'PUBREC has come, so the other side has the message. Only PUBREL is sent from now on, on later connections again.',
        statement: 'MQTT-4.3.3-1',
      }
    case 'pubcomp':
      return { why: 'PUBCOMP answers PUBREL, also one for an unknown identifier.', statement: 'MQTT-4.3.3-2' }
    case 'subscribe':
      return { why: 'A SUBSCRIBE has an identifier, as its answer has.', statement: 'MQTT-2.3.1-1' }
    case 'suback':
      return { why: 'Each Topic Filter gets a Return Code.', statement: 'MQTT-3.8.4-5' }
    default:
      return { why: '', statement: '' }
  }
}

function publishReason(
  packet: Extract<ControlPacket<Buffer>, { readonly type: 'publish' }>,
  from: 'client' | 'server',
): Reason {
  if (packet.qos === 0) return { why: 'It is sent once; whether it arrives, nobody learns.', statement: 'MQTT-4.3.1-1' }
  if (packet.dup) {
    const awaited = packet.qos === 1 ? 'PUBACK' : 'PUBREC'
    return {
      why: `${awaited} has not come, so the ${from} sends it again on the new connection: the same identifier, DUP 1.`,
      statement: 'MQTT-4.4.0-1',
    }
  }
  return {
    why: 'A new message gets an identifier that no other exchange has, and DUP 0.',
    statement: packet.qos === 1 ? 'MQTT-4.3.2-1' : 'MQTT-4.3.3-1',
  }
}

const recordReasons: Readonly<Record<JournalRecord['kind'], string>> = {
  queued: 'Before the program is told that the message is safe.',
  bound: 'Before its PUBLISH is sent: a later process has to use the same identifier.',
  received: 'Before PUBREL is sent: a later process must not send the PUBLISH again.',
  settled: 'A later process has nothing to do for it.',
  held: 'After the handler and before PUBREC: a later process has to know a copy.',
  released: 'Before PUBCOMP is sent: the next message with this identifier is a new one.',
  forgotten: 'Before anything that follows this CONNACK: the identifiers of the old Session mean nothing now.',
  withdrawn: 'It was never sent.',
  abandoned: 'It is not sent again.',
  reserved: 'The server may know this identifier.',
}

/** Why this record is kept on the disk, and why just now. */
export function recordReason({ kind }: JournalRecord): Reason {
  return { why: recordReasons[kind], statement: kind === 'settled' || kind === 'queued' ? '' : 'MQTT-4.1.0-1' }
}
