/**
 * Makes new inputs from known ones. Half of the changes are blind: they break lengths as well as anything. The other
 * half change the body of one packet and write its Remaining Length anew, so that the bytes behind the fixed header
 * are looked at as well.
 */
import type { Random } from './random.js'

const MAX_INPUT_BYTES = 4096
const MAX_CHANGES = 4

/** Values at which something changes: flags, lengths, UTF-8, wildcards, separators. */
const bytesOfInterest = [
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x23, 0x24, 0x2b, 0x2f, 0x7f, 0x80, 0x81, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xed,
  0xef, 0xf0, 0xf4, 0xf5, 0xff,
]
const lengthsOfInterest = [0, 1, 2, 3, 4, 5, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1023, 4095, 4096, 16_383, 16_384]
const hugeLengths = [65_534, 65_535, 2_097_151, 2_097_152, 268_435_454, 268_435_455]

export class Mutator {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  /** A new input from one of the corpus, and perhaps a part of another. */
  mutate(corpus: readonly Buffer[]): Buffer {
    const random = this.#random
    let bytes = random.of(corpus)
    if (random.oneIn(4)) bytes = this.#splice(bytes, random.of(corpus))
    bytes = random.oneIn(2) ? this.#change(bytes) : this.#changeBody(bytes)
    return bytes.length > MAX_INPUT_BYTES ? bytes.subarray(0, MAX_INPUT_BYTES) : bytes
  }

  /** Where the input is cut into chunks: nowhere, everywhere, at one place, regularly, or at random. */
  cuts(length: number): readonly number[] {
    const random = this.#random
    switch (random.below(5)) {
      case 0:
        return regularCuts(length, length > 512 ? 7 : 1)
      case 1:
        return [random.below(length + 1)]
      case 2:
        return regularCuts(length, 1 + random.below(8))
      case 3:
        return regularCuts(length, 1 + random.below(length + 1))
      default:
        return Array.from({ length: random.below(6) }, () => random.below(length + 1)).sort((a, b) => a - b)
    }
  }

  #change(original: Buffer): Buffer {
    let bytes: Buffer = Buffer.from(original)
    for (let left = 1 + this.#random.below(MAX_CHANGES); left > 0; left -= 1) bytes = this.#changeOnce(bytes)
    return bytes
  }

  #changeOnce(bytes: Buffer): Buffer {
    const random = this.#random
    const at = random.below(bytes.length + 1)
    const length = Math.min(bytes.length - at, 1 + random.below(8))
    switch (random.below(8)) {
      case 0:
        return bytes.length === 0 ? bytes : set(bytes, at, (bytes[at] ?? 0) ^ (1 << random.below(8)))
      case 1:
        return set(bytes, at, random.of(bytesOfInterest))
      case 2:
        return set(bytes, at, random.below(256))
      case 3:
        return Buffer.concat([bytes.subarray(0, at), Buffer.of(random.of(bytesOfInterest)), bytes.subarray(at)])
      case 4:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
      case 5:
        return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)])
      case 6: {
        const value = random.of(lengthsOfInterest)
        return set(set(bytes, at, value >>> 8), at + 1, value & 0xff)
      }
      default: {
        const value = random.of(random.oneIn(4) ? hugeLengths : lengthsOfInterest)
        return Buffer.concat([bytes.subarray(0, at), remainingLength(value), bytes.subarray(at + length)])
      }
    }
  }

  /** Changes the body of one packet and gives it the Remaining Length that it now has. */
  #changeBody(bytes: Buffer): Buffer {
    const packets = framesOf(bytes)
    if (packets.length === 0) return this.#change(bytes)
    const { start, bodyStart, end } = this.#random.of(packets)
    const body = this.#change(bytes.subarray(bodyStart, end))
    const head = bytes.subarray(0, start + 1)
    return Buffer.concat([head, remainingLength(body.length), body, bytes.subarray(end)])
  }

  /** The beginning of one and the end of another, or the one inside the other. */
  #splice(one: Buffer, other: Buffer): Buffer {
    const at = this.#random.below(one.length + 1)
    const rest = this.#random.oneIn(2) ? one.subarray(at) : Buffer.alloc(0)
    return Buffer.concat([one.subarray(0, at), other.subarray(this.#random.below(other.length + 1)), rest])
  }
}

function set(bytes: Buffer, at: number, value: number): Buffer {
  if (at < bytes.length) bytes[at] = value
  return bytes
}

function regularCuts(length: number, size: number): readonly number[] {
  return Array.from({ length: Math.floor(length / size) }, (_, index) => (index + 1) * size)
}

function remainingLength(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.of(...bytes, rest)
    bytes.push((rest & 0x7f) | 0x80)
  }
}

interface Frame {
  readonly start: number
  readonly bodyStart: number
  readonly end: number
}

/** The packets that the bytes seem to hold, as far as their lengths make sense. */
function framesOf(bytes: Buffer): readonly Frame[] {
  const frames: Frame[] = []
  let start = 0
  while (start + 1 < bytes.length) {
    let length = 0
    let bodyStart = start + 1
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = bytes[bodyStart] ?? 0
      length |= (byte & 0x7f) << shift
      bodyStart += 1
      if (byte < 0x80) break
    }
    const end = bodyStart + length
    if (end > bytes.length) break
    frames.push({ start, bodyStart, end })
    start = end
  }
  return frames
}
