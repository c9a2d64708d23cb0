import type { TimeoutError } from '../../errors.js'
import type { Driver } from '../driver.js'
import type { SessionState } from '../session-state.js'
import { Care, type CareLine } from './care.js'
import { acknowledgementTimedOut, qos2Hint, unansweredOf } from './connection-ends.js'

/**
 * When a connection is careful: from CONNACK on, if two connections in a row were short; later, when a parked suspect is to be tried.
 * Tells the suspects of the session how the connection has ended.
 */
export class Caution<P, R> {
  readonly #session: SessionState<P, R>
  readonly #driver: Driver<P, R>
  readonly #line: CareLine
  /** Undefined unless the connection is careful now. */
  #care: Care<P, R> | undefined
  #connectedAt = 0

  constructor(session: SessionState<P, R>, driver: Driver<P, R>, line: CareLine) {
    this.#session = session
    this.#driver = driver
    this.#line = line
  }

  /** Undefined unless the connection is careful now. */
  get care(): Care<P, R> | undefined {
    return this.#care
  }

  /** CONNACK came. */
  connected(sessionPresent: boolean, now: number): void {
    this.#connectedAt = now
    const isWanted = this.#session.suspects.wantsCare
    this.#session.begin(sessionPresent, isWanted ? 'careful' : 'plain')
    if (isWanted) this.#begin(now)
  }

  #begin(now: number): void {
    this.#care = new Care(this.#session, this.#driver, this.#line, now)
  }

  /** Does the careful part of sending. Returns true if the connection is not careful, or not any more. */
  isOver(now: number): boolean {
    if (this.#care === undefined) return true
    if (this.#care.pump(now)) return false
    this.#care = undefined
    this.#session.resubscribe()
    return true
  }

  /** When `isDue` is true. */
  get deadline(): number {
    return this.#care === undefined ? this.#session.suspects.trialAt : this.#care.deadline
  }

  /** Whether there is something to send now. */
  isDue(now: number): boolean {
    if (now < this.deadline) return false
    if (this.#care === undefined) this.#begin(now)
    return true
  }

  /** An acknowledgement has not come in time. Returns the error that ends the connection. */
  timedOut(now: number): TimeoutError {
    this.#session.suspects.ended('unanswered', now - this.#connectedAt)
    return acknowledgementTimedOut(this.#session)
  }

  /** The server or the network has cut the connection. */
  cut(now: number, output: 'open' | 'full'): void {
    const { suspects } = this.#session
    const [unanswered, hint] = [unansweredOf(this.#session), qos2Hint(this.#session)]
    const proof = this.#care?.cut(now)
    suspects.lastCut = { proves: 'other', ...proof, unanswered, hint }
    // A link of any quality may be cut in the middle of an upload.
    if (proof === undefined && output === 'open') suspects.ended('cut', now - this.#connectedAt)
  }
}
