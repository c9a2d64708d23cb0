/**
 * The Control Packets of one connection, of both sides, in the order in which their last bytes came.
 *
 * A packet is named once all its bytes are there. Until then its pieces wait, and are joined once, so a large packet in many pieces
 * costs no more than its bytes.
 */
import { typeOfFirstByte } from '../../codec/packet-type.js'
import type { Annotation } from '../annotation.js'
import { explain } from '../explain.js'
import { joinBytes } from '../input/hex-text.js'
import { countBytes } from '../listing/numerals.js'

export type Side = 'client' | 'server'

/** What one side has sent, or what is missing of it. */
export interface ConversationPart {
  readonly side: Side
  readonly bytes: Uint8Array
  /** So many bytes in front of these are missing. */
  readonly missing?: number | undefined
  /** When the bytes came, in microseconds; undefined if nobody knows. */
  readonly atUs?: number | undefined
}

export type ConversationEvent =
  | {
      readonly is: 'packet'
      readonly side: Side
      readonly atUs: number | undefined
      readonly packet: readonly Annotation[]
    }
  /** Bytes that are missing, or that stand where no packet can be found any more. */
  | { readonly is: 'note'; readonly side: Side; readonly atUs: number | undefined; readonly text: string }

/** Yields what the sides have sent. The offsets of a side begin at its first byte. */
export function* readConversation(parts: Iterable<ConversationPart>): Generator<ConversationEvent> {
  const sides = { client: new StreamSide('client'), server: new StreamSide('server') }
  for (const part of parts) yield* sides[part.side].take(part)
  yield* sides.client.end()
  yield* sides.server.end()
}

/** 'packets': the next byte begins a packet. 'lost': nobody knows where the next packet begins. */
type State = 'packets' | 'lost'

class StreamSide {
  readonly #side: Side
  #pieces: Uint8Array[] = []
  #waiting = 0
  /** The offset of the first byte that waits. */
  #offset = 0
  /** How many bytes the present packet needs. */
  #needed = 2
  /** Bytes of a packet with a gap, which are passed over. */
  #skip = 0
  #state: State = 'packets'
  #unread = 0
  #atUs: number | undefined

  constructor(side: Side) {
    this.#side = side
  }

  *take({ bytes, missing = 0, atUs }: ConversationPart): Generator<ConversationEvent> {
    this.#atUs = atUs
    if (missing > 0) yield* this.#lose(missing)
    if (this.#state === 'lost') {
      this.#unread += bytes.length
      return
    }
    const skipped = Math.min(this.#skip, bytes.length)
    this.#skip -= skipped
    this.#offset += skipped
    this.#append(bytes.subarray(skipped))
    while (this.#waiting >= this.#needed) {
      const whole = this.#join()
      const size = sizeOfPacket(whole)
      if (size === undefined && whole.length < 5) {
        this.#needed = whole.length + 1
        return
      }
      if (size !== undefined && size > whole.length) {
        this.#needed = size
        return
      }
      const packet = whole.subarray(0, size)
      yield this.#packet(packet)
      if (this.#isLost()) return
      this.#pieces = []
      this.#waiting = 0
      this.#offset += packet.length
      this.#needed = 2
      this.#append(whole.subarray(packet.length))
    }
  }

  *end(): Generator<ConversationEvent> {
    if (this.#state === 'packets' && this.#waiting > 0) yield this.#packet(this.#join())
    else if (this.#unread > 0) yield this.#note(`${countBytes(this.#unread)} more, not looked at`)
  }

  #append(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#pieces.push(bytes)
    this.#waiting += bytes.length
  }

  #join(): Uint8Array {
    const [first] = this.#pieces
    const whole = this.#pieces.length === 1 && first !== undefined ? first : joinBytes(this.#pieces)
    this.#pieces = [whole]
    return whole
  }

  /** A gap inside a packet of known length is passed over with the rest of the packet. */
  *#lose(missing: number): Generator<ConversationEvent> {
    if (this.#state === 'lost') return
    const text = `${countBytes(missing)} missing in the capture`
    const size = this.#waiting === 0 ? undefined : sizeOfPacket(this.#join())
    const rest = size === undefined ? this.#skip : size - this.#waiting
    if (rest < missing) {
      yield this.#note(`${text}: nobody knows where the next packet begins`)
      this.#state = 'lost'
      return
    }
    yield this.#note(
      `${text}, ${size === undefined ? 'of the same packet' : `of a packet of ${countBytes(size)}, which is passed over`}`,
    )
    this.#offset += this.#waiting + missing
    this.#skip = rest - missing
    this.#pieces = []
    this.#waiting = 0
    this.#needed = 2
  }

  #packet(bytes: Uint8Array): ConversationEvent {
    const packet = explain(bytes).map((annotation) => moved(annotation, this.#offset))
    if (packet.some(({ fault }) => fault !== undefined)) this.#state = 'lost'
    return { is: 'packet', side: this.#side, atUs: this.#atUs, packet }
  }

  #isLost(): boolean {
    return this.#state === 'lost'
  }

  #note(text: string): ConversationEvent {
    return { is: 'note', side: this.#side, atUs: this.#atUs, text }
  }
}

function moved(annotation: Annotation, by: number): Annotation {
  const { offset, faultOffset } = annotation
  return { ...annotation, offset: offset + by, ...(faultOffset === undefined ? {} : { faultOffset: faultOffset + by }) }
}

/** The size of the packet at the start, or undefined if its fixed header is incomplete or malformed. */
export function sizeOfPacket(bytes: Uint8Array): number | undefined {
  const [first = 0] = bytes
  if (typeOfFirstByte[first] === undefined) return undefined
  let remainingLength = 0
  for (let index = 1; index <= 4; index += 1) {
    const byte = bytes[index]
    if (byte === undefined) return undefined
    remainingLength += (byte & 0x7f) * 128 ** (index - 1)
    if (byte < 0x80) return 1 + index + remainingLength
  }
  return undefined
}
