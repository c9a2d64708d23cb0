import {
  type ControlPacket,
  encodePacket,
  MalformedPacketError,
  PacketDecoder,
  PacketWriter,
  topicMatches,
  validateTopicFilter,
  validateTopicName,
} from 'mqtt311/codec'
import { type Annotation, explain, render } from 'mqtt311/explain'

export function main(): string {
  const packet: ControlPacket = { type: 'publish', topic: 'a/b', payload: Buffer.from('c'), retain: false, qos: 0 }
  const bytes: Buffer = encodePacket(packet)
  const writer = new PacketWriter()
  writer.write(packet)
  writer.write({ type: 'puback', packetId: 7 })
  writer.write({ type: 'suback', packetId: 7, returnCodes: [0, 0x80] })
  writer.write({ type: 'suback', packetId: 7, returnCodes: Uint8Array.of(0, 0x80) })
  // @ts-expect-error at QoS 0 there is no DUP [MQTT-3.3.1-2]
  writer.write({ type: 'publish', topic: 'a', payload: bytes, retain: false, qos: 0, dup: true })
  // @ts-expect-error above QoS 0 there is a Packet Identifier [MQTT-2.3.1-1]
  writer.write({ type: 'publish', topic: 'a', payload: bytes, retain: false, qos: 1 })
  const decoder = new PacketDecoder({ maxPacketBytes: 1_000 })
  try {
    for (const decoded of decoder.decode(writer.take())) {
      if (decoded.type === 'publish' && decoded.qos > 0) console.log(decoded.payload.toString())
      if (decoded.type === 'suback') console.log(decoded.returnCodes.subarray(0, 1).length)
    }
    decoder.decode(bytes, (decoded) => console.log(decoded.type))
    decoder.end()
  } catch (error) {
    if (error instanceof MalformedPacketError) console.error(error.statement, error.offset)
  }
  validateTopicName('a/b')
  validateTopicFilter('a/#')
  const annotations: Annotation[] = explain(bytes)
  return topicMatches('a/#', 'a') ? render(annotations, { color: false }) : ''
}
