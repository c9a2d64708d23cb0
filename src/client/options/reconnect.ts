/** When a client tries again: the options `reconnect`, and what the server's profile says about attempts. */
import { UsageError } from '../../errors.js'
import { type Checks, count, flag, milliseconds, real } from './checks.js'
import type { ReconnectOptions } from './client-options.js'
import { clientDefaults as defaults } from './defaults.js'
import { withinLimit } from './profile-limits.js'
import type { ServerProfile } from './server-profile.js'
import { SharedSettings } from './shared-settings.js'

/** How the waits between attempts grow, and how many attempts there may be. */
export interface BackoffSettings {
  /** Milliseconds, 1 or more: the first ceiling. */
  readonly minDelayMs: number
  /** Milliseconds: the highest ceiling. */
  readonly maxDelayMs: number
  readonly factor: number
  /** Attempts in a row that may fail, or Infinity. */
  readonly maxAttempts: number
  /** Attempts that may start within any 60 seconds, or Infinity. */
  readonly maxAttemptsPerMinute: number
  /** Milliseconds that a connection must last to count as healthy. */
  readonly stableAfterMs: number
}

export interface ReconnectSettings {
  readonly backoff: BackoffSettings
  readonly retryInitial: boolean
}

export const reconnectChecks: Checks<ReconnectOptions> = {
  minDelayMs: milliseconds,
  maxDelayMs: milliseconds,
  factor: real(1, 1000),
  maxAttempts: count,
  maxAttemptsPerMinute: count,
  retryInitial: flag,
}

const sharedBackoff = new SharedSettings<BackoffSettings>()
const sharedReconnect = new SharedSettings<ReconnectSettings>()

/** What the checked option `reconnect` comes to; undefined if the client is to end with its first connection. @throws UsageError */
export function parseReconnect(
  options: false | ReconnectOptions = {},
  profile: ServerProfile | undefined,
): ReconnectSettings | undefined {
  if (options === false) return undefined
  const { factor = defaults.factor, maxAttempts = defaults.maxAttempts, retryInitial = defaults.retryInitial } = options
  const minDelayMs = options.minDelayMs ?? Math.min(defaults.minDelayMs, options.maxDelayMs ?? defaults.minDelayMs)
  const maxDelayMs = options.maxDelayMs ?? Math.max(defaults.maxDelayMs, minDelayMs)
  if (minDelayMs > maxDelayMs) {
    throw new UsageError(`reconnect.minDelayMs is ${minDelayMs}, above reconnect.maxDelayMs, ${maxDelayMs}: swap them`)
  }
  const maxAttemptsPerMinute = withinLimit(
    profile,
    'connectsPerMinute',
    'reconnect.maxAttemptsPerMinute',
    options.maxAttemptsPerMinute,
    defaults.maxAttemptsPerMinute,
  )
  const { stableAfterMs } = defaults
  const backoff = { minDelayMs, maxDelayMs, factor, maxAttempts, maxAttemptsPerMinute, stableAfterMs }
  return sharedReconnect.of({ backoff: sharedBackoff.of(backoff), retryInitial })
}
