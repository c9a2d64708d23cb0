/** How many messages a second a server takes from one client. The client paces them: such a server drops the rest in silence. */
export interface PublishRate {
  /** Messages a second over all QoS. */
  readonly total?: number | undefined
  /** Messages a second at QoS 0. */
  readonly qos0?: number | undefined
  /** Messages a second at QoS 1. */
  readonly qos1?: number | undefined
}

/**
 * The limits of a kind of server. MQTT 3.1.1 has no way to announce them (MQTT 5 put them in CONNACK), and servers
 * answer an excess by closing, by refusing or by silence: with a profile the client refuses it first, with a UsageError
 * that names the limit. Every limit that is absent does not exist.
 */
export interface ServerProfile {
  /** Names the server in error messages. */
  readonly name: string
  /** The highest QoS of a PUBLISH and in a SUBSCRIBE. */
  readonly maxQos?: 0 | 1 | 2 | undefined
  /** False if retained messages are not supported. */
  readonly retain?: boolean | undefined
  /** False if a will is not supported. */
  readonly will?: boolean | undefined
  /** Seconds, 1 to 65,535, both ends included. */
  readonly keepAlive?: { readonly min: number; readonly max: number } | undefined
  /** Bytes of the payload of a PUBLISH. */
  readonly maxPayloadBytes?: number | undefined
  /** Bytes of UTF-8. */
  readonly maxTopicBytes?: number | undefined
  /** Levels are what stands between slashes: `a/b` has two. */
  readonly maxTopicLevels?: number | undefined
  /** Bytes of UTF-8. */
  readonly maxClientIdBytes?: number | undefined
  /** Topic Filters in one SUBSCRIBE. */
  readonly maxFiltersPerSubscribe?: number | undefined
  /** Topic Filters at one time. */
  readonly maxSubscriptions?: number | undefined
  /** PUBLISH packets of QoS 1 and 2 that the client has sent and the server has not acknowledged. */
  readonly maxInFlight?: number | undefined
  /** Attempts to connect within any 60 seconds. */
  readonly connectsPerMinute?: number | undefined
  /** Paced by the client, because the server drops the excess in silence. */
  readonly publishesPerSecond?: PublishRate | undefined
  /** In words: which roots the server's certificates end in, and where they come from. Told when its certificate is not trusted. */
  readonly rootCertificates?: string | undefined
}
