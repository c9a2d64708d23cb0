/** Any packet that can be sent, for fast-check. */
import fc, { type RecordValue } from 'fast-check'
import type { ControlPacket, QoS, Will } from 'mqtt311/codec'
import { anyCharacter } from './any-character.js'

/** A record as the decoder makes them: with the usual prototype. */
function plain<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<RecordValue<T, keyof T>> {
  return fc.record(fields, { noNullPrototype: true })
}

const text = fc.string({ unit: anyCharacter, maxLength: 40 }).map((value) => value.replaceAll('\0', ' '))
const topic = text.map((value) => value.replaceAll(/[#+]/g, '/') || '/')
const level = fc.oneof(
  fc.constant('+'),
  text.map((value) => value.replaceAll(/[#+]/g, '')),
)
const filter = fc
  .tuple(fc.array(level, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, all]) => (all ? `${levels.join('/')}/#` : levels.join('/') || '#'))
const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value))
const packetId = fc.integer({ min: 1, max: 65_535 })
const qos = fc.constantFrom<QoS[]>(0, 1, 2)
const will: fc.Arbitrary<Will<Buffer>> = plain({ topic, payload: bytes, qos, retain: fc.boolean() })

const connect = fc
  .record({
    clientId: text,
    cleanSession: fc.boolean(),
    keepAlive: fc.integer({ min: 0, max: 65_535 }),
    login: fc.option(plain({ username: text, password: fc.option(bytes, { nil: undefined }) }), { nil: undefined }),
    will: fc.option(will, { nil: undefined }),
  })
  .map(
    ({ login, will: last, clientId, ...rest }): ControlPacket<Buffer> => ({
      type: 'connect',
      clientId: clientId === '' && !rest.cleanSession ? 'id' : clientId,
      ...rest,
      ...(login && { username: login.username }),
      ...(login?.password && { password: login.password }),
      ...(last && { will: last }),
    }),
  )

const message = { type: fc.constant('publish' as const), topic, payload: bytes, retain: fc.boolean() }
const acknowledgements = ['puback', 'pubrec', 'pubrel', 'pubcomp', 'unsuback'] as const
const bare = ['pingreq', 'pingresp', 'disconnect'] as const

export const arbitraryPacket: fc.Arbitrary<ControlPacket<Buffer>> = fc.oneof(
  plain({ ...message, qos: fc.constant(0 as const) }),
  plain({ ...message, qos: fc.constantFrom(1 as const, 2 as const), packetId, dup: fc.boolean() }),
  plain({ type: fc.constantFrom(...acknowledgements), packetId }),
  plain({ type: fc.constantFrom(...bare) }),
  connect,
  fc
    .tuple(fc.boolean(), fc.integer({ min: 0, max: 5 }))
    .map(
      ([present, returnCode]) =>
        ({ type: 'connack', sessionPresent: present && returnCode === 0, returnCode }) as const,
    ),
  plain({
    type: fc.constant('subscribe' as const),
    packetId,
    subscriptions: fc.array(plain({ filter, qos }), { minLength: 1, maxLength: 5 }),
  }),
  plain({
    type: fc.constant('suback' as const),
    packetId,
    returnCodes: fc
      .array(fc.constantFrom(0, 1, 2, 0x80), { minLength: 1, maxLength: 5 })
      .map((codes) => Uint8Array.from(codes)),
  }),
  plain({
    type: fc.constant('unsubscribe' as const),
    packetId,
    filters: fc.array(filter, { minLength: 1, maxLength: 5 }),
  }),
)
