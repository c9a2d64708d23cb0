/** When a client tries again: the options `reconnect`, and what the server's profile says about attempts. */
import { UsageError } from '../../errors.js'
import type { Checks } from './checks.js'
import type { ReconnectOptions } from './client-options.js'
import { backoffEntries, retryInitial, type SettingsOf, settingsFrom, stableAfterMs } from './entries.js'
import { withinLimit } from './profile-limits.js'
import type { ServerProfile } from './server-profile.js'
import { SharedSettings } from './shared-settings.js'

/** How the waits between attempts grow, and how many attempts there may be. The two delays bound the longest wait. */
export interface BackoffSettings extends SettingsOf<typeof backoffEntries> {
  /** Milliseconds that a connection must last to count as healthy. */
  readonly stableAfterMs: number
}

export interface ReconnectSettings {
  readonly backoff: BackoffSettings
  readonly retryInitial: boolean
}

export const reconnectChecks: Checks<ReconnectOptions> = { ...backoffEntries, retryInitial }

const sharedBackoff = new SharedSettings<BackoffSettings>()
const sharedReconnect = new SharedSettings<ReconnectSettings>()

/** What the checked option `reconnect` comes to; undefined if the client is to end with its first connection. @throws UsageError */
export function parseReconnect(
  options: false | ReconnectOptions = {},
  profile: ServerProfile | undefined,
): ReconnectSettings | undefined {
  if (options === false) return undefined
  const { minDelayMs: standardMin, maxDelayMs: standardMax, maxAttemptsPerMinute: attempts } = backoffEntries
  const minDelayMs = options.minDelayMs ?? Math.min(standardMin.standard, options.maxDelayMs ?? standardMin.standard)
  const maxDelayMs = options.maxDelayMs ?? Math.max(standardMax.standard, minDelayMs)
  if (minDelayMs > maxDelayMs) {
    throw new UsageError(`reconnect.minDelayMs is ${minDelayMs}, above reconnect.maxDelayMs, ${maxDelayMs}: swap them`)
  }
  const maxAttemptsPerMinute = withinLimit(
    profile,
    'connectsPerMinute',
    'reconnect.maxAttemptsPerMinute',
    options.maxAttemptsPerMinute,
    attempts.standard,
  )
  const derived = { minDelayMs, maxDelayMs, maxAttemptsPerMinute }
  const backoff = { ...settingsFrom(backoffEntries, options, derived), stableAfterMs }
  const settings = { backoff: sharedBackoff.of(backoff), retryInitial: options.retryInitial ?? retryInitial.standard }
  return sharedReconnect.of(settings)
}
