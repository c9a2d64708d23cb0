/**
 * How long to wait before the next attempt to connect. A thousand clients that lose one server must neither return in
 * the same instant nor hammer it while it starts, so the wait is drawn from the whole span between nothing and a ceiling that
 * grows with each failure (full jitter).
 *
 * The state is data; each function takes one and gives back the next.
 *
 *   startAttempt    an attempt begins: noted for the limit per minute
 *   endAttempt      it failed, or the connection that it became has ended: decides how the ceiling goes on
 *   nextDelayMs     the wait that follows, or undefined when the attempts are used up
 *
 * Two counts go up apart from each other. `rung` counts waits since the last healthy connection: one that stayed up for
 * `stableAfterMs` and did no harm. A server that accepts and then drops, or one that sends what no client may accept, is no
 * better than one that refuses, so neither brings the rung back to zero. `failedAttempts` counts attempts in a row that never
 * got CONNACK with Return Code 0, and is what `maxAttempts` bounds: short connections slow a client down, they never end it.
 */
import type { BackoffSettings } from '../options/reconnect.js'

export interface BackoffState {
  readonly rung: number
  readonly failedAttempts: number
  /** `'longest'` waits `maxDelayMs`, without jitter: what just failed does not heal by itself soon. */
  readonly pace: 'jittered' | 'longest'
  /** When the latest attempts started, oldest first; as many as `maxAttemptsPerMinute` needs to know. */
  readonly attemptsAtMs: readonly number[]
}

/** How an attempt ended. */
export type AttemptEnd =
  /** No CONNACK with Return Code 0. `lasting`: Return Code 4 or 5, or a certificate that is not accepted. */
  | { readonly kind: 'failed'; readonly lasting: boolean }
  /** It became a connection. `harmful`: the connection ended because of what the server sent. */
  | { readonly kind: 'disconnected'; readonly upForMs: number; readonly harmful: boolean }

export const initialBackoff: BackoffState = { rung: 0, failedAttempts: 0, pace: 'jittered', attemptsAtMs: [] }

const minuteMs = 60_000

/** Notes that an attempt starts at `nowMs`. */
export function startAttempt(state: BackoffState, settings: BackoffSettings, nowMs: number): BackoffState {
  if (settings.maxAttemptsPerMinute === Number.POSITIVE_INFINITY) return state
  const attemptsAtMs = [...state.attemptsAtMs, nowMs].slice(-settings.maxAttemptsPerMinute)
  return { ...state, attemptsAtMs }
}

/** Notes how the attempt ended. */
export function endAttempt(state: BackoffState, settings: BackoffSettings, end: AttemptEnd): BackoffState {
  if (end.kind === 'failed') {
    const failedAttempts = state.failedAttempts + 1
    return { ...state, rung: state.rung + 1, failedAttempts, pace: end.lasting ? 'longest' : 'jittered' }
  }
  const healthy = end.upForMs >= settings.stableAfterMs && !end.harmful
  return { ...state, rung: healthy ? 1 : state.rung + 1, failedAttempts: 0, pace: 'jittered' }
}

/**
 * Milliseconds, a whole number, from `nowMs` to the next attempt; undefined if `maxAttempts` in a row have failed.
 * `random` gives numbers from 0 up to but not including 1.
 */
export function nextDelayMs(
  state: BackoffState,
  settings: BackoffSettings,
  nowMs: number,
  random: () => number,
): number | undefined {
  if (state.failedAttempts >= settings.maxAttempts) return undefined
  const paced = state.pace === 'longest' ? settings.maxDelayMs : Math.floor(random() * (ceilingMs(state, settings) + 1))
  return Math.max(paced, Math.ceil(attemptAllowedAtMs(state, settings) - nowMs))
}

/** The longest wait on this rung. */
function ceilingMs(state: BackoffState, settings: BackoffSettings): number {
  const grown = settings.minDelayMs * settings.factor ** Math.max(0, state.rung - 1)
  return Math.floor(Math.min(settings.maxDelayMs, grown))
}

/** When one more attempt keeps within `maxAttemptsPerMinute`: a minute after the oldest of the last so many. */
function attemptAllowedAtMs(state: BackoffState, settings: BackoffSettings): number {
  const { attemptsAtMs } = state
  const oldest = attemptsAtMs[attemptsAtMs.length - settings.maxAttemptsPerMinute]
  return oldest === undefined ? Number.NEGATIVE_INFINITY : oldest + minuteMs
}
