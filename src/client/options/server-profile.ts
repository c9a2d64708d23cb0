/** The messages a second that a server takes from one client. The client sends no faster, because such a server drops the rest silently. */
export interface PublishRate {
  /** Messages a second over all QoS. */
  readonly total?: number | undefined
  /** Messages a second at QoS 0. */
  readonly qos0?: number | undefined
  /** Messages a second at QoS 1. */
  readonly qos1?: number | undefined
}

/**
 * The limits of a kind of server. An MQTT 3.1.1 server has no way to announce its limits (MQTT 5 has them in CONNACK). When a client
 * goes over a limit, servers close the connection, refuse, or drop messages silently. With a profile the client itself refuses the
 * call, with a UsageError that names the limit. An absent limit means: no limit.
 */
export interface ServerProfile {
  /** The name of the server in error messages. */
  readonly name: string
  /** The highest QoS of a PUBLISH and in a SUBSCRIBE. */
  readonly maxQos?: 0 | 1 | 2 | undefined
  /** False if retained messages are not supported. */
  readonly retain?: boolean | undefined
  /** False if a will is not supported. */
  readonly will?: boolean | undefined
  /** The allowed Keep Alive in seconds, from `min` to `max`; each is 1 to 65,535. */
  readonly keepAlive?: { readonly min: number; readonly max: number } | undefined
  /** Bytes of the payload of a PUBLISH. */
  readonly maxPayloadBytes?: number | undefined
  /** Bytes of a Topic Name or Topic Filter in UTF-8. */
  readonly maxTopicBytes?: number | undefined
  /** Levels of a Topic Name or Topic Filter; slashes separate the levels, so `a/b` has two. */
  readonly maxTopicLevels?: number | undefined
  /** Bytes of the Client Identifier in UTF-8. */
  readonly maxClientIdBytes?: number | undefined
  /** Topic Filters in one SUBSCRIBE or UNSUBSCRIBE. */
  readonly maxFiltersPerSubscribe?: number | undefined
  /** Topic Filters that a client has subscribed at the same time. */
  readonly maxSubscriptions?: number | undefined
  /** PUBLISH packets of QoS 1 and 2 that the client has sent and the server has not acknowledged. */
  readonly maxInFlight?: number | undefined
  /** Attempts to connect within any 60 seconds. */
  readonly connectsPerMinute?: number | undefined
  /** The highest rate of PUBLISH packets; the client sends no faster, because the server drops the rest silently. */
  readonly publishesPerSecond?: PublishRate | undefined
  /** A text for people: the root certificates of the server and where to get them. It is in the error for an untrusted certificate. */
  readonly rootCertificates?: string | undefined
}
