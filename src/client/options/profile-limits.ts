/** What a server's profile says, checked once, and held against what a client asks for. */
import type { QoS } from '../../codec/control-packet.js'
import { UsageError } from '../../errors.js'
import {
  anything,
  atLeastOne,
  type Checks,
  flag,
  group,
  groupOf,
  integer,
  oneOf,
  real,
  text,
  twoBytes,
} from './checks.js'
import type { PublishRate, ServerProfile } from './server-profile.js'

// The lower bound keeps the wait between two messages within a day; the upper is one a microsecond.
const perSecond = real(1e-5, 1e6)
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
  maxClientIdBytes: atLeastOne,
  maxFiltersPerSubscribe: atLeastOne,
  maxSubscriptions: atLeastOne,
  maxInFlight: twoBytes,
  connectsPerMinute: atLeastOne,
  publishesPerSecond: groupOf(rateChecks),
  rootCertificates: text,
}

/** A copy of a profile whose limits all make sense. @throws UsageError */
export function parseServerProfile(given: ServerProfile): ServerProfile {
  return group('profile', given, profileChecks)
}

function checkedName(name: string, value: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw new UsageError(`${name} has to be a string: it names the server in error messages`)
}

function checkedRange(name: string, value: ServerProfile['keepAlive']): ServerProfile['keepAlive'] {
  if (value === undefined) return undefined
  const { min, max } = group(name, value, { min: anything, max: anything })
  integer(`${name}.min`, min, 1, 65_535)
  integer(`${name}.max`, max, min ?? 1, 65_535)
  if (min === undefined || max === undefined) throw new UsageError(`${name} needs both min and max, in seconds`)
  return { min, max }
}

/** An Application Message as far as a profile can object to it. */
export interface OutgoingTraits {
  readonly topic: string
  readonly payloadBytes: number
  readonly qos: QoS
  readonly retain: boolean
}

/** Refuses a message, or a will, that the server would drop or close the connection for. @throws UsageError */
export function requirePublishable(profile: ServerProfile, subject: string, message: OutgoingTraits): void {
  const { maxQos = 2, maxPayloadBytes = Number.POSITIVE_INFINITY } = profile
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
  requireTopicWithin(profile, subject, message.topic)
}

/** Holds a Topic Name or Topic Filter against the limits for its length and its levels. @throws UsageError */
export function requireTopicWithin(profile: ServerProfile, subject: string, topic: string): void {
  const { maxTopicBytes, maxTopicLevels } = profile
  if (maxTopicBytes !== undefined && Buffer.byteLength(topic) > maxTopicBytes) {
    const asked = `${subject} has a topic of ${Buffer.byteLength(topic)} bytes`
    throw forbiddenByProfile(profile, 'maxTopicBytes', asked, `at most ${maxTopicBytes}`)
  }
  if (maxTopicLevels === undefined) return
  const levels = topic.split('/').length
  if (levels > maxTopicLevels) {
    throw forbiddenByProfile(
      profile,
      'maxTopicLevels',
      `${subject} has a topic of ${levels} levels`,
      `at most ${maxTopicLevels}`,
    )
  }
}

/** Holds a Client Identifier against the limit for its length. @throws UsageError */
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

/** The number of an option: what was given, which the profile has to allow, else the most up to `standard` that it does. */
export function withinLimit(
  profile: ServerProfile | undefined,
  limit: 'maxInFlight' | 'connectsPerMinute',
  option: string,
  given: number | undefined,
  standard: number,
): number {
  const allowed = profile?.[limit]
  if (profile === undefined || allowed === undefined) return given ?? standard
  if (given === undefined || given <= allowed) return given ?? Math.min(standard, allowed)
  throw forbiddenByProfile(profile, limit, `${option} is ${given}`, `at most ${allowed}`)
}

/** The error for what a limit of a profile forbids; it names both, so that who knows better can replace the limit. */
export function forbiddenByProfile(
  profile: ServerProfile,
  limit: keyof ServerProfile,
  asked: string,
  allowed: string,
): UsageError {
  return new UsageError(`${asked}, but ${profile.name} takes ${allowed} (profile.${limit})`)
}
