/** Packets and records in a few words, for the lists of the page. */
import type { ControlPacket } from '../../../src/codec/index.js'
import type { JournalRecord } from '../../../src/protocol/index.js'

/** The packet in a few words. */
export function nameOf(packet: ControlPacket<Buffer>): string {
  const type = packet.type.toUpperCase()
  switch (packet.type) {
    case 'publish': {
      const text = `${type} '${packet.payload.toString()}' (QoS ${packet.qos}`
      return packet.qos === 0 ? `${text})` : `${text}, identifier ${packet.packetId}${packet.dup ? ', DUP 1' : ''})`
    }
    case 'connack':
      return `${type} (Session Present ${packet.sessionPresent ? 1 : 0})`
    case 'connect':
      return `${type} (Clean Session ${packet.cleanSession ? 1 : 0})`
    case 'pingreq':
    case 'pingresp':
    case 'disconnect':
      return type
    default:
      return `${type} ${packet.packetId}`
  }
}

/** The record in a few words. */
export function recordText(record: JournalRecord): string {
  switch (record.kind) {
    case 'queued':
      return `message ${record.sequence} ('${Buffer.from(record.payload).toString()}', QoS ${record.qos})`
    case 'bound':
      return `message ${record.sequence} has identifier ${record.packetId}`
    case 'received':
      return `message ${record.sequence}: PUBREC has come`
    case 'settled':
      return `message ${record.sequence} is done`
    case 'held':
      return `identifier ${record.packetId} of the server is handled`
    case 'released':
      return `identifier ${record.packetId} of the server is free`
    case 'forgotten':
      return 'the server has lost the Session'
    case 'withdrawn':
    case 'abandoned':
      return `message ${record.sequence} is ${record.kind}`
    case 'reserved':
      return `identifier ${record.packetId} is not used`
  }
}
