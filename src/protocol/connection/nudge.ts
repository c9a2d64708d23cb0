/**
 * A server with Nagle's algorithm sends the first answer to a burst alone, and holds the others until our TCP acknowledges the first.
 * Our kernel waits 40 ms with that, because we have nothing to send. A PINGREQ carries the acknowledgement: a nudge.
 *
 *   trying ──three of three nudges help──> known ──a silence ends early without a nudge──> off
 *     │ ^────────one does not help───────────┘
 *     └──two do not help, or five were sent──> off
 *
 * A nudge is for a silence. A silence begins with an answer, if another one is due, and ends with the next one, or with what we write.
 * A nudge is sent when the other answer takes longer than the last one did; only one in a silence. If the round trip is long, none is
 * sent: answers on their way would look like its effect. Once it is known that nudges help, the first one of a burst is sent at once,
 * and so is one behind SUBACK, because retained messages may be held. Now and then a silence is left alone. If two of these end early,
 * one after the other, then no nudge was needed.
 *
 * A nudge frees only what the server has answered by then. So the second nudge of a burst waits for half of the time that the other
 * answers may take, by the pace of those that have come, the third for all of it, and the fourth for half as much again.
 *
 * The PINGRESP to a nudge is held as well, for 40 ms or until we write again. Then it comes alone, and the answers to what we wrote are
 * held behind it. So a PINGRESP after a write begins a silence too, and such a round trip says nothing about the network.
 *
 * This class only decides. A nudge is no part of Keep Alive: it moves no clock of it, and proves nothing about the server.
 */

/** How much longer than the last answer the next one takes before a nudge. While a socket rests, it is not read for up to 3 ms. */
const longerMs = 1
const longerWhileTryingMs = 3
/** The time for the program to write something when an answer has come, which makes a nudge needless. */
const atOnceMs = 0.01
/** The longest smoothed round trip. */
const roundTripMaxMs = 20
/** A nudge has helped if an answer comes within so many round trips, and half a millisecond. */
const helpRoundTrips = 1.5
const helpMs = 0.5
const helpsToKnow = 3
const failuresMax = 2
const triesMax = 5
/** The shortest time between two nudges until PINGRESP comes, the longest wait for a burst of many, and the most nudges for one burst. */
const betweenMs = 1
const restMaxMs = 10
const perBurstMax = 4
/** The first silence and one of so many is left alone. The delay of Nagle's algorithm is longer than so many milliseconds. */
const leftAloneEvery = 16
const leftAloneMs = 25

/** Decides about the nudges of one connection. All times are in milliseconds. */
export class Nudge {
  #state: 'trying' | 'known' | 'off'
  #silence: 'none' | 'open' | 'nudged' | 'left alone' = 'none'
  /** The last answer: when it came, when its packet was written (the same for all of a burst), and the time between. */
  #answerAt = -Infinity
  #burst = Number.NaN
  #waitMs = 0
  #roundTripMs = 0
  /** When SUBACK came; undefined after a write. */
  #subackAt: number | undefined
  /** No nudge is sent sooner: `betweenMs` after the last one, or when its PINGRESP has come. */
  #notBefore = -Infinity
  #nudgesOfBurst = 0
  #answersOfBurst = 0
  /** How long the other answers of the burst may take. */
  #restMs = 0
  /** What was written last, and is not yet followed by PINGRESP. A nudge is handed to the socket a moment after it is due. */
  #output: 'nothing' | 'a nudge is due' | 'more' = 'nothing'
  #helps = 0
  #failures = 0
  #tries = 0
  #untilLeftAlone = 0

  constructor(isAllowed: boolean) {
    this.#state = isAllowed ? 'trying' : 'off'
  }

  /** Bytes were handed to the socket. True if they were a nudge. */
  written(): boolean {
    const isNudge = this.#output === 'a nudge is due'
    this.#output = isNudge ? 'nothing' : 'more'
    if (isNudge) return true
    this.#nudgesOfBurst = 0
    this.#answersOfBurst = 0
    this.silenceEnded()
    return false
  }

  /** We have written something that is no nudge, or the socket is not read any more. */
  silenceEnded(): void {
    this.#silence = 'none'
    this.#subackAt = undefined
  }

