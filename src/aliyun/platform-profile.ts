import type { ServerProfile } from '../client/options/client-options.js'

/**
 * The limits of Alibaba Cloud IoT Platform.
 *
 * These are certain, because every copy of the documentation has them: QoS 0 and 1, no retained messages, no will, a Keep
 * Alive of 30 to 1,200 seconds. The other limits are from pages of 2020 and 2021, and these pages call several of the
 * numbers adjustable. They may have changed, and your instance may have other ones. Replace a limit that differs, and the
 * client uses your number:
 *
 * ```ts
 * import { aliyun, aliyunProfile } from 'mqtt311/aliyun'
 *
 * aliyun(device, { profile: { ...aliyunProfile, maxSubscriptions: 500, publishesPerSecond: { qos0: 100, qos1: 50 } } })
 * ```
 *
 * The client id has no entry: its limit (64 characters) is for the part before the first `|`, not for the whole Client
 * Identifier. `signConnect` checks it.
 */
export const aliyunProfile = {
  /** For error messages. */
  name: 'Alibaba Cloud IoT Platform',
  /** No QoS 2. */
  maxQos: 1,
  /** No retained messages. */
  retain: false,
  /** No will. */
  will: false,
  /** Seconds, 30 to 1,200. */
  keepAlive: { min: 30, max: 1200 },
  /** Bytes: 256 KiB. */
  maxPayloadBytes: 262_144,
  /** Bytes of UTF-8. */
  maxTopicBytes: 128,
  /** Levels: seven slashes. */
  maxTopicLevels: 8,
  /** Topic Filters in one SUBSCRIBE. */
  maxFiltersPerSubscribe: 8,
  /** Topic Filters at one time. */
  maxSubscriptions: 100,
  /** Unacknowledged messages at QoS 1. */
  maxInFlight: 100,
  /** Attempts to connect within any 60 seconds. */
  connectsPerMinute: 5,
  /** Messages a second for each QoS. The platform drops the excess without a word. */
  publishesPerSecond: { qos0: 30, qos1: 10 },
  /** In words, for the error about a certificate that is not trusted. */
  rootCertificates:
    'GlobalSign R1, R3, R6 or R46 on ports 1883 and 443 (aliyunRoots(), the default), and in the private "Aliyun IoT Root CA" on port 8883: tls: { ca: [...aliyunRoots(), pem] } trusts one root more',
} as const satisfies ServerProfile
