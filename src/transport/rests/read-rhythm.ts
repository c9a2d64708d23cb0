/**
 * Decides when a socket rests. A server that writes each packet by itself wakes a client that keeps up once for each packet, and such
 * a wake costs four times as much as the packet. A socket that rests is not read for a millisecond, or for two if its stream is fast.
 * Then one read takes all bytes that have come.
 *
 *   awake ──many small reads, for 2 or 0.5 ms──> resting ──rests of no use, a silence of 4 ms──> awake
 *
 * A rest that brings few bytes is followed by half a millisecond awake, which shows whether the stream goes on: the server may have been
 * busy, or the stream is over.
 *
 * The bytes of a millisecond are measured in both states. If rests make them fewer, then the server waits for us during a rest: its
 * window, or ours, is too small for one. If our output ends most rests, they gather little. In both cases the socket stays awake for a
 * time, which doubles until rests are of use again. A measure of some milliseconds says little: what a server has held for us comes
 * much faster than its stream. So a long measure is not replaced by a short one before it is old.
 *
 * There is no clock and no socket here: the caller passes times and bytes.
 */

/** What a timer of one millisecond takes on most machines, and one of two. */
const restMs = 1.5
const longRestMs = 2.5
/**
 * A stream of so many bytes in a millisecond rests a millisecond longer, because a wake of the process costs as much as a hundred
 * packets. If it is faster still, a long rest gathers too many bytes.
 */
const longRestsFrom = 8_000
const longRestsTo = 19_000
/**
 * A stream is measured for so long before it rests, so a shorter burst loses no time by rests. A stream whose rate is known was not over
 * when its rests were: what it needs is a sign that it goes on.
 */
const measureMs = 2
const lookMs = 0.5
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
/** After so many rests their rate is compared with the rate before, of which they have to keep such a share; roughly already halfway. */
const comparedRests = 16
const keptShare = 0.9
const halfwayRests = 8
const halfwayShare = 0.5
/** How long a socket stays awake when rests are of no use. */
const firstAwakeMs = 4
const longestAwakeMs = 1_024
/**
 * A silence of such a length behind a rest: a server with Nagle's algorithm has waited for the delayed acknowledgement of Linux, which
 * does not acknowledge at the read if two segments had the same length. Equal rests make equal segments, so the socket stays awake,
 * twice as long each time. After as many rests as it would stay awake for milliseconds, such a silence is chance: the socket rests on.
 */
const shortestHeldMs = 36
const longestHeldMs = 50
const firstHeldAwakeMs = 1_000
const longestHeldAwakeMs = 64_000
/**
 * A long measure takes so long. Its small reads cost as much as those of a hundred milliseconds with rests, so it is good for some
 * seconds. If rests seem to be of no use after a part of that time, the stream is measured again, because it may have become slower.
 */
const longMeasureMs = 16
const measureIsGoodMs = 4_000
const measureIsSureMs = 500

export class ReadRhythm {
  #state: 'awake' | 'resting' = 'awake'
  /** The bytes of this turn of the event loop; undefined before its first read. */
  #turnBytes: number | undefined
  /** What was measured since a time, awake: bytes, and turns with a read. */
  #since: number
  #bytes = 0
  #turns = 0
  /** All bytes since the last rest, and when the first of them were read. Infinity if it was ended early: so they say nothing. */
  #gathered = 0
  #restEndedAt = 0
  /** When the last rest began. */
  #restBeganAt = 0
  /** The rests of this stream; and what some of them took and brought, and how many were ended early. */
  #rests = 0
  #comparedMs = 0
  #comparedBytes = 0
  #woken = 0
  /** The bytes of a millisecond without rests, and when they were measured for `longMeasureMs`. */
  #awakeRate = 0
  #measuredAt = -Infinity
  #awakeUntil = -Infinity
  #nextAwakeMs = firstAwakeMs
  #nextHeldAwakeMs = firstHeldAwakeMs
  /** The rests since a server was held. */
  #restsSinceHeld = 0

  constructor(now: number) {
    this.#since = now
  }

  /** The socket was read, soon after the last time. True for the first read of a turn: `turnOver` has to follow at its end. */
  read(bytes: number): boolean {
    const isFirst = this.#turnBytes === undefined
    this.#turnBytes = (this.#turnBytes ?? 0) + bytes
    return isFirst
  }

  /** Whether `turnOver` will follow. */
  get isInTurn(): boolean {
    return this.#turnBytes !== undefined
  }

  /** The milliseconds of the timer that ends the next rest. */
  get timerMs(): 1 | 2 {
    return this.#awakeRate < longRestsFrom || this.#awakeRate > longRestsTo ? 1 : 2
  }

