/**
 * Suspects: what the server may refuse by closing the connection.
 *
 * MQTT 3.1.1 has no answer that refuses a PUBLISH, and many servers do not refuse a SUBSCRIBE with SUBACK either: they close. But bad
 * links, restarts, and a second client with the same Client Identifier cut connections too. So a packet is blamed only for what is
 * proved. After two short connections in a row the next one is careful (`connection/care.ts`): it is quiet at first, and then asks one
 * thing at a time. A cut soon after a packet that was alone on a quiet connection is a strike against the packet:
 *
 *   struck --3 strikes--> parked --`abandonAfter` strikes, and another PUBLISH answered since the first--> abandoned
 *
 * A Topic Filter of the program is refused at its third strike. A parked message is asked for after all others, so they go on without
 * it. A Topic Filter that the client itself asks for again is parked too, and never given up.
 *
 * A cut in the quiet says that the cuts have another cause: all strikes are forgotten. If nothing is answered although several topics
 * were tried, the server refuses all, and no message is to blame: strikes of messages are forgotten. If no other message can show
 * that the server answers, a message is abandoned after ten minutes of strikes, and no second one before a PUBLISH is answered.
 */
import type { OutgoingMessage } from '../exchange/outgoing-message.js'

/** A message, or a Topic Filter. */
export type Suspect<P> = OutgoingMessage<P> | string

/** What follows from a strike. */
export type Verdict = 'struck' | 'parked' | 'abandoned' | 'refused'

/** How the last connection ended, if the server or the network has cut it. */
export interface CutReport {
  /** What was unanswered, as text for people. */
  readonly unanswered: readonly string[]
  /** What the server may lack, as text for people, with what to do. */
  readonly hint?: string | undefined
  /** 'quiet': nothing was asked. 'strike': one thing was asked alone. 'other': neither, so the cut proves nothing. */
  readonly proves: 'quiet' | 'strike' | 'other'
  /** After a strike. */
  readonly verdict?: Verdict | undefined
  readonly strikes?: number | undefined
}

interface Strikes {
  readonly count: number
  readonly firstAt: number
  readonly lastAt: number
  /** How many PUBLISHes were answered before the first strike. */
  readonly answersBefore: number
}

/** A connection that was cut sooner after CONNACK is a short one. */
export const shortConnectionMs = 30_000
const cutsBeforeCare = 2
/** At so many strikes a suspect is parked, and a Topic Filter of the program is refused. */
export const strikesToPark = 3
const unprovedAfterMs = 600_000
/** A parked message is tried on each careful connection up to so many strikes, and then more and more rarely. */
const strikesAtOnce = 5
const retryMs = 60_000
const retryMaxMs = 3_600_000
/** So many topics without an answer are enough: the server refuses all. */
const topicsMax = 8

const none = new Map<never, never>()

/** The suspects of a session, over its connections. */
export class Suspects<P> {
  readonly #abandonAfter: number
  /** Short connections in a row. */
  #cuts = 0
  /** Made at the first strike: an empty Map takes 184 bytes, and most clients never need one. */
  #strikes: Map<Suspect<P>, Strikes> = none
  /** How many PUBLISHes were answered. */
  #answers = 0
  /** The number of answers when a message was last abandoned without proof. */
  #unprovedAt: number | undefined
  /** When a connection was last careful to its end. */
  #careEndedAt = -Infinity
  /** Undefined unless the last connection was cut. */
  lastCut: CutReport | undefined

  /** `abandonAfter` is the number of strikes at which a message is abandoned; Infinity: never. */
  constructor(abandonAfter: number) {
    this.#abandonAfter = abandonAfter
  }

  /** Whether the next connection is careful. */
  get wantsCare(): boolean {
    return this.#cuts >= cutsBeforeCare
  }

  /** A PUBLISH is answered: by PUBACK or PUBREC. */
  answered(message: OutgoingMessage<P>): void {
    this.#answers += 1
    this.forget(message)
  }

