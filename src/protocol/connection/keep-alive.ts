/**
 * Keep Alive has two clocks (section 3.1.2.10).
 *
 * - The server must get a packet in time: a PINGREQ is due at 0.9 of Keep Alive after the last byte that we sent. Bytes that we
 *   receive do not delay it.
 * - We must notice a dead server: a PINGREQ is also due at Keep Alive after the last byte that we received. A client that
 *   always sends at QoS 0 needs no PINGREQ by the first clock.
 *
 * After a PINGREQ any byte that comes within the ping time-out proves that the server is alive. It need not be the PINGRESP, which
 * may come behind a large packet. While the socket is not read, no byte can come, so the ping time-out does not run; it begins
 * anew when the socket is read again. It also begins anew whenever the network takes waiting output: the PINGREQ may be behind that
 * output, and a server that takes bytes is alive.
 */

/** Whether a PINGREQ waits for a sign of life. */
type Probe =
  | { readonly is: 'none'; readonly timeoutMs: number }
  /** A PINGREQ was sent, and no byte has come since. At `until` the server counts as dead. */
  | { readonly is: 'awaiting'; readonly until: number; readonly timeoutMs: number }
  /** The same, but the socket is not read, so no byte can come. */
  | { readonly is: 'not-reading'; readonly timeoutMs: number }

const noProbe: Probe = { is: 'none', timeoutMs: Infinity }

/** After this share of Keep Alive a PINGREQ is sent. The rest is the time for its way to the server. */
const SEND_MARGIN = 0.9

/** Decides when to send PINGREQ, and when the server counts as dead (section 3.1.2.10). */
export class KeepAlive {
  readonly #keepAliveMs: number
  readonly #pingTimeoutMs: number
  #lastSentAt: number
  #lastReceivedAt: number
  #probe: Probe = noProbe
  /** How many PINGREQs were sent on this connection. */
  #pingreqs = 0
  /** The number of the last one that was no nudge. */
  #asked = 0
  /** How many of them are answered. PINGRESP has no identifier, so it answers the oldest. */
  #answered = 0

  /** `keepAliveMs` 0 turns Keep Alive off: no PINGREQ is due, and there is no ping time-out. */
  constructor(keepAliveMs: number, pingTimeoutMs: number, now: number) {
    this.#keepAliveMs = keepAliveMs
    this.#pingTimeoutMs = keepAliveMs === 0 ? Infinity : pingTimeoutMs
    this.#lastSentAt = now
    this.#lastReceivedAt = now
  }

  /** Bytes were handed to the socket. */
  sent(now: number): void {
    this.#lastSentAt = now
  }

  /** Bytes came from the socket, so the server is alive. */
  received(now: number): void {
    this.#lastReceivedAt = now
    this.#probe = noProbe
  }

  /** The socket is not read from now on, so the ping time-out does not run. */
  readingPaused(): void {
    if (this.#probe.is === 'awaiting') this.#probe = { is: 'not-reading', timeoutMs: this.#probe.timeoutMs }
  }

  /** The socket is read again, so the ping time-out begins anew. */
  readingResumed(now: number): void {
    if (this.#probe.is === 'not-reading') this.#await(now, this.#probe.timeoutMs)
  }

  /** The network has taken waiting output, so the ping time-out begins anew. */
  outputTaken(now: number): void {
    if (this.#probe.is === 'awaiting') this.#await(now, this.#probe.timeoutMs)
  }

  /**
   * A PINGREQ was sent. Returns its number, 1 for the first on the connection. `timeoutMs` may be shorter than the ping time-out, and
   * counts also if Keep Alive is off.
   */
  pinged(now: number, reading: 'reading' | 'paused', timeoutMs = this.#pingTimeoutMs): number {
    // A second PINGREQ gives a silent server no more time.
    if (reading === 'paused') {
      this.#probe = { is: 'not-reading', timeoutMs: Math.min(timeoutMs, this.#probe.timeoutMs) }
    } else if (now + timeoutMs < this.#timeOutAt) {
      this.#await(now, timeoutMs)
    }
    this.#asked = this.nudged()
    return this.#asked
  }

  /** A PINGREQ was sent that asks nothing of the server. Its PINGRESP is counted, and that is all. */
  nudged(): number {
    this.#pingreqs += 1
    return this.#pingreqs
  }

  /** True while a PINGREQ is unanswered that is no nudge. */
  get isAsked(): boolean {
    return this.#asked > this.#answered
  }

  #await(now: number, timeoutMs: number): void {
    this.#probe = { is: 'awaiting', until: now + timeoutMs, timeoutMs }
  }

  /** The process did not run for a while, and the server may have gone meanwhile: a PINGREQ is due now, if Keep Alive is on. */
  slept(now: number): void {
    this.#lastReceivedAt = Math.min(this.#lastReceivedAt, now - this.#keepAliveMs)
  }

  /** PINGRESP came. Returns the number of its PINGREQ. (`received` has noted already that the server is alive.) */
  pingresp(): number | 'unsolicited' {
    if (this.#answered === this.#pingreqs) return 'unsolicited'
    this.#answered += 1
    return this.#answered
  }

  /** How many PINGREQs of this connection are answered. */
  get answered(): number {
    return this.#answered
  }

  /** When `due` changes from 'nothing'; Infinity if it does not. */
  deadline(): number {
    if (this.#keepAliveMs === 0) return this.#timeOutAt
    // [MQTT-3.1.2-23] We are never silent for longer than Keep Alive, not even while an earlier PINGREQ is unanswered.
    const pingAt = this.#lastSentAt + this.#keepAliveMs * SEND_MARGIN
    const probeAt = this.#probe.is === 'none' ? this.#lastReceivedAt + this.#keepAliveMs : Infinity
    return Math.min(this.#timeOutAt, pingAt, probeAt)
  }

  /** What is due at `now`: nothing, a PINGREQ, or the end of the connection after a time-out of so many milliseconds. */
  due(now: number): number | 'ping' | 'nothing' {
    if (now < this.deadline()) return 'nothing'
    return this.#probe.is === 'awaiting' && now >= this.#probe.until ? this.#probe.timeoutMs : 'ping'
  }

  get #timeOutAt(): number {
    return this.#probe.is === 'awaiting' ? this.#probe.until : Infinity
  }
}
