/**
 * Whether and when a client tries again, and what it says about the end of the last try: the policy judges the error, the
 * back-off draws the wait.
 */
import { type BackoffState, endAttempt, initialBackoff, nextDelayMs, startAttempt } from './life/backoff.js'
import { type ConnectionEnd, ReconnectPolicy } from './life/reconnect-policy.js'
import type { ReconnectSettings } from './options/reconnect.js'

/** How a connection, or the attempt to get one, has ended. */
export interface AttemptOutcome {
  readonly error: Error
  /** Undefined if there was no CONNACK with Return Code 0. */
  readonly connection: ConnectionEnd | undefined
  /** Whether this client has ever had one. */
  readonly everOnline: boolean
  /** Milliseconds on the clock of the client. */
  readonly now: number
}

/** What follows from it. */
export interface NextAttempt {
  /** What says best what is going on: mostly the error that was given. */
  readonly error: Error
  /** Undefined if there is to be no other attempt. */
  readonly delayMs: number | undefined
}

export class Reconnection {
  readonly #settings: ReconnectSettings
  #backoff: BackoffState = initialBackoff
  /** Absent before the first end: there was nothing to judge. */
  #policy: ReconnectPolicy | undefined

  constructor(settings: ReconnectSettings) {
    this.#settings = settings
  }

  attemptStarted(now: number): void {
    this.#backoff = startAttempt(this.#backoff, this.#settings.backoff, now)
  }

  /** The attempt, or the connection that it became, is over. */
  ended({ error: cause, connection, everOnline, now }: AttemptOutcome): NextAttempt {
    const { backoff, retryInitial } = this.#settings
    this.#policy ??= new ReconnectPolicy()
    const error = connection === undefined ? cause : this.#policy.explain(cause, connection, backoff.stableAfterMs)
    if (connection !== undefined && connection.upForMs >= backoff.stableAfterMs) this.#policy.healthy()
    const verdict = this.#policy.judge(error, everOnline)
    if (verdict.is === 'terminal' || (!everOnline && !retryInitial)) return { error, delayMs: undefined }
    const { lasting, harmful } = verdict
    this.#backoff = endAttempt(
      this.#backoff,
      backoff,
      connection === undefined
        ? { kind: 'failed', lasting }
        : { kind: 'disconnected', upForMs: connection.upForMs, harmful },
    )
    return { error, delayMs: nextDelayMs(this.#backoff, backoff, now, Math.random) }
  }
}