  /** The suspect is answered, is asked for by the program, or is not wanted any more. */
  forget(suspect: Suspect<P>): void {
    if (this.#strikes.size > 0) this.#strikes.delete(suspect)
  }

  isParked(suspect: Suspect<P>): boolean {
    return (this.#strikes.get(suspect)?.count ?? 0) >= strikesToPark
  }

  /** Whether a parked suspect may be tried now. */
  isDue(suspect: Suspect<P>, now: number): boolean {
    return now >= this.#dueAt(suspect)
  }

  #dueAt(suspect: Suspect<P>): number {
    const strikes = this.#strikes.get(suspect)
    const more = (strikes?.count ?? 0) - (typeof suspect === 'string' ? strikesToPark : strikesAtOnce)
    if (strikes === undefined || more < 0) return -Infinity
    return strikes.lastAt + Math.min(retryMs * 2 ** more, retryMaxMs)
  }

  /** When a connection has to become careful, because a parked suspect is to be tried; Infinity if none is parked. */
  get trialAt(): number {
    let at = Infinity
    for (const suspect of this.#strikes.keys()) if (this.isParked(suspect)) at = Math.min(at, this.#dueAt(suspect))
    return Math.max(at, this.#careEndedAt + retryMs)
  }

  /** A connection has ended after `upForMs`, and proved no strike: it was cut, or an answer was missing for too long. */
  ended(how: 'cut' | 'unanswered', upForMs: number): void {
    if (how === 'cut' && upForMs >= shortConnectionMs) this.#proveGood()
    else this.#cuts += 1
  }

  #proveGood(): void {
    this.#cuts = 0
    for (const suspect of [...this.#strikes.keys()]) if (!this.isParked(suspect)) this.#strikes.delete(suspect)
  }

  /** A careful connection has done its part, at most `lastedMs` after it began to ask. */
  careEnded(now: number, lastedMs: number): void {
    this.#careEndedAt = now
    if (lastedMs >= shortConnectionMs) this.#proveGood()
  }

  /** Nothing was asked, and the connection was cut all the same. */
  cutInTheQuiet(): void {
    this.#cuts = 0
    this.#strikes.clear()
  }

  /** The connection was cut soon after this suspect was sent alone. `asker` has sent it. */
  strike(suspect: Suspect<P>, asker: 'program' | 'client', now: number): { verdict: Verdict; strikes: number } {
    const before = this.#strikes.get(suspect) ?? { count: 0, firstAt: now, answersBefore: this.#answers }
    const strikes = { ...before, count: before.count + 1, lastAt: now }
    if (this.#strikes === none) this.#strikes = new Map()
    this.#strikes.set(suspect, strikes)
    const verdict = this.#judge(suspect, asker, strikes)
    if (verdict === 'abandoned' || verdict === 'refused') this.#strikes.delete(suspect)
    return { verdict, strikes: strikes.count }
  }

  #judge(suspect: Suspect<P>, asker: 'program' | 'client', strikes: Strikes): Verdict {
    if (typeof suspect !== 'string' && this.#isGivenUp(strikes)) return 'abandoned'
    if (strikes.count < strikesToPark) return 'struck'
    return typeof suspect === 'string' && asker === 'program' ? 'refused' : 'parked'
  }

  #isGivenUp({ count, firstAt, lastAt, answersBefore }: Strikes): boolean {
    if (count < this.#abandonAfter) return false
    if (this.#answers > answersBefore) return true
    if (this.#unprovedAt === this.#answers || lastAt - firstAt < unprovedAfterMs || this.#areOfManyTopics) return false
    this.#unprovedAt = this.#answers
    return true
  }

  get #areOfManyTopics(): boolean {
    return new Set(this.#messages.map(({ topic }) => topic)).size > 1
  }

  get #messages(): readonly OutgoingMessage<P>[] {
    return [...this.#strikes.keys()].filter((suspect) => typeof suspect !== 'string')
  }

  /**
   * The topics that are not tried now, because another one has to show that the server answers at all: those of parked messages, if
   * nothing was answered since the first strike of one. Until then messages of other topics pass all messages of these topics. A
   * message on another topic that is only struck keeps its place in the order [MQTT-4.6.0-1].
   */
  get parkedTopics(): ReadonlySet<string> {
    const parked = this.#messages.filter((message) => this.isParked(message))
    const isUnproved = parked.some((message) => this.#strikes.get(message)?.answersBefore === this.#answers)
    return new Set(isUnproved ? parked.map(({ topic }) => topic) : [])
  }

  /** No other topic is left to try. Returns true if that says that the server refuses all messages: then no message is a suspect. */
  refusesAll(): boolean {
    if (!this.#areOfManyTopics) return false
    for (const message of this.#messages) this.#strikes.delete(message)
    return true
  }

  /** Whether so many topics are parked that no other one need be tried. */
  get triedEnough(): boolean {
    return this.parkedTopics.size >= topicsMax
  }

  /** @internal The state as plain data, for tests and for debugging. Times count from `now`. */
  inspect(now: number) {
    return {
      cuts: Math.min(this.#cuts, cutsBeforeCare),
      strikes: [...this.#strikes].map(([suspect, { count, firstAt, lastAt, answersBefore }]) => ({
        suspect: typeof suspect === 'string' ? suspect : suspect.sequence,
        count,
        firstAt: firstAt - now,
        lastAt: lastAt - now,
        answered: this.#answers > answersBefore,
      })),
      unproved: this.#unprovedAt === this.#answers,
      careEndedAt: this.#strikes.size === 0 ? 0 : this.#careEndedAt - now,
    }
  }
}
