/** Checks a server's profile, and refuses what a client does if it goes over a limit of the profile. */
import type { QoS, SubscriptionRequest } from '../../codec/control-packet.js'
import { outline, quote } from '../../codec/field-checks.js'
import { topicMatches } from '../../codec/topic.js'
import { UsageError } from '../../errors.js'
import { isRecord } from '../../option-names.js'
import {
  atLeastOne,
  type Checks,
  flag,
  group,
  groupOf,
  integer,
  oneOf,
  only,
  realNumber,
  text,
  twoBytes,
  unchecked,
} from './checks.js'
import type { PublishRate, ServerProfile, TopicCharacters } from './server-profile.js'

// At the lowest rate two messages are about a day apart; the highest rate is one message a microsecond.
const perSecond = realNumber(1e-5, 1e6)
const rateChecks: Checks<PublishRate> = { total: perSecond, qos0: perSecond, qos1: perSecond }

const profileChecks: Checks<ServerProfile> = {
  name: checkedName,
  maxQos: oneOf([0, 1, 2]),
  retain: flag,
  will: flag,
  keepAlive: checkedRange,
  maxPayloadBytes: atLeastOne,
  maxTopicBytes: atLeastOne,
  maxTopicLevels: atLeastOne,
  maxFilterLevels: atLeastOne,
  uncountedPrefixes: only<readonly string[]>('an array of strings', isTextList),
  topics: groupOf<TopicCharacters>({ refused: text, changed: checkedChanges }),
  maxClientIdBytes: atLeastOne,
  sessionPresent: oneOf(['reliable', 'always-0']),
  resubscribe: oneOf(['when-lost', 'always']),
  maxFiltersPerSubscribe: atLeastOne,
  maxSubscriptions: atLeastOne,
  sharedSubscriptions: flag,
  maxInFlight: twoBytes,
  connectsPerMinute: atLeastOne,
  publishesPerSecond: groupOf(rateChecks),
  rootCertificates: text,
}

/** A copy of the profile, with every limit checked. @throws UsageError */
export function parseServerProfile(given: ServerProfile): ServerProfile {
  return group('profile', given, profileChecks)
}

function checkedName(name: string, value: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw new UsageError(`${name} has to be a string: it names the server in error messages`)
}

function checkedRange(name: string, value: ServerProfile['keepAlive']): ServerProfile['keepAlive'] {
  if (value === undefined) return undefined
  const { min, max } = group(name, value, { min: unchecked, max: unchecked })
  integer(`${name}.min`, min, 1, 65_535)
  integer(`${name}.max`, max, min ?? 1, 65_535)
  if (min === undefined || max === undefined) throw new UsageError(`${name} needs both min and max, in seconds`)
  return { min, max }
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string')
}

function checkedChanges(name: string, value: TopicCharacters['changed']): TopicCharacters['changed'] {
  if (value === undefined) return undefined
  const entries = isRecord(value) ? Object.entries(value) : []
  if (entries.length > 0 && entries.every(([from, to]) => [...from].length === 1 && typeof to === 'string')) {
    return { ...value }
  }
  throw new UsageError(`${name} has to be an object of strings by character, as { '.': '/' }, not ${outline(value)}`)
}

/** The properties of an Application Message for which a profile may have limits. */
export interface OutgoingTraits {
  readonly payloadBytes: number
  readonly qos: QoS
  readonly retain: boolean
}

/** Refuses a message or a will that goes over a limit. `subject` is its name in the error. @throws UsageError */
export function requirePublishable(profile: ServerProfile, subject: string, message: OutgoingTraits): void {
  const { maxQos = 2, maxPayloadBytes = Infinity } = profile
  if (message.qos > maxQos) {
    throw forbiddenByProfile(profile, 'maxQos', `${subject} has QoS ${message.qos}`, `QoS up to ${maxQos}`)
  }
  if (profile.retain === false && message.retain) {
    throw forbiddenByProfile(profile, 'retain', `${subject} is to be retained`, 'no retained messages')
  }
  if (message.payloadBytes > maxPayloadBytes) {
    const asked = `${subject} has a payload of ${message.payloadBytes} bytes`
    throw forbiddenByProfile(profile, 'maxPayloadBytes', asked, `at most ${maxPayloadBytes}`)
  }
}

