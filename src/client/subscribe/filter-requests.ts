import type { QoS, SubscriptionRequest } from '../../codec/control-packet.js'
import { kindOf, requireList, requireQos } from '../../codec/field-checks.js'
import { validateTopicFilter } from '../../codec/topic.js'
import { UsageError } from '../../errors.js'
import { isRecord, requireOptions } from '../../option-names.js'
import { filterNames } from '../options/call-options.js'
import { requireSubscribable } from '../options/profile-limits.js'
import type { ServerProfile } from '../options/server-profile.js'
import type { FilterRequest, Filters } from '../surface/client-surface.js'

/** The Topic Filters of a `subscribe`, each with its QoS; `qos` is for the filters without a QoS of their own. @throws UsageError */
export function parseFilters(
  given: Filters,
  qos: QoS | undefined,
  profile: ServerProfile | undefined,
): readonly SubscriptionRequest[] {
  // [MQTT-3.8.3-3] SUBSCRIBE has at least one Topic Filter.
  const entries = [...listOf(given, 'MQTT-3.8.3-3')]
  // A subscription keeps the list. `map` makes it as long as it is; `push` would make room for sixteen more.
  return entries.map((entry) => {
    const request = parseFilter(entry, qos ?? 0)
    if (profile !== undefined) requireSubscribable(profile, request)
    return request
  })
}

/** The Topic Filters of an `unsubscribe`. @throws UsageError */
export function parseFilterNames(given: string | readonly string[]): readonly string[] {
  // [MQTT-3.10.3-2] UNSUBSCRIBE has at least one Topic Filter.
  const names = Array.from(listOf(given, 'MQTT-3.10.3-2'))
  for (const name of names) {
    if (typeof name !== 'string')
      throw new UsageError(`a filter to unsubscribe has to be a string, not ${kindOf(name)}`)
    validateTopicFilter(name)
  }
  return names
}

function listOf<T>(given: T | readonly T[], statement: string): readonly T[] {
  if (typeof given !== 'string' && !Array.isArray(given)) {
    throw new UsageError(`filters have to be a string or an array, not ${kindOf(given)}`)
  }
  const list: readonly T[] = Array.isArray(given) ? given : [given]
  requireList(list, 'filters', statement)
  return list
}

function parseFilter(entry: string | FilterRequest, defaultQos: QoS): SubscriptionRequest {
  if (isRecord(entry)) requireOptions('a filter', entry, filterNames)
  const { filter, qos = defaultQos } = isRecord(entry) ? entry : { filter: entry }
  if (typeof filter !== 'string') {
    throw new UsageError(`a filter has to be a string, or { filter, qos }, not ${kindOf(filter)}`)
  }
  validateTopicFilter(filter)
  requireQos(qos, 'qos', 'MQTT-3.8.3-4')
  return { filter, qos }
}
