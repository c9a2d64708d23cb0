import type { ServerProfile } from '../client/client-options.js'

/**
 * What Alibaba Cloud IoT Platform allows.
 *
 * Certain, because every copy of the documentation says so: QoS 0 and 1, no retained messages, no will, a Keep Alive
 * of 30 to 1,200 seconds. The rest comes from the limits pages of 2020 and 2021, which also call several of these
 * numbers adjustable: they may have changed, and yours may be others. Replace what differs, and the client keeps to
 * that instead:
 *
 * ```ts
 * aliyun(device, { profile: { ...aliyunProfile, maxSubscriptions: 500, publishesPerSecond: { qos0: 100, qos1: 50 } } })
 * ```
 *
 * The client id has no entry, as its limit (64 characters) holds for the part before the first `|` and not for what
 * is sent: `signConnect` checks it.
 */
export const aliyunProfile = {
  name: 'Alibaba Cloud IoT Platform',
  maxQos: 1,
  retain: false,
  will: false,
  keepAlive: { min: 30, max: 1200 },
  maxPayloadBytes: 262_144,
  maxTopicBytes: 128,
  // Seven slashes.
  maxTopicLevels: 8,
  maxFiltersPerSubscribe: 8,
  maxSubscriptions: 100,
  maxInFlight: 100,
  connectsPerMinute: 5,
  // The platform drops the excess without a word.
  publishesPerSecond: { qos0: 30, qos1: 10 },
  rootCertificates:
    'GlobalSign R1, R3, R6 or R46 on ports 1883 and 443 (aliyunRoots(), the default), and in the private "Aliyun IoT Root CA" on port 8883: tls: { ca: [...aliyunRoots(), pem] } trusts one root more',
} as const satisfies ServerProfile
