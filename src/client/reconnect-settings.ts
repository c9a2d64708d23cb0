/** When a client tries again: the options `reconnect`, and what the server's profile says about attempts. */
import { UsageError } from '../errors.js'
import type { BackoffSettings } from './backoff.js'
import { clientDefaults as defaults } from './client-defaults.js'
import type { ReconnectOptions } from './client-options.js'
import { count, flag, group, milliseconds, real } from './option-checks.js'
import { beyond } from './profile-limits.js'
import type { ServerProfile } from './server-profile.js'
import { SharedSettings } from './shared-settings.js'

export interface ReconnectSettings {
  readonly backoff: BackoffSettings
  readonly retryInitial: boolean
}

const sharedBackoff = new SharedSettings<BackoffSettings>()
const sharedReconnect = new SharedSettings<ReconnectSettings>()

/** Reads the option `reconnect`; undefined if the client is to end with its first connection. @throws UsageError */
export function parseReconnect(
  given: false | ReconnectOptions | undefined,
  profile: ServerProfile | undefined,
): ReconnectSettings | undefined {
  if (given === false) return undefined
  const options = given === undefined ? {} : group('reconnect', given, 'reconnect')
  const minGiven = milliseconds('reconnect.minDelayMs', options.minDelayMs)
  const maxGiven = milliseconds('reconnect.maxDelayMs', options.maxDelayMs)
  const minDelayMs = minGiven ?? Math.min(defaults.minDelayMs, maxGiven ?? defaults.minDelayMs)
  const maxDelayMs = maxGiven ?? Math.max(defaults.maxDelayMs, minDelayMs)
  if (minDelayMs > maxDelayMs) {
    throw new UsageError(`reconnect.minDelayMs is ${minDelayMs}, above reconnect.maxDelayMs, ${maxDelayMs}: swap them`)
  }
  const backoff = sharedBackoff.of({
    minDelayMs,
    maxDelayMs,
    factor: real('reconnect.factor', options.factor, 1, 1000) ?? defaults.factor,
    maxAttempts: count('reconnect.maxAttempts', options.maxAttempts) ?? defaults.maxAttempts,
    maxAttemptsPerMinute: parseAttemptsPerMinute(options.maxAttemptsPerMinute, profile),
    stableAfterMs: defaults.stableAfterMs,
  })
  const retryInitial = flag('reconnect.retryInitial', options.retryInitial) ?? defaults.retryInitial
  return sharedReconnect.of({ backoff, retryInitial })
}

function parseAttemptsPerMinute(given: number | undefined, profile: ServerProfile | undefined): number {
  const perMinute = count('reconnect.maxAttemptsPerMinute', given)
  const allowed = profile?.connectsPerMinute
  if (profile === undefined || allowed === undefined) return perMinute ?? defaults.maxAttemptsPerMinute
  if (perMinute === undefined || perMinute <= allowed) return perMinute ?? allowed
  throw beyond(profile, 'connectsPerMinute', `reconnect.maxAttemptsPerMinute is ${perMinute}`, `at most ${allowed}`)
}
