/**
 * The codec against mqtt-packet, which mqtt.js and aedes use: CPU time and memory to encode and to decode one packet.
 *
 * The two do not do the same with a payload. Encoding, mqtt-packet makes a Buffer for each packet, and ours appends to
 * one of 64 KiB. Decoding, mqtt-packet hands out views of the chunk, which keep it alive, and ours makes copies: with
 * 4 KiB that copy is most of the time.
 */
import mqttPacket from 'mqtt-packet'
import type { ControlPacket } from 'mqtt311/codec'
import { type Comparison, cpuTime } from '../measure/cpu-time.js'
import type { Effort, Row, Table } from '../part.js'
import { allocations } from './allocation.js'
import { type Sample, samples } from './codec-samples.js'

// The build, as users get it. The bare name would lead to the sources here, by the compiler's `paths`.
const built = new URL('../../dist/codec.js', import.meta.url).href
const { encodePacket, PacketDecoder, PacketWriter }: typeof import('mqtt311/codec') = await import(built)

/** What a connection writes, or reads, at once. */
const CHUNK_BYTES = 65_536
const rival = 'mqtt-packet'
const how = 'Nanoseconds of CPU time a packet; medians of 5 alternating rounds of at least 100 ms.'

/** Into the output of a connection, chunk after chunk. */
function writing(sample: Sample): Comparison {
  const packets = Math.ceil(CHUNK_BYTES / sample.bytes.length)
  const writer = new PacketWriter()
  return {
    name: sample.name,
    packets,
    ours: () => {
      for (let count = 0; count < packets; count += 1) writer.write(sample.ours)
      const chunk = writer.take()
      // As a connection does when the socket has taken the chunk.
      writer.recycle(chunk)
      return chunk.length
    },
    theirs: generating(sample, packets),
  }
}

/** Each packet to a Buffer of its own. */
function encoding(sample: Sample): Comparison {
  const packets = 100
  return {
    name: sample.name,
    packets,
    ours: () => {
      let bytes = 0
      for (let count = 0; count < packets; count += 1) bytes += encodePacket(sample.ours).length
      return bytes
    },
    theirs: generating(sample, packets),
  }
}

function generating({ theirs }: Sample, packets: number): () => number {
  return () => {
    let bytes = 0
    for (let count = 0; count < packets; count += 1) bytes += mqttPacket.generate(theirs).length
    return bytes
  }
}

/** `chunks` times the same chunk, which holds `packets` whole packets. */
function decoding(sample: Sample, packets: number, chunks = 1): Comparison {
  const chunk = Buffer.concat(new Array<Buffer>(packets).fill(sample.bytes))
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
    name: sample.name,
    packets: packets * chunks,
    ours: () => {
      for (let count = 0; count < chunks; count += 1) decoder.decode(chunk, onPacket)
      return decoded
    },
    theirs: () => {
      for (let count = 0; count < chunks; count += 1) parser.parse(chunk)
      return decoded
    },
  }
}

async function rowsOf(comparisons: readonly Comparison[], effort: Effort): Promise<Row[]> {
  const rows: Row[] = []
  for (const comparison of comparisons) rows.push(await cpuTime(comparison, effort))
  return rows
}

export async function* run(effort: Effort): AsyncGenerator<Table> {
  yield {
    id: 'codec-encode',
    title: 'Encoding into the output of a connection',
    how,
    rival,
    rows: await rowsOf(samples.map(writing), effort),
  }
  yield {
    id: 'codec-encode-alone',
    title: 'Encoding each packet to a Buffer of its own',
    how,
    rival,
    rows: await rowsOf(samples.map(encoding), effort),
  }
  yield {
    id: 'codec-decode',
    title: 'Decoding chunks of 64 KiB',
    how,
    rival,
    rows: await rowsOf(
      samples.map((sample) => decoding(sample, Math.max(1, Math.floor(CHUNK_BYTES / sample.bytes.length)))),
      effort,
    ),
    notes: ['mqtt-packet hands out payloads as views that keep the whole chunk alive; mqtt311 copies them.'],
  }
  yield {
    id: 'codec-decode-alone',
    title: 'Decoding one packet a chunk',
    how,
    rival,
    rows: await rowsOf(
      samples.map((sample) => decoding(sample, 1, 100)),
      effort,
    ),
  }
  yield await allocations()
}
