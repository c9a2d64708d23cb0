/**
 * Whether the socket is read although messages wait for their handlers, and what becomes of a message that has no room.
 *
 * One stream carries messages and acknowledgements. A client that stops reading because messages have no room stops hearing the
 * acknowledgements of its own messages too, and a handler that awaits one of them would wait for ever. So there are two bounds:
 *
 * 1. Up to `receiveBufferBytes` everything is read and kept.
 * 2. Behind that bound nothing is read, so TCP makes the server wait, unless something that the program asked for is open and no handler
 *    has ended for `patienceMs`. Then reading goes on until half of the bound is free again, or nothing of the program's has been open
 *    for as long. A program that always has a publish open keeps its back-pressure so, as long as its handlers end.
 * 3. At `receiveBufferMaxBytes` nothing is read either. Only a standstill ends that: no handler has ended for a second, or four times
 *    as long as the slowest needed. From then on a message without room is not kept if the session brings it again.
 *    Where it does not (QoS 0, a clean session), the standstill has to be ten seconds long.
 *
 * The first message at QoS 1 or 2 that is not kept is a gap: no later one is kept on that connection, because its acknowledgement would
 * stand before that of the gap, and the server would send the gap behind it. The session fills the gap on the next connection.
 */

/** So long no handler has ended, and so long nothing was open, before either counts. */
const patienceMs = 100
/** The shortest standstill after which a message is not kept that the session brings again. */
const standstillMs = 1_000
/** The shortest standstill after which a message is dropped for good. */
const hopelessMs = 10_000
/** A handler may take so many times as long as the slowest one so far before that is a standstill. */
const slownessFactor = 4

export interface ReadingBounds {
  readonly receiveBufferBytes: number
  readonly receiveBufferMaxBytes: number
  readonly cleanSession: boolean
}

/** 'leave': the session brings it again. 'drop': nobody does. */
export type Fate = 'keep' | 'leave' | 'drop'

export class ReadingPolicy {
  readonly #bounds: ReadingBounds
  /** The time of the last `update`. */
  #now = Number.NEGATIVE_INFINITY
  #lastEndAt = Number.NEGATIVE_INFINITY
  #slowestMs = 0
  #mode: 'up to the bound' | 'behind the bound' = 'up to the bound'
  #fullSince: number | undefined
  #brimfulSince: number | undefined
  /** Since when nothing that the program asked for is open. */
  #idleSince: number | undefined
  #gap: 'none' | 'open' = 'none'
  /** Messages were kept beyond the upper bound that nobody would bring again. */
  #excess: 'none' | 'some' = 'none'

  constructor(bounds: ReadingBounds) {
    this.#bounds = bounds
  }

  /** True from the first message on that was not kept on this connection and comes again on another. */
  get hasGap(): boolean {
    return this.#gap === 'open'
  }

  /** A handler has ended that ran for `ranMs`. */
  handlerEnded(now: number, ranMs: number): void {
    this.#lastEndAt = Math.max(this.#lastEndAt, now)
    this.#slowestMs = Math.max(this.#slowestMs, ranMs)
  }

  /** What waits for handlers, and whether something of the program's is open. Call it whenever either may have changed. */
  update(now: number, backlogBytes: number, program: 'waits' | 'idle'): void {
    const { receiveBufferBytes, receiveBufferMaxBytes } = this.#bounds
    this.#now = now
    this.#fullSince = backlogBytes < receiveBufferBytes ? undefined : (this.#fullSince ?? now)
    this.#brimfulSince = backlogBytes < receiveBufferMaxBytes ? undefined : (this.#brimfulSince ?? now)
    if (this.#brimfulSince === undefined) this.#excess = 'none'
    this.#idleSince = program === 'waits' ? undefined : (this.#idleSince ?? now)
    if (this.#mode === 'up to the bound') {
      if (now >= this.#goesOnAt) this.#mode = 'behind the bound'
    } else if (backlogBytes <= receiveBufferBytes / 2 || now >= this.#turnsBackAt) {
      this.#mode = 'up to the bound'
    }
  }

  /** Whether the socket is to be read, as of the last `update`. */
  get wantsToRead(): boolean {
    if (this.#fullSince === undefined) return true
    if (this.#excess === 'some') return this.#now >= this.#dropsAt
    if (this.#gap === 'open') return true
    if (this.#mode === 'up to the bound') return false
    return this.#brimfulSince === undefined || this.#now >= Math.min(this.#leavesAt, this.#dropsAt)
  }

  /** What becomes of a new message. Ask once for each: the answer 'leave' opens the gap. */
  fateOf(now: number, message: 'comes again' | 'comes once'): Fate {
    if (message === 'comes again') {
      if (this.#gap === 'none' && now >= this.#leavesAt) this.#gap = 'open'
      return this.#gap === 'open' ? 'leave' : 'keep'
    }
    if (now >= this.#dropsAt) return 'drop'
    if (this.#brimfulSince !== undefined) this.#excess = 'some'
    return 'keep'
  }

  /** When the next `update` has something to do, as of the last one; Infinity if time alone changes nothing. */
  get nextDeadline(): number {
    const dates = [this.#goesOnAt, this.#turnsBackAt, this.#leavesAt, this.#dropsAt]
    return Math.min(...dates.filter((at) => at > this.#now))
  }

  /** A new connection has no gap. */
  connectionEnded(): void {
    this.#gap = 'none'
    this.#excess = 'none'
    this.#mode = 'up to the bound'
  }

  /** When reading goes on behind the bound. */
  get #goesOnAt(): number {
    if (this.#mode === 'behind the bound' || this.#fullSince === undefined || this.#idleSince !== undefined)
      return Number.POSITIVE_INFINITY
    return Math.max(this.#fullSince, this.#lastEndAt) + patienceMs
  }

  /** When that ends, because nothing of the program's is open. */
  get #turnsBackAt(): number {
    if (this.#mode === 'up to the bound' || this.#idleSince === undefined) return Number.POSITIVE_INFINITY
    return this.#idleSince + patienceMs
  }

  #standsStillAt(atLeastMs: number): number {
    if (this.#brimfulSince === undefined || this.#mode === 'up to the bound') return Number.POSITIVE_INFINITY
    return Math.max(this.#brimfulSince, this.#lastEndAt) + Math.max(atLeastMs, slownessFactor * this.#slowestMs)
  }

  /** When messages are left that come again. */
  get #leavesAt(): number {
    return this.#bounds.cleanSession ? Number.POSITIVE_INFINITY : this.#standsStillAt(standstillMs)
  }

  /** When messages are dropped that come once. */
  get #dropsAt(): number {
    return this.#standsStillAt(hopelessMs)
  }

  /** @internal The state as plain data. What was long ago is all alike. */
  inspect() {
    return {
      mode: this.#mode,
      gap: this.#gap,
      excess: this.#excess,
      slowestMs: this.#slowestMs,
      millisecondsSince: [this.#fullSince, this.#brimfulSince, this.#idleSince, this.#lastEndAt].map((at) =>
        at === undefined ? undefined : Math.min(this.#now - at, 60_000),
      ),
    }
  }
}
