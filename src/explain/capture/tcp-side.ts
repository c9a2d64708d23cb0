/**
 * Puts the bytes of one side of a TCP connection in order. What comes again is dropped: the first copy counts. What comes too early waits for what
 * is missing before it; a bounded number of segments waits, so that a segment with any number costs no more than its bytes.
 */
import type { TcpSegment } from './tcp-segment.js'

/** Bytes in order, and how many are missing in front of them. */
export interface OrderedBytes {
  readonly bytes: Uint8Array
  readonly missing: number
}

/** So many segments wait at most. */
const earlyMax = 1_024

/** No window of TCP is larger, so a segment further away belongs to nothing. */
const windowBytesMax = 2 ** 30

type Piece = Pick<TcpSegment, 'sequence' | 'payload' | 'payloadBytes'>

export class TcpSide {
  /** Segments that came again, whole or in part. */
  repeated = 0
  /** Segments that came too early. */
  disordered = 0
  /** Whether the first segment of the side is in the capture. */
  begins: 'at SYN' | 'in the middle' = 'in the middle'
  #next: number | undefined
  /** In the order of their sequence numbers. */
  readonly #early: Piece[] = []

  take({ sequence, isSyn, payload, payloadBytes }: TcpSegment): OrderedBytes[] {
    const start = isSyn ? (sequence + 1) >>> 0 : sequence
    if (this.#next === undefined) {
      this.#next = start
      this.begins = isSyn ? 'at SYN' : 'in the middle'
    }
    if (payloadBytes === 0) return []
    const distance = ahead(start, this.#next)
    if (Math.abs(distance) > windowBytesMax) return []
    if (distance > 0) {
      this.disordered += 1
      this.#wait({ sequence: start, payload, payloadBytes })
      return this.#early.length > earlyMax ? this.#release('at most one gap') : []
    }
    if (distance < 0) this.repeated += 1
    return [...this.#deliver({ sequence: start, payload, payloadBytes }), ...this.#release('nothing missing')]
  }

  /** What still waits, with the gaps in front of it. */
  finish(): OrderedBytes[] {
    return this.#release('any gaps')
  }

  /** Gives what is new in it, and what is missing: in front of it, and at its end if the capture has cut the frame. */
  #deliver({ sequence, payload, payloadBytes }: Piece): OrderedBytes[] {
    const distance = ahead(sequence, this.#next ?? sequence)
    if (-distance >= payloadBytes) return []
    const known = Math.max(0, -distance)
    this.#next = (sequence + payloadBytes) >>> 0
    const delivered = { bytes: payload.subarray(known), missing: Math.max(0, distance) }
    const cutOff = payloadBytes - Math.max(known, payload.length)
    return cutOff === 0 ? [delivered] : [delivered, { bytes: new Uint8Array(0), missing: cutOff }]
  }

  #wait(early: Piece): void {
    let [low, high] = [0, this.#early.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (ahead(early.sequence, this.#early[middle]?.sequence ?? 0) < 0) high = middle
      else low = middle + 1
    }
    this.#early.splice(low, 0, early)
  }

  #release(allowed: 'nothing missing' | 'at most one gap' | 'any gaps'): OrderedBytes[] {
    const released: OrderedBytes[] = []
    let gaps = 0
    let used = 0
    for (const piece of this.#early) {
      if (ahead(piece.sequence, this.#next ?? piece.sequence) > 0) {
        gaps += 1
        if (allowed === 'nothing missing' || (allowed === 'at most one gap' && gaps > 1)) break
      }
      used += 1
      released.push(...this.#deliver(piece))
    }
    this.#early.splice(0, used)
    return released
  }
}

/** How far `sequence` is ahead of `of`; sequence numbers begin again at 0 behind 2³² - 1. */
function ahead(sequence: number, of: number): number {
  return (sequence - of) | 0
}