/** Refuses a Topic Filter of a SUBSCRIBE that the server would not take, or would grant in vain. @throws UsageError */
export function requireSubscribable(profile: ServerProfile, { filter, qos }: SubscriptionRequest): void {
  const { maxQos = 2, maxFilterLevels } = profile
  if (qos > maxQos) {
    const asked = `the filter ${quote(filter)} is to be subscribed at QoS ${qos}`
    throw forbiddenByProfile(profile, 'maxQos', asked, `QoS up to ${maxQos}`)
  }
  if (profile.sharedSubscriptions === false && filter.startsWith('$share/')) {
    const asked = `the filter ${quote(filter)} is a shared subscription`
    throw forbiddenByProfile(profile, 'sharedSubscriptions', asked, 'none: it would bring no message')
  }
  requireTopicWithin(profile, 'the filter', filter)
  requireLevels(profile, 'maxFilterLevels', maxFilterLevels, 'the filter', filter)
}

/**
 * Refuses a Topic Name or Topic Filter that is too long, has too many levels, or has a character that the server refuses. Warns of
 * the first one with a character that the server changes. @throws UsageError
 */
export function requireTopicWithin(profile: ServerProfile, subject: string, topic: string): void {
  const { maxTopicBytes, maxTopicLevels, topics } = profile
  if (maxTopicBytes !== undefined) {
    const bytes = Buffer.byteLength(countedPart(profile, topic))
    if (bytes > maxTopicBytes) {
      const asked = `${subject} has a topic of ${bytes} bytes`
      throw forbiddenByProfile(profile, 'maxTopicBytes', asked, `at most ${maxTopicBytes}`)
    }
  }
  requireLevels(profile, 'maxTopicLevels', maxTopicLevels, subject, topic)
  if (topics === undefined) return
  for (const character of topics.refused ?? '') {
    if (!topic.includes(character)) continue
    const asked = `${subject} has the topic ${quote(topic)} with ${quote(character)}`
    throw forbiddenByProfile(profile, 'topics', asked, 'no topic with this character', '.refused')
  }
  warnOfChange(profile, topics, subject, topic)
}

function requireLevels(
  profile: ServerProfile,
  limit: 'maxTopicLevels' | 'maxFilterLevels',
  allowed: number | undefined,
  subject: string,
  topic: string,
): void {
  if (allowed === undefined) return
  const levels = countedPart(profile, topic).split('/').length
  if (levels <= allowed) return
  throw forbiddenByProfile(profile, limit, `${subject} has a topic of ${levels} levels`, `at most ${allowed}`)
}

/** The topic without the prefix that the server does not count. */
function countedPart({ uncountedPrefixes = [] }: ServerProfile, topic: string): string {
  const prefix = uncountedPrefixes.find((uncounted) => topicMatches(`${uncounted}/#`, topic))
  return prefix === undefined ? topic : topic.split('/').slice(prefix.split('/').length).join('/')
}

/** The profiles whose warning has been given. Each client has a copy of its own, so each client warns once. */
const warned = new WeakSet<ServerProfile>()

function warnOfChange(profile: ServerProfile, { changed = {} }: TopicCharacters, subject: string, topic: string): void {
  if (warned.has(profile)) return
  const [from, to = ''] = Object.entries(changed).find(([character]) => topic.includes(character)) ?? []
  if (from === undefined) return
  warned.add(profile)
  const text = `${subject} has the topic ${quote(topic)}; ${profile.name} makes ${[...to].length > 1 ? to : quote(to)} of ${quote(from)}, so messages come under another topic (profile.topics.changed; said once)`
  process.emitWarning(text, 'Mqtt311Warning')
}

/** Refuses a Client Identifier that is too long. @throws UsageError */
export function requireClientIdWithin(profile: ServerProfile | undefined, clientId: string): void {
  const bytes = Buffer.byteLength(clientId)
  if (profile?.maxClientIdBytes === undefined || bytes <= profile.maxClientIdBytes) return
  throw forbiddenByProfile(
    profile,
    'maxClientIdBytes',
    `clientId has ${bytes} bytes`,
    `at most ${profile.maxClientIdBytes}`,
  )
}

/** The value of an option with a limit: the given value, if the profile allows it; else the default or the limit, whichever is less. */
export function withinLimit(
  profile: ServerProfile | undefined,
  limit: 'maxInFlight' | 'connectsPerMinute',
  option: string,
  given: number | undefined,
  defaultValue: number,
): number {
  const allowed = profile?.[limit]
  if (profile === undefined || allowed === undefined) return given ?? defaultValue
  if (given === undefined || given <= allowed) return given ?? Math.min(defaultValue, allowed)
  throw forbiddenByProfile(profile, limit, `${option} is ${given}`, `at most ${allowed}`)
}

/** The error for a call over a limit. It names the profile and the limit: a program may give a profile with another limit. */
export function forbiddenByProfile(
  profile: ServerProfile,
  limit: keyof ServerProfile,
  asked: string,
  allowed: string,
  member = '',
): UsageError {
  return new UsageError(`${asked}, but ${profile.name} takes ${allowed} (profile.${limit}${member})`)
}
