import type { QoS, SubscriptionRequest } from '../../codec/control-packet.js'
import { validateTopicFilter } from '../../codec/topic.js'
import { UsageError } from '../../errors.js'
import { isRecord } from '../../option-names.js'
import { forbiddenByProfile, requireTopicWithin } from '../options/profile-limits.js'
import type { ServerProfile } from '../options/server-profile.js'
import type { FilterRequest, Filters } from '../surface/client-surface.js'

/**
 * The Topic Filters of a call, each with its QoS; `qos` is for those that name none. `statement` is the one that asks for at
 * least one filter. @throws UsageError
 */
export function parseFilters(
  given: Filters,
  qos: QoS | undefined,
  profile: ServerProfile | undefined,
  statement = 'MQTT-3.8.3-3',
): readonly SubscriptionRequest[] {
  const list = typeof given === 'string' ? [given] : given
  if (typeof given !== 'string' && !Array.isArray(given))
    throw new UsageError(`filters have to be a string or an array, not ${typeof given}`)
  // [MQTT-3.8.3-3] SUBSCRIBE names at least one filter. [MQTT-3.10.3-2] So does UNSUBSCRIBE.
  if (list.length === 0) throw new UsageError('filters are empty: give at least one', { statement })
  const requests = list.map((entry) => parseFilter(entry, qos ?? 0))
  if (profile !== undefined) {
    for (const request of requests) requireAllowed(profile, request)
  }
  return requests
}

function parseFilter(entry: string | FilterRequest, defaultQos: QoS): SubscriptionRequest {
  const { filter, qos = defaultQos } = isRecord(entry) ? entry : { filter: entry }
  if (typeof filter !== 'string') {
    throw new UsageError(`a filter has to be a string, or { filter, qos }, not ${typeof filter}`)
  }
  validateTopicFilter(filter)
  if (qos === 0 || qos === 1 || qos === 2) return { filter, qos }
  throw new UsageError(`qos has to be 0, 1 or 2, not ${String(qos)}`, { statement: 'MQTT-3.8.3-4' })
}

function requireAllowed(profile: ServerProfile, { filter, qos }: SubscriptionRequest): void {
  if (profile.maxQos !== undefined && qos > profile.maxQos) {
    throw forbiddenByProfile(
      profile,
      'maxQos',
      `the filter ${JSON.stringify(filter)} is to be subscribed at QoS ${qos}`,
      `QoS up to ${profile.maxQos}`,
    )
  }
  requireTopicWithin(profile, 'the filter', filter)
}
