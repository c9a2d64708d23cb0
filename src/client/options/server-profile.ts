/** The messages a second that a server takes from one client. The client sends no faster, because such a server drops the rest silently. */
export interface PublishRate {
  /** Messages a second over all QoS. */
  readonly total?: number | undefined
  /** Messages a second at QoS 0. */
  readonly qos0?: number | undefined
  /** Messages a second at QoS 1. */
  readonly qos1?: number | undefined
}

/** The characters that a server treats in its own way, in Topic Names and in Topic Filters. */
export interface TopicCharacters {
  /** The characters at which the server refuses a Topic Filter or closes the connection. A topic with one of them is a UsageError. */
  readonly refused?: string | undefined
  /**
   * The characters that the server changes, each with what becomes of it: `{ '.': '/' }`. The first topic with one of them makes a
   * process warning, and is sent: some programs want just this change.
   */
  readonly changed?: Readonly<Record<string, string>> | undefined
}

/**
 * The limits of a kind of server, and what it does otherwise than the standard lets one expect. An MQTT 3.1.1 server has no way to
 * announce its limits (MQTT 5 has them in CONNACK). When a client goes over a limit, servers close the connection, refuse, or drop
 * messages silently. With a profile the client itself refuses the call, with a UsageError that names the limit. An absent limit means:
 * no limit. `mqtt311/servers` has the profiles of some servers.
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
  /** Levels of a Topic Filter, for a server that takes longer Topic Names. */
  readonly maxFilterLevels?: number | undefined
  /**
   * Prefixes that the server does not count in the three limits before this one, without a slash at their end; a `+` stands for any
   * level: `['$aws/rules/+']`.
   */
  readonly uncountedPrefixes?: readonly string[] | undefined
  /** The characters of topics that the server refuses or changes. */
  readonly topics?: TopicCharacters | undefined
  /** Bytes of the Client Identifier in UTF-8. */
  readonly maxClientIdBytes?: number | undefined
  /**
   * `'always-0'`: every CONNACK says that the server has no session (Session Present 0), and the server goes on with the session all the
   * same. Then the client keeps what it knows of messages at QoS 2: it sends PUBREL again instead of PUBLISH, and takes a PUBLISH with
   * DUP 1 and the content of a message that it has handled for a copy. Only for a server that delivers a message at QoS 2 at its
   * PUBLISH. Default `'reliable'`.
   */
  readonly sessionPresent?: 'reliable' | 'always-0' | undefined
  /**
   * `'always'`: the client subscribes again on each connection, because a resumed session may have lost subscriptions. The server sends
   * retained messages again then. Default `'when-lost'`.
   */
  readonly resubscribe?: 'when-lost' | 'always' | undefined
  /** Topic Filters in one SUBSCRIBE or UNSUBSCRIBE. */
  readonly maxFiltersPerSubscribe?: number | undefined
  /** Topic Filters that a client has subscribed at the same time. */
  readonly maxSubscriptions?: number | undefined
  /** False if a shared subscription (`$share/group/filter`) is granted and gets no messages, or ends the connection. */
  readonly sharedSubscriptions?: boolean | undefined
  /** PUBLISH packets of QoS 1 and 2 that the client has sent and the server has not acknowledged. */
  readonly maxInFlight?: number | undefined
  /** Attempts to connect within any 60 seconds. */
  readonly connectsPerMinute?: number | undefined
  /** The highest rate of PUBLISH packets; the client sends no faster, because the server drops the rest silently. */
  readonly publishesPerSecond?: PublishRate | undefined
  /** A text for people: the root certificates of the server and where to get them. It is in the error for an untrusted certificate. */
  readonly rootCertificates?: string | undefined
}
