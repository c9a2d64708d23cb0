/**
 * Decides whether the socket is read while messages wait for their handlers, and what happens to a message that has no room.
 *
 * One stream carries messages and acknowledgements. A client that does not read because messages have no room does not get the
 * acknowledgements of its own messages either. A handler that awaits one of these would wait for ever. So there are two bounds:
 *
 * 1. Up to the lower bound, `receiveBufferBytes`, every message is read and kept.
 * 2. Past the lower bound the socket is not read, so TCP makes the server wait. There is one exception: the program waits for an answer
 *    (to a publish, a subscribe, a ping), and no handler has ended for `patienceMs`. Then the socket is read until the backlog has
 *    shrunk to half of the bound, or until the program has waited for nothing for `patienceMs`. So back-pressure also works for a
 *    program that always has a publish open, as long as its handlers end.
 * 3. At the upper bound, `receiveBufferMaxBytes`, the socket is not read, even if the program waits for an answer. Only a standstill
 *    ends that: the program waits, and no handler has ended for a second, or for four times as long as the slowest handler so far. From
 *    then on a message without room is postponed, which means that it is not kept and the session brings it again. If the session
 *    cannot bring a message again (QoS 0, a clean session), the standstill must last ten seconds; then the message is dropped.
 *    A handler that waits for an answer is as slow as the answer. So the time in which no answer can come, because of a standstill or
 *    without a connection, does not count in its duration: otherwise each standstill would last four times as long as the one before.
 *
 * The first postponed message is a gap: every later message at QoS 1 or 2 on that connection is postponed too. If a later message were
 * kept and acknowledged, the server would send the postponed one after it, in the wrong order. The next connection fills the gap.
 */

/** How long no handler must have ended, or the program have waited for nothing, before the policy reacts. */
const patienceMs = 100
/** The shortest standstill after which a message is postponed. */
const standstillMs = 1_000
/** The shortest standstill after which a message is dropped. */
const dropStandstillMs = 10_000
/** No standstill counts before so many times the duration of the slowest handler so far. */
const slownessFactor = 4

export interface ReadingBounds {
  readonly receiveBufferBytes: number
  readonly receiveBufferMaxBytes: number
  readonly cleanSession: boolean
}

/** 'postpone': not kept, and the session brings the message again. 'drop': not kept, and the message is lost. */
export type Fate = 'keep' | 'postpone' | 'drop'

export class ReadingPolicy {
  readonly #bounds: ReadingBounds
  /** The time of the last `update`. */
  #now = -Infinity
  #lastEndAt = -Infinity
  #slowestMs = 0
  #mode: 'up to the bound' | 'past the bound' = 'up to the bound'
  /** Since when the backlog has reached the lower bound; undefined below it. */
  #lowerBoundSince: number | undefined
  /** Since when the backlog has reached the upper bound; undefined below it. */
  #upperBoundSince: number | undefined
  /** Since when the program waits for nothing; undefined while it waits. */
  #idleSince: number | undefined
  #gap: 'none' | 'open' = 'none'
  /** 'some': a message that comes only once was kept although the backlog had reached the upper bound. */
  #excess: 'none' | 'some' = 'none'
  /** Since when answers can come: since the connection began, or since the last standstill ended. Infinity without a connection. */
  #readingSince = Infinity

  constructor(bounds: ReadingBounds) {
    this.#bounds = bounds
  }

  /** True from the first message that was postponed on this connection. */
  get hasGap(): boolean {
    return this.#gap === 'open'
  }

  /** A handler has ended; it ran for `ranMs`, of which only the time counts in which answers could come. */
  handlerEnded(now: number, ranMs: number): void {
    this.#lastEndAt = Math.max(this.#lastEndAt, now)
    this.#slowestMs = Math.max(this.#slowestMs, Math.min(ranMs, now - this.#readingSince))
  }