  /** How many bytes the next rest will gather. */
  get #restBytes(): number {
    return this.#awakeRate * (this.timerMs === 1 ? restMs : longRestMs)
  }

  /** The turn is over. Returns how many bytes a rest would gather; 0 if there should be none. */
  turnOver(now: number): number {
    const bytes = this.#turnBytes ?? 0
    this.#turnBytes = undefined
    this.#bytes += bytes
    this.#turns += 1
    const rests = this.#state === 'awake' ? this.#isWorthResting(now) : this.#goesOnResting(bytes, now)
    return rests ? this.#restBytes : 0
  }

  /** A rest begins. */
  rest(now: number): void {
    this.#state = 'resting'
    this.#gathered = 0
    this.#restBeganAt = now
    if (this.#rests === 0) this.#compareAnew()
  }

  /** The rest was ended early. */
  woken(): void {
    this.#gathered = Infinity
    this.#woken += 1
  }

  /** Nothing was read for `ms`. */
  silent(ms: number, now: number): void {
    if (this.#state === 'resting' && ms >= shortestHeldMs && ms <= longestHeldMs) this.#wasHeld(now)
    this.stayAwake(now)
  }

  /** No rest may begin. */
  stayAwake(now: number): void {
    this.#rests = 0
    this.#lookFrom(now)
  }

  #isWorthResting(now: number): boolean {
    const ms = now - this.#since
    const isOld = this.#isOlder(measureIsGoodMs, now)
    if (ms < (isOld ? measureMs : lookMs) || now < this.#awakeUntil) return false
    const isLong = ms >= longMeasureMs
    if (isLong || isOld) this.#awakeRate = this.#bytes / ms
    if (isLong) this.#measuredAt = now
    const isSmall = this.#bytes < smallReadBytes * this.#turns && this.#restBytes < fullRestBytes
    const isWorth = isSmall && this.#turns >= readsPerMs * ms
    this.#lookFrom(now)
    return isWorth
  }

  #goesOnResting(bytes: number, now: number): boolean {
    if (this.#gathered === 0) this.#restEndedAt = now
    this.#gathered += bytes
    const isLittle = this.#gathered < slowShare * this.#restBytes
    if (isLittle && now - this.#restEndedAt < restComesMs) return false
    this.#rests += 1
    this.#restsSinceHeld += 1
    if (this.#gathered < Infinity) {
      this.#comparedBytes += this.#gathered
      this.#comparedMs += now - this.#restBeganAt
    }
    if (this.#isOfUse() && (this.#rests % comparedRests !== 0 || !this.#isOlder(measureIsGoodMs, now))) {
      if (isLittle) this.#lookFrom(now)
      return !isLittle
    }
    if (this.#isOlder(measureIsSureMs, now)) {
      this.#awakeUntil = now + longMeasureMs
    } else {
      this.#awakeUntil = now + this.#nextAwakeMs
      this.#nextAwakeMs = Math.min(2 * this.#nextAwakeMs, longestAwakeMs)
    }
    this.stayAwake(now)
    return false
  }

  #isOlder(ms: number, now: number): boolean {
    return now - this.#measuredAt > ms
  }

  #isOfUse(): boolean {
    if (this.#rests % halfwayRests !== 0) return true
    const isHalfway = this.#rests % comparedRests !== 0
    const share = isHalfway ? halfwayShare : keptShare
    const keepsRate = this.#comparedBytes >= share * this.#awakeRate * this.#comparedMs
    const isOfUse = keepsRate && this.#woken < (isHalfway ? halfwayRests : comparedRests) / 2
    if (isHalfway) return isOfUse
    if (isOfUse) this.#nextAwakeMs = firstAwakeMs
    this.#compareAnew()
    return isOfUse
  }

  #wasHeld(now: number): void {
    if (this.#restsSinceHeld >= this.#nextHeldAwakeMs) {
      this.#nextHeldAwakeMs = firstHeldAwakeMs
    } else {
      this.#awakeUntil = now + this.#nextHeldAwakeMs
      this.#nextHeldAwakeMs = Math.min(2 * this.#nextHeldAwakeMs, longestHeldAwakeMs)
    }
    this.#restsSinceHeld = 0
  }

  #lookFrom(now: number): void {
    this.#state = 'awake'
    this.#since = now
    this.#bytes = 0
    this.#turns = 0
  }

  #compareAnew(): void {
    this.#comparedMs = 0
    this.#comparedBytes = 0
    this.#woken = 0
  }
}
