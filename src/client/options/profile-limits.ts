/** Checks a server's profile, and refuses what a client does if it goes over a limit of the profile. */
import type { QoS } from '../../codec/control-packet.js'
import { UsageError } from '../../errors.js'
import {
  atLeastOne,
  type Checks,
  flag,
  group,
  groupOf,
  integer,
  oneOf,
  realNumber,
  text,
  twoBytes,
  unchecked,
} from './checks.js'
import type { PublishRate, ServerProfile } from './server-profile.js'

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
  maxClientIdBytes: atLeastOne,
  maxFiltersPerSubscribe: atLeastOne,
  maxSubscriptions: atLeastOne,
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

/** The properties of an Application Message for which a profile may have limits. */
export interface OutgoingTraits {
  readonly topic: string
  readonly payloadBytes: number
  readonly qos: QoS
  readonly retain: boolean
}

/** Refuses a message or a will that goes over a limit. `subject` is its name in the error. @throws UsageError */
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

/** Refuses a Topic Name or Topic Filter that is too long or has too many levels. @throws UsageError */
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
): UsageError {
  return new UsageError(`${asked}, but ${profile.name} takes ${allowed} (profile.${limit})`)
}
