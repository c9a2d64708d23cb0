/** When a client tries to connect again: the option `reconnect`, with the limit of attempts in the profile. */
import { UsageError } from '../../errors.js'
import type { Checks } from './checks.js'
import type { ReconnectOptions } from './client-options.js'
import { backoffEntries, retryInitial, type SettingsOf, settingsFrom, stableAfterMs } from './entries.js'
import { withinLimit } from './profile-limits.js'
import type { ServerProfile } from './server-profile.js'
import { SharedSettings } from './shared-settings.js'

/** How the waits between attempts grow, and how many attempts there may be. The longest wait is between the two delays. */
export interface BackoffSettings extends SettingsOf<typeof backoffEntries> {
  /** A connection that lasts at least so many milliseconds is healthy. */
  readonly stableAfterMs: number
}

export interface ReconnectSettings {
  readonly backoff: BackoffSettings
  readonly retryInitial: boolean
}

export const reconnectChecks: Checks<ReconnectOptions> = { ...backoffEntries, retryInitial }

const sharedBackoff = new SharedSettings<BackoffSettings>()
const sharedReconnect = new SharedSettings<ReconnectSettings>()

/** The settings from the checked option `reconnect`; undefined if the client has to end with its first connection. @throws UsageError */
export function parseReconnect(
  options: false | ReconnectOptions = {},
  profile: ServerProfile | undefined,
): ReconnectSettings | undefined {
  if (options === false) return undefined
  const { minDelayMs: standardMin, maxDelayMs: standardMax, maxAttemptsPerMinute: attempts } = backoffEntries
  const minDelayMs =
    options.minDelayMs ?? Math.min(standardMin.defaultValue, options.maxDelayMs ?? standardMin.defaultValue)
  const maxDelayMs = options.maxDelayMs ?? Math.max(standardMax.defaultValue, minDelayMs)
  if (minDelayMs > maxDelayMs) {
    throw new UsageError(
      `reconnect.minDelayMs is ${minDelayMs}, which is more than reconnect.maxDelayMs, ${maxDelayMs}: swap them`,
    )
  }
  const maxAttemptsPerMinute = withinLimit(
    profile,
    'connectsPerMinute',
    'reconnect.maxAttemptsPerMinute',
    options.maxAttemptsPerMinute,
    attempts.defaultValue,
  )
  const derived = { minDelayMs, maxDelayMs, maxAttemptsPerMinute }
  const backoff = { ...settingsFrom(backoffEntries, options, derived), stableAfterMs }
  const settings = {
    backoff: sharedBackoff.of(backoff),
    retryInitial: options.retryInitial ?? retryInitial.defaultValue,
  }
  return sharedReconnect.of(settings)
}
