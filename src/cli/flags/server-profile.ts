/**
 * `--server`: the profile of a named server. With it, a command refuses before it connects what this server would refuse, drop, or grant
 * in vain.
 */
import type { ServerProfile } from '../../client/options/client-options.js'
import {
  type OutgoingTraits,
  requirePublishable,
  requireSubscribable,
  requireTopicWithin,
} from '../../client/options/profile-limits.js'
import type { QoS } from '../../codec/control-packet.js'
import { outline } from '../../codec/field-checks.js'
import { UsageError } from '../../errors.js'
import * as servers from '../../servers/index.js'
import { nearestWord } from '../nearest-word.js'

/** The names are those of the package; upper and lower case, and hyphens, make no difference. */
const profiles: ReadonlyMap<string, ServerProfile> = new Map(
  Object.entries(servers).map(([name, profile]) => [name.toLowerCase(), profile]),
)

export const profileNames: readonly string[] = Object.keys(servers)

/** @throws UsageError */
export function profileNamed(typed: string): ServerProfile {
  const word = typed.toLowerCase().replaceAll('-', '')
  const profile = profiles.get(word)
  if (profile !== undefined) return profile
  const known = [...profiles.keys()]
  const nearest = nearestWord(word, known) ?? known.find((name) => word !== '' && name.startsWith(word))
  const advice = nearest === undefined ? 'the address of a server is given by -h' : `is it ${nearest}?`
  throw new UsageError(`--server takes one of ${profileNames.join(', ')}, not ${outline(typed)}: ${advice}`)
}

/** Refuses what the client would refuse only once it is connected. @throws UsageError */
export function requireMessageWithin(profile: ServerProfile | undefined, topic: string, traits: OutgoingTraits): void {
  if (profile === undefined) return
  requirePublishable(profile, 'the message', traits)
  requireTopicWithin(withoutWarnings(profile), 'the message', topic)
}

/** The same for the Topic Filters of `sub`. @throws UsageError */
export function requireFiltersWithin(profile: ServerProfile | undefined, filters: readonly string[], qos: QoS): void {
  if (profile === undefined) return
  for (const filter of filters) requireSubscribable(withoutWarnings(profile), { filter, qos })
}

/** The client warns of a topic that the server changes, so this command does not. */
function withoutWarnings(profile: ServerProfile): ServerProfile {
  return { ...profile, topics: { ...profile.topics, changed: undefined } }
}
