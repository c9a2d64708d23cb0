/** All fourteen Control Packets, and PUBLISH in many sizes, as both codecs want to be given them. */
import mqttPacket, { type Packet } from 'mqtt-packet'
import { type ControlPacket, encodePacket } from 'mqtt311/codec'
import { topic } from '../measure/sample-message.js'

export interface Sample {
  readonly name: string
  readonly ours: ControlPacket
  readonly theirs: Packet
  readonly bytes: Buffer
}

const nonAsciiTopic = 'Werk/Linie-7/Müller/机器人-42/Öl'
const longTopic = Array.from({ length: 32 }, (_, level) => `level-${level}`).join('/')
const packetId = 4660

function publish(qos: 0 | 1 | 2, payloadBytes: number, kind = '', name = topic): [string, ControlPacket, Packet] {
  const packet = { topic: name, payload: Buffer.alloc(payloadBytes, 'payload '), retain: false }
  const size = payloadBytes < 1024 ? `${payloadBytes} B` : `${payloadBytes / 1024} KiB`
  return [
    `PUBLISH QoS ${qos}, ${size}${kind}`,
    qos === 0 ? { type: 'publish', ...packet, qos } : { type: 'publish', ...packet, qos, packetId, dup: false },
    { cmd: 'publish', ...packet, qos, dup: false, ...(qos > 0 && { messageId: packetId }) },
  ]
}

const will = { topic: 'plant/line-7/robot-42/state', payload: Buffer.from('gone'), qos: 1, retain: true } as const
const login = { clientId: 'robot-42', keepAlive: 60, username: 'robots', password: Buffer.from('s3cret') }
const filters = ['plant/line-7/+/state', 'plant/line-7/robot-42/#']

const packets: readonly (readonly [string, ControlPacket, Packet])[] = [
  publish(0, 64),
  publish(1, 64),
  publish(2, 64),
  publish(0, 0),
  publish(0, 1024),
  publish(0, 4096),
  publish(1, 4096),
  publish(0, 65_536),
  publish(0, 64, ', non-ASCII topic', nonAsciiTopic),
  publish(0, 64, ', 278-byte topic', longTopic),
  [
    'CONNECT',
    { type: 'connect', cleanSession: true, ...login, will },
    {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: login.clientId,
      keepalive: login.keepAlive,
      username: login.username,
      password: login.password,
      will,
    },
  ],
  [
    'CONNACK',
    { type: 'connack', sessionPresent: false, returnCode: 0 },
    { cmd: 'connack', sessionPresent: false, returnCode: 0 },
  ],
  ['PUBACK', { type: 'puback', packetId }, { cmd: 'puback', messageId: packetId }],
  ['PUBREC', { type: 'pubrec', packetId }, { cmd: 'pubrec', messageId: packetId }],
  ['PUBREL', { type: 'pubrel', packetId }, { cmd: 'pubrel', messageId: packetId }],
  ['PUBCOMP', { type: 'pubcomp', packetId }, { cmd: 'pubcomp', messageId: packetId }],
  [
    'SUBSCRIBE',
    { type: 'subscribe', packetId, subscriptions: filters.map((filter) => ({ filter, qos: 1 })) },
    { cmd: 'subscribe', messageId: packetId, subscriptions: filters.map((filter) => ({ topic: filter, qos: 1 })) },
  ],
  [
    'SUBACK',
    { type: 'suback', packetId, returnCodes: [1, 1] },
    { cmd: 'suback', messageId: packetId, granted: [1, 1] },
  ],
  [
    'UNSUBSCRIBE',
    { type: 'unsubscribe', packetId, filters },
    { cmd: 'unsubscribe', messageId: packetId, unsubscriptions: filters },
  ],
  ['UNSUBACK', { type: 'unsuback', packetId }, { cmd: 'unsuback', messageId: packetId, granted: [] }],
  ['PINGREQ', { type: 'pingreq' }, { cmd: 'pingreq' }],
  ['PINGRESP', { type: 'pingresp' }, { cmd: 'pingresp' }],
  ['DISCONNECT', { type: 'disconnect' }, { cmd: 'disconnect' }],
]

/** The same bytes on both sides, or the comparison means nothing. */
export const samples: readonly Sample[] = packets.map(([name, ours, theirs]) => {
  const bytes = encodePacket(ours)
  if (!bytes.equals(mqttPacket.generate(theirs))) throw new Error(`${name}: the two encoders disagree`)
  return { name, ours, theirs, bytes }
})
