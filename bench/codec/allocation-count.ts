/**
 * What the heap and the array buffers grow by while packets of which nothing is kept go through both codecs. A process of
 * its own, see `allocation.ts`.
 */
import mqttPacket from 'mqtt-packet'
import type { Row } from '../part.js'
import { type Sample, samples } from './codec-samples.js'

const { PacketDecoder, PacketWriter }: typeof import('mqtt311/codec') = await import(
  new URL('../../dist/codec.js', import.meta.url).href
)

const PACKETS = 20_000
const names = ['PUBLISH QoS 0, 64 B', 'PUBLISH QoS 1, 64 B', 'PUBLISH QoS 0, 4 KiB', 'PUBACK', 'CONNECT']

function bytesInUse(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function growth(work: () => void): number {
  globalThis.gc?.()
  const before = bytesInUse()
  work()
  return bytesInUse() - before
}

/** The least of some runs: what the compiler takes in the first of them is not the packets'. */
function bytesAPacket(work: () => void): number {
  const runs = Array.from({ length: 5 }, () => growth(work))
  // Asking takes memory as well.
  const asking = growth(() => {})
  return Math.max(0, Math.min(...runs) - asking) / PACKETS
}

function encoding({ name, ours, theirs, bytes }: Sample): Row {
  const writer = new PacketWriter()
  // A connection hands its output to the socket before it grows beyond 64 KiB.
  const together = Math.floor(65_536 / bytes.length)
  const mine = bytesAPacket(() => {
    for (let count = 0; count < PACKETS; count += 1) {
      writer.write(ours)
      if (count % together === 0) writer.recycle(writer.take())
    }
  })
  const other = bytesAPacket(() => {
    for (let count = 0; count < PACKETS; count += 1) mqttPacket.generate(theirs)
  })
  return { work: `encode ${name}`, unit: 'bytes', ours: mine, theirs: other }
}

function decoding({ name, bytes }: Sample): Row {
  const chunk = Buffer.concat(new Array<Buffer>(10).fill(bytes))
  const decoder = new PacketDecoder()
  const parser = mqttPacket.parser()
  const mine = bytesAPacket(() => {
    for (let count = 0; count < PACKETS; count += 10) decoder.decode(chunk, () => {})
  })
  const other = bytesAPacket(() => {
    for (let count = 0; count < PACKETS; count += 10) parser.parse(chunk)
  })
  return { work: `decode ${name}`, unit: 'bytes', ours: mine, theirs: other, ratio: other / mine }
}

const chosen = samples.filter(({ name }) => names.includes(name))
process.send?.([...chosen.map(encoding), ...chosen.map(decoding)])
process.disconnect()
