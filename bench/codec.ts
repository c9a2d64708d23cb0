/**
 * The codec against mqtt-packet, which mqtt.js and aedes use: nanoseconds to encode and to decode one packet.
 *
 * The two do not do the same with a payload. Encoding, mqtt-packet makes a Buffer for each packet, and ours appends to
 * one of 64 KiB. Decoding, mqtt-packet hands out views of the chunk, which keep it alive, and ours makes copies: with
 * 4 KiB that copy is most of the time.
 */
import mqttPacket, { type Packet } from 'mqtt-packet'
import type { ControlPacket } from 'mqtt311/codec'
import { type Comparison, report } from './comparison.js'

// The build, as users get it. The bare name would lead to the sources here, by the compiler's `paths`.
const built = new URL('../dist/codec.js', import.meta.url).href
const { encodePacket, PacketDecoder, PacketWriter }: typeof import('mqtt311/codec') = await import(built)

interface Sample {
  readonly name: string
  readonly ours: ControlPacket
  readonly theirs: Packet
}

/** 35 bytes, as in `/ProductKey/DeviceName/user/update`. */
const topic = 'plant/line-7/robot-42/joint/3/torque'.slice(0, 35)

function publish(qos: 0 | 1, payloadBytes: number): Sample {
  const payload = Buffer.alloc(payloadBytes, 'payload ')
  const packet = { topic, payload, retain: false }
  return {
    name: `PUBLISH QoS ${qos}, ${payloadBytes < 1024 ? `${payloadBytes} B` : `${payloadBytes / 1024} KiB`}`,
    ours:
      qos === 0
        ? { type: 'publish', ...packet, qos: 0 }
        : { type: 'publish', ...packet, qos: 1, packetId: 4660, dup: false },
    theirs: { cmd: 'publish', ...packet, qos, dup: false, ...(qos > 0 && { messageId: 4660 }) },
  }
}

const will = { topic: 'plant/line-7/robot-42/state', payload: Buffer.from('gone'), qos: 1, retain: true } as const
const login = { clientId: 'robot-42', keepAlive: 60, username: 'robots', password: Buffer.from('s3cret') }

const samples: readonly Sample[] = [
  publish(0, 64),
  publish(1, 64),
  publish(0, 4096),
  publish(1, 4096),
  { name: 'PUBACK', ours: { type: 'puback', packetId: 4660 }, theirs: { cmd: 'puback', messageId: 4660 } },
  {
    name: 'CONNECT',
    ours: { type: 'connect', cleanSession: true, ...login, will },
    theirs: {
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
  },
  {
    name: 'SUBSCRIBE',
    ours: { type: 'subscribe', packetId: 4660, subscriptions: [{ filter: 'plant/line-7/+/state', qos: 1 }] },
    theirs: { cmd: 'subscribe', messageId: 4660, subscriptions: [{ topic: 'plant/line-7/+/state', qos: 1 }] },
  },
]

/** What a connection writes, or reads, at once. */
const CHUNK_BYTES = 65_536

/** The same packets on both sides, or the comparison means nothing. */
function checkBytes({ name, ours, theirs }: Sample): Buffer {
  const bytes = encodePacket(ours)
  if (!bytes.equals(mqttPacket.generate(theirs))) throw new Error(`${name}: the two encoders disagree`)
  return bytes
}

function encoding(sample: Sample): Comparison {
  const packets = Math.ceil(CHUNK_BYTES / checkBytes(sample).length)
  const writer = new PacketWriter()
  return {
    name: `encode ${sample.name}`,
    packets,
    ours: () => {
      for (let count = 0; count < packets; count += 1) writer.write(sample.ours)
      const chunk = writer.take()
      // As a connection does when the socket has taken the chunk.
      writer.recycle(chunk)
      return chunk.length
    },
    theirs: () => {
      let bytes = 0
      for (let count = 0; count < packets; count += 1) bytes += mqttPacket.generate(sample.theirs).length
      return bytes
    },
  }
}

function decoding(sample: Sample): Comparison {
  const bytes = checkBytes(sample)
  const packets = Math.floor(CHUNK_BYTES / bytes.length)
  const chunk = Buffer.concat(new Array<Buffer>(packets).fill(bytes))
  const decoder = new PacketDecoder()
  const parser = mqttPacket.parser()
  let decoded = 0
  parser.on('packet', (packet) => {
    decoded += packet.length ?? 0
  })
  const onPacket = (packet: ControlPacket<Buffer>): void => {
    decoded += packet.type === 'publish' ? packet.payload.length : 1
  }
  return {
    name: `decode ${sample.name}`,
    packets,
    ours: () => {
      decoder.decode(chunk, onPacket)
      return decoded
    },
    theirs: () => {
      parser.parse(chunk)
      return decoded
    },
  }
}

export async function run(): Promise<void> {
  await report('Codec', 'mqtt-packet', [...samples.map(encoding), ...samples.map(decoding)])
}
