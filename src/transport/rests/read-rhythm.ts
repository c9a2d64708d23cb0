/**
 * Decides when a socket rests. A server that writes each packet by itself wakes a client that keeps up once for each packet, and such
 * a wake costs four times as much as the packet. A socket that rests is not read for about a millisecond. Then one read takes all
 * bytes that have come.
 *
 *   awake ──many small reads, for 2 ms──> resting ──few or very many bytes in a rest, rests of no use, a silence of 4 ms──> awake
 *
 * The bytes of a millisecond are measured in both states. If rests make them fewer, then the server waits for us during a rest: its
 * window, or ours, is too small for one. If our output ends most rests, they gather little. In both cases the socket stays awake for a
 * time, which doubles until rests are of use again. A measure of some milliseconds says little: what a server has held for us comes
 * much faster than its stream. So a long measure is not replaced by a short one before it is old.
 *
 * There is no clock and no socket here: the caller passes times and bytes.
 */

/** What a timer of one millisecond takes on most machines. */
const restMs = 1.5
/** A stream is measured for so long before it rests, so a shorter burst loses no time by rests. */
const measureMs = 2
/** A rest gains little if fewer reads come, or if they are large. */
const readsPerMs = 3
const smallReadBytes = 4_096
/** More bytes in one rest could fill the buffers of the operating system, and the server would have to wait. */
const fullRestBytes = 49_152
/**
 * A rest with less than this share of the expected bytes was too long for the stream. They may come in several reads: to a server with
 * Nagle's algorithm the first read gives the acknowledgement with which it sends what it has held during the rest.
 */
const slowShare = 0.25
const restComesMs = 0.3
/** After so many rests their rate is compared with the rate before, of which they have to keep this share. */
const comparedRests = 8
const keptShare = 0.9
/** How long a socket stays awake when rests are of no use. A server that was busy itself may be why a single rest brought little. */
const awakeMs = { first: 4, longest: 1_024 }
/**
 * A silence of such a length behind a rest: a server with Nagle's algorithm has waited for the delayed acknowledgement of Linux, which
 * does not acknowledge at the read if two segments had the same length. Equal rests make equal segments, so the socket stays awake.
 */
const heldMs = { shortest: 36, longest: 50 }
const heldAwakeMs = { first: 1_000, longest: 64_000 }
/** A long measure takes so long, and is good for so long. */
const longMeasureMs = 16
const measureIsGoodMs = 500

export class ReadRhythm {
  #state: 'awake' | 'resting' = 'awake'
  /** The bytes of this turn of the event loop; undefined before its first read. */
  #turnBytes: number | undefined
  /** What was measured since a time: turns with a read, and rests that were ended early. */
  #since: number
  #bytes = 0
  #turns = 0
  #woken = 0
  /** The bytes since the last rest, and when the first of them were read. */
  #gathered = 0
  #restEndedAt = 0
  /** How the last rest ended. */
  #lastRest: 'slept' | 'woken' = 'slept'
  /** The bytes of a millisecond without rests, and when they were measured for `longMeasureMs`. */
  #awakeRate = 0
  #measuredAt = -Infinity
  #rests = 0
  #awakeUntil = -Infinity
  #nextAwakeMs = awakeMs.first
  #nextHeldAwakeMs = heldAwakeMs.first

  constructor(now: number) {
    this.#since = now
  }

  /** The socket was read, soon after the last time. True for the first read of a turn: `turnOver` has to follow at its end. */
  read(bytes: number): boolean {
    const isFirst = this.#turnBytes === undefined
    this.#turnBytes = (this.#turnBytes ?? 0) + bytes
    return isFirst
  }

  /** The turn is over. Returns how many bytes a rest would gather; 0 if there should be none. */
  turnOver(now: number): number {
    const bytes = this.#turnBytes ?? 0
    this.#turnBytes = undefined
    this.#bytes += bytes
    this.#turns += 1
    const rests = this.#state === 'awake' ? this.#isWorthResting(now) : this.#goesOnResting(bytes, now)
    return rests ? this.#awakeRate * restMs : 0
  }

  /** A rest begins. */
  rest(now: number): void {
    this.#lastRest = 'slept'
    this.#gathered = 0
    if (this.#state === 'resting') return
    this.#state = 'resting'
    this.#rests = 0
    this.#measureFrom(now)
  }

  /** The rest was ended early. */
  woken(): void {
    this.#lastRest = 'woken'
    this.#woken += 1
  }

  /** Nothing was read for `ms`. */
  silent(ms: number, now: number): void {
    if (this.#state === 'resting' && ms >= heldMs.shortest && ms <= heldMs.longest) {
      this.#awakeUntil = now + this.#nextHeldAwakeMs
      this.#nextHeldAwakeMs = Math.min(2 * this.#nextHeldAwakeMs, heldAwakeMs.longest)
    }
    this.stayAwake(now)
  }

  /** No rest may begin. */
  stayAwake(now: number): void {
    this.#state = 'awake'
    this.#measureFrom(now)
  }

  #isWorthResting(now: number): boolean {
    const ms = now - this.#since
    if (ms < measureMs || now < this.#awakeUntil) return false
    const isWorth = this.#turns >= readsPerMs * ms && this.#bytes < smallReadBytes * this.#turns
    const isLong = ms >= longMeasureMs
    if (isLong || this.#isOld(now)) this.#awakeRate = this.#bytes / ms
    if (isLong) this.#measuredAt = now
    this.#measureFrom(now)
    return isWorth
  }

  #goesOnResting(bytes: number, now: number): boolean {
    if (this.#gathered === 0) this.#restEndedAt = now
    this.#gathered += bytes
    const isLittle = this.#lastRest === 'slept' && this.#gathered < slowShare * restMs * this.#awakeRate
    if (isLittle && now - this.#restEndedAt < restComesMs) return false
    this.#rests += 1
    if (isLittle || !this.#isOfUse(now)) {
      if (this.#isOld(now)) this.#nextAwakeMs = Math.max(longMeasureMs, this.#nextAwakeMs)
      this.#awakeUntil = now + this.#nextAwakeMs
      this.#nextAwakeMs = Math.min(2 * this.#nextAwakeMs, awakeMs.longest)
    } else if (this.#gathered < fullRestBytes) {
      if (this.#rests % comparedRests > 0 || !this.#isOld(now)) return true
      this.#awakeUntil = now + longMeasureMs
    }
    this.stayAwake(now)
    return false
  }

  #isOld(now: number): boolean {
    return now - this.#measuredAt > measureIsGoodMs
  }

  #isOfUse(now: number): boolean {
    if (this.#rests % comparedRests > 0) return true
    const keepsRate = this.#bytes >= keptShare * this.#awakeRate * (now - this.#since)
    const isOfUse = keepsRate && this.#woken < comparedRests / 2
    if (isOfUse) this.#nextAwakeMs = awakeMs.first
    this.#measureFrom(now)
    return isOfUse
  }

  #measureFrom(now: number): void {
    this.#since = now
    this.#bytes = 0
    this.#turns = 0
    this.#woken = 0
  }
}