  /** Takes the size of the backlog, and whether the program waits for an answer. Call it whenever one of them may have changed. */
  update(now: number, backlogBytes: number, program: 'waits' | 'idle'): void {
    const { receiveBufferBytes, receiveBufferMaxBytes } = this.#bounds
    if (this.#upperBoundSince !== undefined) {
      for (const at of [this.#postponesAt, this.#dropsAt]) if (this.#now < at && at <= now) this.#readingSince = now
    }
    this.#readingSince = Math.min(this.#readingSince, now)
    this.#now = now
    this.#lowerBoundSince = backlogBytes < receiveBufferBytes ? undefined : (this.#lowerBoundSince ?? now)
    this.#upperBoundSince = backlogBytes < receiveBufferMaxBytes ? undefined : (this.#upperBoundSince ?? now)
    if (this.#upperBoundSince === undefined) this.#excess = 'none'
    this.#idleSince = program === 'waits' ? undefined : (this.#idleSince ?? now)
    if (this.#mode === 'up to the bound') {
      if (now >= this.#readsPastBoundAt) this.#mode = 'past the bound'
    } else if (backlogBytes <= receiveBufferBytes / 2 || now >= this.#stopsPastBoundAt) {
      this.#mode = 'up to the bound'
    }
  }

  /** Whether the socket should be read, as of the last `update`. */
  get wantsToRead(): boolean {
    if (this.#lowerBoundSince === undefined) return true
    if (this.#excess === 'some') return this.#now >= this.#dropsAt
    if (this.#gap === 'open') return true
    if (this.#mode === 'up to the bound') return false
    return this.#upperBoundSince === undefined || this.#now >= Math.min(this.#postponesAt, this.#dropsAt)
  }

  /** Decides about a new message. Call it once for each message: the answer 'postpone' opens the gap. */
  fateOf(now: number, message: 'comes again' | 'comes once'): Fate {
    // Nearly every message has room. Without this line it would cost two comparisons of times.
    if (this.#upperBoundSince === undefined && this.#gap === 'none') return 'keep'
    if (message === 'comes again') {
      if (this.#gap === 'none' && now >= this.#postponesAt) this.#gap = 'open'
      return this.#gap === 'open' ? 'postpone' : 'keep'
    }
    if (now >= this.#dropsAt) return 'drop'
    if (this.#upperBoundSince !== undefined) this.#excess = 'some'
    return 'keep'
  }

  /** When the next `update` is due, as of the last one; Infinity if nothing changes without an event. */
  get nextDeadline(): number {
    if (this.#mode === 'up to the bound') return this.#readsPastBoundAt
    const dates = [this.#stopsPastBoundAt, this.#postponesAt, this.#dropsAt]
    return Math.min(...dates.filter((at) => at > this.#now))
  }

  /** A new connection has no gap. */
  connectionEnded(): void {
    this.#gap = 'none'
    this.#excess = 'none'
    this.#mode = 'up to the bound'
    this.#readingSince = Infinity
  }

  /** When reading past the lower bound begins, in the mode 'up to the bound'. */
  get #readsPastBoundAt(): number {
    if (this.#lowerBoundSince === undefined || this.#idleSince !== undefined) return Infinity
    return Math.max(this.#lowerBoundSince, this.#lastEndAt) + patienceMs
  }

  /** When reading past the lower bound ends because the program waits for nothing, in the mode 'past the bound'. */
  get #stopsPastBoundAt(): number {
    return this.#idleSince === undefined ? Infinity : this.#idleSince + patienceMs
  }

  #standsStillAt(atLeastMs: number): number {
    if (this.#upperBoundSince === undefined || this.#mode === 'up to the bound') return Infinity
    return Math.max(this.#upperBoundSince, this.#lastEndAt) + Math.max(atLeastMs, slownessFactor * this.#slowestMs)
  }

  /** From when messages that come again are postponed. */
  get #postponesAt(): number {
    return this.#bounds.cleanSession ? Infinity : this.#standsStillAt(standstillMs)
  }

  /** From when messages that come only once are dropped. */
  get #dropsAt(): number {
    return this.#standsStillAt(dropStandstillMs)
  }

  /** @internal The state as plain data. All times more than a minute ago are given as a minute. */
  inspect() {
    return {
      mode: this.#mode,
      gap: this.#gap,
      excess: this.#excess,
      slowestMs: this.#slowestMs,
      millisecondsSince: [
        this.#lowerBoundSince,
        this.#upperBoundSince,
        this.#idleSince,
        this.#lastEndAt,
        this.#readingSince,
      ].map((at) => (at === undefined ? undefined : Math.min(this.#now - at, 60_000))),
    }
  }
}
