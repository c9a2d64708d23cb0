/**
 * Keep alive runs on two clocks (section 3.1.2.10).
 *
 * - The server wants to hear from us: a PINGREQ is due at 0.9 of Keep Alive after the last byte that we sent. What we
 *   receive does not postpone it.
 * - We want to hear from the server: a PINGREQ is also due at Keep Alive after the last byte that we received, so that
 *   a steady sender of QoS 0, who never pings on the first clock, notices a dead peer too.
 *
 * After a PINGREQ any byte that arrives within the ping time-out proves that the peer lives; it need not be the
 * PINGRESP, which may stand behind a large packet. While reading is paused we could not hear the answer, so the verdict
 * waits, and starts anew when reading goes on. It also starts anew whenever output leaves that had to wait: the PINGREQ
 * may stand behind it, and a peer that takes bytes lives.
 */

type Listening =
  | { readonly is: 'at-ease' }
  /** A PINGREQ is out; no byte has arrived since. */
  | { readonly is: 'awaiting'; readonly since: number }
  /** The same, but nobody reads, so nothing can arrive. */
  | { readonly is: 'deaf' }

const atEase: Listening = { is: 'at-ease' }

/** The share of Keep Alive after which we ping: the rest is for the PINGREQ's way to the server. */
const SEND_MARGIN = 0.9

/** When to send PINGREQ, and when to give the server up (section 3.1.2.10). */
export class KeepAlive {
  readonly #keepAliveMs: number
  readonly #pingTimeoutMs: number
  #lastSentAt: number
  #lastReceivedAt: number
  #listening: Listening = atEase
  /** PINGREQs of this connection, and how many of them PINGRESP has answered: the oldest first, as it has no identifier. */
  #pingreqs = 0
  #answered = 0

  /** `keepAliveMs` 0 turns it off: no PINGREQ, no verdict. */
  constructor(keepAliveMs: number, pingTimeoutMs: number, now: number) {
    this.#keepAliveMs = keepAliveMs
    this.#pingTimeoutMs = pingTimeoutMs
    this.#lastSentAt = now
    this.#lastReceivedAt = now
  }

  /** Bytes were handed to the socket. */
  sent(now: number): void {
    this.#lastSentAt = now
  }

  /** Bytes have come from the socket: the peer lives. */
  received(now: number): void {
    this.#lastReceivedAt = now
    if (this.#listening.is !== 'at-ease') this.#listening = atEase
  }

  /** Nobody reads any more: the verdict waits. */
  readingPaused(): void {
    if (this.#listening.is === 'awaiting') this.#listening = { is: 'deaf' }
  }

  /** Somebody reads again: the time for an answer starts anew. */
  readingResumed(now: number): void {
    if (this.#listening.is === 'deaf') this.#listening = { is: 'awaiting', since: now }
  }

  /** Output that had to wait has left: the time for an answer starts anew. */
  outputLeft(now: number): void {
    if (this.#listening.is === 'awaiting') this.#listening = { is: 'awaiting', since: now }
  }

  /** A PINGREQ was sent to find out whether the peer lives. Returns its number. */
  pinged(now: number, reading: 'reading' | 'paused'): number {
    // A second PINGREQ does not give a silent server more time than the first did.
    if (this.#listening.is === 'at-ease') {
      this.#listening = reading === 'reading' ? { is: 'awaiting', since: now } : { is: 'deaf' }
    }
    return this.asked()
  }

  /** A PINGREQ was sent, and a PINGRESP to it is nothing odd. Returns its number: 1 for the first of the connection. */
  asked(): number {
    this.#pingreqs += 1
    return this.#pingreqs
  }

  /** PINGRESP came: returns the number of its PINGREQ. That the peer lives, its bytes have shown already. */
  pingresp(): number | 'unsolicited' {
    if (this.#answered === this.#pingreqs) return 'unsolicited'
    this.#answered += 1
    return this.#answered
  }

  /** How many PINGREQs of this connection are answered. */
  get answered(): number {
    return this.#answered
  }

  /** When `verdict` has something to say; Infinity if nothing is due. */
  deadline(): number {
    if (this.#keepAliveMs === 0) return Number.POSITIVE_INFINITY
    const verdictAt = this.#verdictAt()
    // [MQTT-3.1.2-23] Never silent for longer than Keep Alive, even while an earlier PINGREQ is unanswered.
    const pingAt = this.#lastSentAt + this.#keepAliveMs * SEND_MARGIN
    const probeAt =
      this.#listening.is === 'at-ease' ? this.#lastReceivedAt + this.#keepAliveMs : Number.POSITIVE_INFINITY
    return Math.min(verdictAt, pingAt, probeAt)
  }

  /** What is due at `now`: nothing, a PINGREQ, or the end of the connection. */
  verdict(now: number): 'dead' | 'ping' | 'quiet' {
    if (now < this.deadline()) return 'quiet'
    return now >= this.#verdictAt() ? 'dead' : 'ping'
  }

  #verdictAt(): number {
    return this.#listening.is === 'awaiting' ? this.#listening.since + this.#pingTimeoutMs : Number.POSITIVE_INFINITY
  }
}
