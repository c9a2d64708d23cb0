/**
 * How long to wait before the next attempt to connect. When one server fails, a thousand clients must not return at the same
 * moment, and they must not flood the server while it starts. So each wait is a random number between 0 and a ceiling, and the
 * ceiling grows with each failure (full jitter).
 *
 * The state is data; each function takes a state and returns the next one.
 *
 *   startAttempt    an attempt begins: remembers its time, for the limit per minute
 *   endAttempt      the attempt failed, or its connection has ended: raises the ceiling or resets it
 *   nextDelayMs     the wait before the next attempt, or undefined when no attempt may follow
 *
 * The state has two counts. `waits` counts the waits since the last healthy connection. A connection is healthy if it lasted
 * `stableAfterMs` and did no harm. A server that accepts a client and soon closes the connection, or that sends what no client may
 * accept, is no better than a server that refuses the client. So such a connection does not reset `waits`. `failedAttempts`
 * counts the attempts in a row without a CONNACK with Return Code 0. `maxAttempts` limits only this count: short connections make
 * the waits longer, but they never end the client.
 */
import type { BackoffSettings } from '../options/reconnect.js'

/**
 * `'longest'` is `maxDelayMs` without jitter: the cause of the last failure will not go away soon. `'shortest'` is `minDelayMs` without
 * jitter: the next attempt may heal it, and if it does not, a longer wait follows.
 */
export type NextWait = 'jittered' | 'shortest' | 'longest'

export interface BackoffState {
  readonly waits: number
  readonly failedAttempts: number
  readonly nextWait: NextWait
  /** The times at which the latest attempts started, oldest first; not more times than `maxAttemptsPerMinute`. */
  readonly attemptsAtMs: readonly number[]
}

/** How an attempt ended. */
export type AttemptEnd =
  /** No CONNACK with Return Code 0. `nextWait` is not 'jittered' after Return Code 4 or 5, or a certificate that is not accepted. */
  | { readonly kind: 'failed'; readonly nextWait: NextWait }
  /** The attempt became a connection, which has ended. `harmful`: it ended because of what the server sent. */
  | { readonly kind: 'disconnected'; readonly upForMs: number; readonly harmful: boolean }

export const initialBackoff: BackoffState = { waits: 0, failedAttempts: 0, nextWait: 'jittered', attemptsAtMs: [] }

const minuteMs = 60_000

/** The state after an attempt has started at `nowMs`. */
export function startAttempt(state: BackoffState, settings: BackoffSettings, nowMs: number): BackoffState {
  if (settings.maxAttemptsPerMinute === Infinity) return state
  const attemptsAtMs = [...state.attemptsAtMs, nowMs].slice(-settings.maxAttemptsPerMinute)
  return { ...state, attemptsAtMs }
}

/** The state after the attempt, or its connection, has ended. */
export function endAttempt(state: BackoffState, settings: BackoffSettings, end: AttemptEnd): BackoffState {
  if (end.kind === 'failed') {
    const failedAttempts = state.failedAttempts + 1
    return { ...state, waits: state.waits + 1, failedAttempts, nextWait: end.nextWait }
  }
  const healthy = end.upForMs >= settings.stableAfterMs && !end.harmful
  return { ...state, waits: healthy ? 1 : state.waits + 1, failedAttempts: 0, nextWait: 'jittered' }
}

/**
 * A whole number of milliseconds from `nowMs` to the next attempt; undefined if `maxAttempts` attempts in a row have failed.
 * `random` returns a number from 0 up to but not including 1.
 */
export function nextDelayMs(
  state: BackoffState,
  settings: BackoffSettings,
  nowMs: number,
  random: () => number,
): number | undefined {
  if (state.failedAttempts >= settings.maxAttempts) return undefined
  return Math.max(waitMs(state, settings, random), attemptAllowedInMs(state, settings, nowMs))
}

function waitMs(state: BackoffState, settings: BackoffSettings, random: () => number): number {
  switch (state.nextWait) {
    case 'shortest':
      return settings.minDelayMs
    case 'longest':
      return settings.maxDelayMs
    default:
      return Math.floor(random() * (ceilingMs(state, settings) + 1))
  }
}

/** The longest that the next wait may be. */
function ceilingMs(state: BackoffState, settings: BackoffSettings): number {
  const grown = settings.minDelayMs * settings.factor ** Math.max(0, state.waits - 1)
  return Math.floor(Math.min(settings.maxDelayMs, grown))
}

/**
 * A whole number of milliseconds to the earliest time that `maxAttemptsPerMinute` allows, below 0 if it has passed. With a limit of 5
 * that is one minute after the fifth-last attempt.
 */
export function attemptAllowedInMs(state: BackoffState, settings: BackoffSettings, nowMs: number): number {
  const { attemptsAtMs } = state
  const oldest = attemptsAtMs[attemptsAtMs.length - settings.maxAttemptsPerMinute]
  return oldest === undefined ? -Infinity : Math.ceil(oldest + minuteMs - nowMs)
}