  /**
   * An answer came. `burst` is when the packet was written that had waited longest; Infinity if none waited. `unanswered` is the number
   * of messages that wait for an answer.
   */
  answered(now: number, burst: number, unanswered: number): void {
    if (this.#state === 'off' || burst > now) return
    if (this.#silence === 'nudged') this.#judge(now)
    if (this.#silence === 'left alone') this.#judgeLeftAlone(now)
    this.#waitMs = now - burst
    // An answer that ends a silence may have been held.
    if (burst !== this.#burst && this.#silence === 'none')
      this.#roundTripMs += (this.#waitMs - this.#roundTripMs) / (Number.isNaN(this.#burst) ? 1 : 8)
    this.#silenceBegins(now, burst)
    this.#answersOfBurst += 1
    this.#restMs = (this.#waitMs / this.#answersOfBurst) * unanswered
  }

  /** PINGRESP came. `burst` as with `answered`; `requests` is the number of unanswered SUBSCRIBEs and UNSUBSCRIBEs. */
  pingresp(now: number, burst: number, requests: number): void {
    if (this.#state === 'known') this.#notBefore = now + atOnceMs
    if (this.#output !== 'more') return
    this.#output = 'nothing'
    if (requests > 0) this.#subackAt = now
    if (burst > now) return
    this.#silenceBegins(now, burst)
    // Without a server that holds it, a PINGRESP may come long before the answers to what was written later.
    if (this.#state === 'trying') this.#silence = 'none'
  }

  /** SUBACK came. */
  subscribed(now: number): void {
    this.#subackAt = now
  }

  /** When `due` may be true; Infinity if it will not. `oldest` is when the packet was written that has waited longest; Infinity for none. */
  deadline(oldest: number): number {
    const isKnown = this.#state === 'known'
    if (this.#state === 'off' || this.#roundTripMs > roundTripMaxMs) return Infinity
    if (isKnown && this.#subackAt !== undefined) return Math.max(this.#subackAt + atOnceMs, this.#notBefore)
    if (this.#silence !== 'open' || this.#nudgesOfBurst === perBurstMax) return Infinity
    const soon = Math.max(this.#answerAt + atOnceMs, this.#notBefore)
    if (!isKnown) return Math.max(oldest + this.#waitMs + longerWhileTryingMs, soon)
    if (oldest === this.#burst && this.#nudgesOfBurst === 0) return soon
    const restMs = Math.min((this.#restMs * this.#nudgesOfBurst) / 2, restMaxMs)
    return Math.max(oldest + this.#waitMs + Math.max(longerMs, restMs), soon)
  }

  /** True if a nudge is to be sent now. Each call at a deadline moves the deadline. */
  due(now: number, oldest: number): boolean {
    if (now < this.deadline(oldest)) return false
    if (this.#subackAt !== undefined && this.#state === 'known') {
      this.#subackAt = undefined
    } else if (this.#state === 'known' && this.#untilLeftAlone === 0) {
      this.#silence = 'left alone'
      return false
    } else {
      this.#silence = 'nudged'
      this.#nudgesOfBurst += 1
      this.#tries += 1
      this.#untilLeftAlone -= 1
    }
    this.#notBefore = now + betweenMs
    this.#output = 'a nudge is due'
    return true
  }

  /** @internal The state as plain data, in the order of the fields; times count from `now`. Undefined if no nudge is sent any more. */
  inspect(now: number) {
    if (this.#state === 'off') return undefined
    const at = [this.#answerAt, this.#burst, this.#notBefore, this.#subackAt ?? Number.NaN]
    const times = at.map((time) => now - time)
    const counts = [
      this.#answersOfBurst,
      this.#restMs,
      this.#nudgesOfBurst,
      this.#helps,
      this.#failures,
      this.#tries,
      this.#untilLeftAlone,
    ]
    return [this.#state, this.#silence, this.#output, ...times, this.#waitMs, this.#roundTripMs, ...counts]
  }

  #silenceBegins(now: number, burst: number): void {
    this.#burst = burst
    this.#answerAt = now
    this.#silence = 'open'
  }

  /** A nudge was followed by an answer. Once it is known that nudges help, a late answer says nothing: the machine may be busy. */
  #judge(now: number): void {
    if (this.#state === 'known') return
    if (now - this.#notBefore + betweenMs <= helpRoundTrips * this.#roundTripMs + helpMs) this.#helps += 1
    else this.#failed()
    if (this.#helps === helpsToKnow) {
      this.#state = 'known'
      this.#failures = 0
      this.#untilLeftAlone = 0
    } else if (this.#tries === triesMax) this.#state = 'off'
  }

  /** Without another nudge between them, two silences in a row have to end early: one may be chance. */
  #judgeLeftAlone(now: number): void {
    if (now - this.#answerAt < leftAloneMs) return this.#failed()
    this.#failures = 0
    this.#untilLeftAlone = leftAloneEvery - 1
  }

  #failed(): void {
    this.#helps = 0
    this.#failures += 1
    if (this.#failures === failuresMax) this.#state = 'off'
  }
}
