/** Control Packets in one line each, so that tests can state what was sent as a list: `PUBLISH#5 a q1 dup`, `PUBREL#5`. */
import type {
  AcknowledgementPacket,
  ConnackPacket,
  ControlPacket,
  PublishPacket,
  SubackPacket,
} from '../../src/codec/control-packet.js'

export function notation(packet: ControlPacket): string {
  switch (packet.type) {
    case 'publish': {
      const retain = packet.retain ? ' retain' : ''
      if (packet.qos === 0) return `PUBLISH ${packet.topic} q0${retain}`
      return `PUBLISH#${packet.packetId} ${packet.topic} q${packet.qos}${packet.dup ? ' dup' : ''}${retain}`
    }
    case 'subscribe':
      return `SUBSCRIBE#${packet.packetId} ${packet.subscriptions.map(({ filter, qos }) => `${filter}:${qos}`).join(' ')}`
    case 'unsubscribe':
      return `UNSUBSCRIBE#${packet.packetId} ${packet.filters.join(' ')}`
    case 'suback':
      return `SUBACK#${packet.packetId} ${Array.from(packet.returnCodes).join(' ')}`
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
    case 'unsuback':
      return `${packet.type.toUpperCase()}#${packet.packetId}`
    case 'connect':
    case 'connack':
    case 'pingreq':
    case 'pingresp':
    case 'disconnect':
      return packet.type.toUpperCase()
  }
}

export const connack = (sessionPresent: boolean, returnCode = 0): ConnackPacket => ({
  type: 'connack',
  sessionPresent,
  returnCode,
})
export const puback = (packetId: number): AcknowledgementPacket => ({ type: 'puback', packetId })
export const pubrec = (packetId: number): AcknowledgementPacket => ({ type: 'pubrec', packetId })
export const pubrel = (packetId: number): AcknowledgementPacket => ({ type: 'pubrel', packetId })
export const pubcomp = (packetId: number): AcknowledgementPacket => ({ type: 'pubcomp', packetId })
export const unsuback = (packetId: number): AcknowledgementPacket => ({ type: 'unsuback', packetId })
export const suback = (packetId: number, ...returnCodes: number[]): SubackPacket => ({
  type: 'suback',
  packetId,
  returnCodes,
})
export const pingresp: ControlPacket<Buffer> = { type: 'pingresp' }

/** A PUBLISH of the server: `arrives('a')` at QoS 0, `arrives('a', 2, 5, 'dup')` at QoS 2 with Packet Identifier 5 and DUP 1. */
export function arrives(
  topic: string,
  qos: 0 | 1 | 2 = 0,
  packetId = 1,
  dup: 'dup' | 'first' = 'first',
): PublishPacket<Buffer> {
  const message = { type: 'publish', topic, payload: Buffer.from(topic), retain: false } as const
  return qos === 0 ? { ...message, qos } : { ...message, qos, packetId, dup: dup === 'dup' }
}
