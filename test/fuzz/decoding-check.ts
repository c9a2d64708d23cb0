/**
 * What has to hold for any bytes:
 *
 *   - they give packets, or a MalformedPacketError behind the packets that came before the fault, and nothing else;
 *   - the packets, written again, are the bytes they came from, and the fault lies in what follows them;
 *   - the error comes again at the next call;
 *   - chunks cut elsewhere, and overwritten as soon as they were decoded, give the same;
 *   - no block of memory is asked for that is larger than a packet may be, or than BLOCK_BYTES, and in sum no more than
 *     a few times what came, and ASSEMBLY_BYTES for each chunk, which may leave a packet open.
 */
import { type ControlPacket, isMqttError, type MalformedPacketError, PacketWriter } from '../../src/codec/index.js'

/**
 * The least that a Buffer of its own may take. The blocks that payloads share are not counted: there are two in the process,
 * of fixed sizes.
 */
const BLOCK_BYTES = 4096
/** The smallest memory for a packet that a chunk has left incomplete. */
const ASSEMBLY_BYTES = 64
const COPIES_OF_A_BYTE = 4

export interface Decoder {
  decode(chunk: Uint8Array, onPacket: (packet: ControlPacket<Buffer>) => void): void
  end(): void
}

export interface Input {
  readonly bytes: Buffer
  /** Where it is cut into chunks, ascending. */
  readonly cuts: readonly number[]
  readonly maxPacketBytes: number
}

/** What should hold and does not. */
export class Finding extends Error {}

interface Outcome {
  readonly packets: readonly ControlPacket<Buffer>[]
  readonly error: MalformedPacketError | undefined
}

export class DecodingCheck {
  readonly #makeDecoder: (maxPacketBytes: number) => Decoder
  readonly #writer = new PacketWriter()
  /** Holds the chunk that is being decoded; afterwards it is overwritten, as read buffers are. */
  #chunk = Buffer.alloc(0)

  constructor(makeDecoder: (maxPacketBytes: number) => Decoder) {
    this.#makeDecoder = makeDecoder
  }

  /** Says in a word what became of the input. @throws Finding */
  check(input: Input): string {
    const whole = this.#decode(input, [])
    this.#checkPackets(input.bytes, whole)
    this.#checkSame(input.bytes, whole, this.#decode(input, input.cuts))
    const last = whole.packets.at(-1)
    return `${last?.type} ${whole.error?.fault} ${whole.error?.statement}`
  }

  #decode({ bytes, maxPacketBytes }: Input, cuts: readonly number[]): Outcome {
    if (this.#chunk.length < bytes.length) this.#chunk = Buffer.alloc(bytes.length)
    const decoder = this.#makeDecoder(maxPacketBytes)
    const packets: ControlPacket<Buffer>[] = []
    const meter = new AllocationMeter()
    let error: MalformedPacketError | undefined
    try {
      error = malformedBy(() => {
        this.#feed(decoder, bytes, cuts, packets)
      })
    } finally {
      meter.end()
    }
    insist(meter.largest <= Math.max(maxPacketBytes, BLOCK_BYTES), () => `${meter.largest} bytes asked for at once`)
    const most = COPIES_OF_A_BYTE * bytes.length + ASSEMBLY_BYTES * (cuts.length + 2)
    insist(meter.total <= most, () => `${meter.total} bytes asked for, where at most ${most} make sense`)
    if (error !== undefined) {
      const again = malformedBy(() => decoder.decode(this.#chunk.subarray(0, 0), () => undefined))
      insist(again === error, () => `the error does not come again: ${again}`)
    }
    return { packets, error }
  }

  #feed(decoder: Decoder, bytes: Buffer, cuts: readonly number[], packets: ControlPacket<Buffer>[]): void {
    let from = 0
    for (const to of [...cuts, bytes.length]) {
      const chunk = this.#chunk.subarray(0, to - from)
      chunk.set(bytes.subarray(from, to))
      try {
        decoder.decode(chunk, (packet) => packets.push(packet))
      } finally {
        chunk.fill(0xff)
      }
      from = to
    }
    decoder.end()
  }

  #checkPackets(bytes: Buffer, { packets, error }: Outcome): void {
    for (const packet of packets) this.#writer.write(packet)
    const written = this.#writer.take()
    insist(bytes.subarray(0, written.length).equals(written), () => `the packets are ${written.toString('hex')}`)
    if (error === undefined) {
      insist(written.length === bytes.length, () => `${bytes.length - written.length} bytes gave nothing`)
    } else {
      const { offset, streamOffset } = error
      insist(streamOffset - offset === written.length, () => `a fault at ${streamOffset} and ${offset}`)
      insist(offset >= 0 && streamOffset <= bytes.length, () => `a fault outside of the input, at ${streamOffset}`)
    }
  }

  #checkSame(bytes: Buffer, whole: Outcome, cut: Outcome): void {
    insist(whole.error?.message === cut.error?.message, () => `${whole.error} when whole, ${cut.error} when cut`)
    insist(
      whole.error?.fault === cut.error?.fault,
      () => `${whole.error?.fault} when whole, ${cut.error?.fault} when cut`,
    )
    insist(
      whole.packets.length === cut.packets.length,
      () => `${whole.packets.length} packets when whole, ${cut.packets.length} when cut`,
    )
    this.#checkPackets(bytes, cut)
  }
}

/** Counts the memory that Buffers take while it is in place. */
class AllocationMeter {
  total = 0
  largest = 0
  readonly #pooled = Buffer.allocUnsafe
  readonly #own = Buffer.allocUnsafeSlow

  constructor() {
    Buffer.allocUnsafe = (size) => this.#pooled(this.#counted(size))
    Buffer.allocUnsafeSlow = (size) => this.#own(this.#counted(size))
  }

  end(): void {
    Buffer.allocUnsafe = this.#pooled
    Buffer.allocUnsafeSlow = this.#own
  }

  #counted(size: number): number {
    this.total += size
    this.largest = Math.max(this.largest, size)
    return size
  }
}

function malformedBy(action: () => void): MalformedPacketError | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    if (isMqttError(error) && error.code === 'MQTT_MALFORMED_PACKET') return error
    throw new Finding(`neither packets nor a MalformedPacketError: ${error instanceof Error ? error.stack : error}`)
  }
}

function insist(holds: boolean, otherwise: () => string): void {
  if (!holds) throw new Finding(otherwise())
}
