/** What a server's profile says, checked once, and held against what a client asks for. */
import type { QoS } from '../codec/control-packet.js'
import { UsageError } from '../errors.js'
import { flag, group, integer, oneOf, real, text } from './option-checks.js'
import type { PublishRate, ServerProfile } from './server-profile.js'

/** A copy of a profile whose limits all make sense. @throws UsageError */
export function parseServerProfile(given: ServerProfile): ServerProfile {
  const profile = group('profile', given, 'profile')
  if (typeof profile.name !== 'string' || profile.name === '') {
    throw new UsageError('profile.name has to be a string: it names the server in error messages')
  }
  const atLeastOne = (name: keyof ServerProfile, value: number | undefined, max = Number.MAX_SAFE_INTEGER) =>
    integer(`profile.${name}`, value, 1, max)
  return {
    name: profile.name,
    maxQos: oneOf('profile.maxQos', profile.maxQos, [0, 1, 2]),
    retain: flag('profile.retain', profile.retain),
    will: flag('profile.will', profile.will),
    keepAlive: parseKeepAlive(profile.keepAlive),
    maxPayloadBytes: atLeastOne('maxPayloadBytes', profile.maxPayloadBytes),
    maxTopicBytes: atLeastOne('maxTopicBytes', profile.maxTopicBytes),
    maxTopicLevels: atLeastOne('maxTopicLevels', profile.maxTopicLevels),
    maxClientIdBytes: atLeastOne('maxClientIdBytes', profile.maxClientIdBytes),
    maxFiltersPerSubscribe: atLeastOne('maxFiltersPerSubscribe', profile.maxFiltersPerSubscribe),
    maxSubscriptions: atLeastOne('maxSubscriptions', profile.maxSubscriptions),
    maxInFlight: atLeastOne('maxInFlight', profile.maxInFlight, 65_535),
    connectsPerMinute: atLeastOne('connectsPerMinute', profile.connectsPerMinute),
    publishesPerSecond: parseRate(profile.publishesPerSecond),
    rootCertificates: text('profile.rootCertificates', profile.rootCertificates),
  }
}

function parseKeepAlive(given: ServerProfile['keepAlive']): ServerProfile['keepAlive'] {
  if (given === undefined) return undefined
  const range = group('profile.keepAlive', given, 'keepAliveRange')
  const min = integer('profile.keepAlive.min', range.min, 1, 65_535)
  const max = integer('profile.keepAlive.max', range.max, min ?? 1, 65_535)
  if (min === undefined || max === undefined) {
    throw new UsageError('profile.keepAlive needs both min and max, in seconds')
  }
  return { min, max }
}

function parseRate(given: PublishRate | undefined): PublishRate | undefined {
  if (given === undefined) return undefined
  const rate = group('profile.publishesPerSecond', given, 'publishRate')
  // The lower bound keeps the wait between two messages within a day; the upper is one a microsecond.
  const perSecond = (name: keyof PublishRate) => real(`profile.publishesPerSecond.${name}`, rate[name], 1e-5, 1e6)
  return { total: perSecond('total'), qos0: perSecond('qos0'), qos1: perSecond('qos1') }
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
  const { maxQos, retain, maxPayloadBytes } = profile
  if (maxQos !== undefined && message.qos > maxQos) {
    throw beyond(profile, 'maxQos', `${subject} has QoS ${message.qos}`, `QoS up to ${maxQos}`)
  }
  if (retain === false && message.retain) {
    throw beyond(profile, 'retain', `${subject} is to be retained`, 'no retained messages')
  }
  if (maxPayloadBytes !== undefined && message.payloadBytes > maxPayloadBytes) {
    const asked = `${subject} has a payload of ${message.payloadBytes} bytes`
    throw beyond(profile, 'maxPayloadBytes', asked, `at most ${maxPayloadBytes}`)
  }
  requireTopicWithin(profile, subject, message.topic)
}

/** Holds a Topic Name or Topic Filter against the limits for its length and its levels. @throws UsageError */
export function requireTopicWithin(profile: ServerProfile, subject: string, topic: string): void {
  const { maxTopicBytes, maxTopicLevels } = profile
  if (maxTopicBytes !== undefined && Buffer.byteLength(topic) > maxTopicBytes) {
    const asked = `${subject} has a topic of ${Buffer.byteLength(topic)} bytes`
    throw beyond(profile, 'maxTopicBytes', asked, `at most ${maxTopicBytes}`)
  }
  if (maxTopicLevels === undefined) return
  const levels = topic.split('/').length
  if (levels > maxTopicLevels) {
    throw beyond(profile, 'maxTopicLevels', `${subject} has a topic of ${levels} levels`, `at most ${maxTopicLevels}`)
  }
}

/** Holds a Client Identifier against the limit for its length. @throws UsageError */
export function requireClientIdWithin(profile: ServerProfile | undefined, clientId: string): void {
  const bytes = Buffer.byteLength(clientId)
  if (profile?.maxClientIdBytes === undefined || bytes <= profile.maxClientIdBytes) return
  throw beyond(profile, 'maxClientIdBytes', `clientId has ${bytes} bytes`, `at most ${profile.maxClientIdBytes}`)
}

/** The error for what a limit of a profile forbids; it names both, so that who knows better can replace the limit. */
export function beyond(profile: ServerProfile, limit: keyof ServerProfile, asked: string, allowed: string): UsageError {
  return new UsageError(`${asked}, but ${profile.name} takes ${allowed} (profile.${limit})`)
}
