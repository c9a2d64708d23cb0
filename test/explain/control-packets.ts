import fc from 'fast-check'
import { type ControlPacket, encodePacket } from '../../src/codec/index.js'

const level = fc.string({
  unit: fc.constantFrom('a', 'Z', '7', ' ', '温', '😀', 'é', '"', "'", '\\', '$'),
  maxLength: 12,
})
const topic = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => `t${levels.join('/')}`)
const filter = fc.oneof(
  topic,
  topic.map((name) => `+/${name}/#`),
)
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const)
const packetId = fc.integer({ min: 1, max: 65_535 })
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  level.map((text) => new TextEncoder().encode(text)),
)
const will = fc.record({ topic, payload, qos, retain: fc.boolean() })

const connect: fc.Arbitrary<ControlPacket> = fc
  .record({
    type: fc.constant('connect' as const),
    clientId: topic,
    cleanSession: fc.boolean(),
    keepAlive: fc.integer({ min: 0, max: 65_535 }),
    username: level,
    password: fc.option(payload, { nil: undefined }),
    will: fc.option(will, { nil: undefined }),
  })
  .map(({ username, ...packet }) => (packet.password === undefined ? packet : { ...packet, username }))

/** Any packet that can be sent, in either direction. */
const controlPacket: fc.Arbitrary<ControlPacket> = fc.oneof(
  connect,
  fc
    .record({ sessionPresent: fc.boolean(), returnCode: fc.integer({ min: 0, max: 5 }) })
    .map(({ sessionPresent, returnCode }) => ({
      type: 'connack' as const,
      sessionPresent: sessionPresent && returnCode === 0,
      returnCode,
    })),
  fc.record({
    type: fc.constant('publish' as const),
    topic,
    payload,
    retain: fc.boolean(),
    qos: fc.constant(0 as const),
  }),
  fc.record({
    type: fc.constant('publish' as const),
    topic,
    payload,
    retain: fc.boolean(),
    qos: fc.constantFrom(1 as const, 2 as const),
    packetId,
    dup: fc.boolean(),
  }),
  fc.record({
    type: fc.constantFrom(
      'puback' as const,
      'pubrec' as const,
      'pubrel' as const,
      'pubcomp' as const,
      'unsuback' as const,
    ),
    packetId,
  }),
  fc.record({
    type: fc.constant('subscribe' as const),
    packetId,
    subscriptions: fc.array(fc.record({ filter, qos }), { minLength: 1, maxLength: 8 }),
  }),
  fc.record({
    type: fc.constant('suback' as const),
    packetId,
    returnCodes: fc.array(fc.constantFrom(0, 1, 2, 0x80), { minLength: 1, maxLength: 8 }),
  }),
  fc.record({
    type: fc.constant('unsubscribe' as const),
    packetId,
    filters: fc.array(filter, { minLength: 1, maxLength: 8 }),
  }),
  fc.record({ type: fc.constantFrom('pingreq' as const, 'pingresp' as const, 'disconnect' as const) }),
)

/** The bytes of several packets in a row. */
export const packetStream: fc.Arbitrary<Uint8Array> = fc
  .array(controlPacket, { maxLength: 4 })
  .map((packets) => Buffer.concat(packets.map((packet) => encodePacket(packet))))

/** Packets with some bytes changed, removed or added: nearly right, which finds more than noise does. */
export const damagedStream: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    packetStream,
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom('change', 'remove', 'insert')), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([bytes, damages]) => {
    const damaged = [...bytes]
    for (const [place, byte, kind] of damages) {
      const index = place % (damaged.length + 1)
      damaged.splice(index, kind === 'insert' ? 0 : 1, ...(kind === 'remove' ? [] : [byte]))
    }
    return Uint8Array.from(damaged)
  })

/** A PUBLISH at QoS 0 with any topic, also one that no client of ours would send. */
export function publishOf(topicName: string, payloadText = ''): Uint8Array {
  const name = Buffer.from(topicName)
  const body = Buffer.concat([Buffer.of(name.length >> 8, name.length & 0xff), name, Buffer.from(payloadText)])
  const low = (body.length & 0x7f) | (body.length > 0x7f ? 0x80 : 0)
  const length = body.length > 0x7f ? Buffer.of(low, body.length >> 7) : Buffer.of(low)
  return Buffer.concat([Buffer.of(0x30), length, body])
}
