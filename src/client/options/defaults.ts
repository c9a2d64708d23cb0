/** Every default of a client, with its reason. Time-outs are in milliseconds unless the name says otherwise. */
export const clientDefaults = {
  /** Most NATs and load balancers forget a silent connection after some minutes; a PINGREQ a minute costs four bytes in all. */
  keepAliveSeconds: 60,
  /** Resolver, TCP, TLS and CONNACK over a bad radio link take seconds; who has no CONNACK after half a minute gets none. */
  connectTimeoutMs: 30_000,
  /** Ten round trips of a slow satellite link; after that much silence the peer is gone. Where Keep Alive is shorter, the default is Keep Alive. */
  pingTimeoutMs: 10_000,
  /** Far above what a busy server needs to write a message to disk; a dead one is found by PINGREQ before. */
  ackTimeoutMs: 60_000,
  /** SUBACK and UNSUBACK need no disk and no third party. */
  operationTimeoutMs: 30_000,
  /** What is in flight may finish over a slow link, and a process that is told to stop is not killed meanwhile (often after 10 s). */
  endTimeoutMs: 5_000,
  /** A restarting server needs about a second; the jitter makes the mean of the first wait half of it. */
  minDelayMs: 1_000,
  /** Back within a minute after the longest outage, yet 10,000 clients cost a server no more than some 330 attempts a second. */
  maxDelayMs: 60_000,
  /** From one second to the longest wait in six steps. */
  factor: 2,
  /** A device in the field has nobody who would start it again. */
  maxAttempts: Number.POSITIVE_INFINITY,
  /** Only a server's profile knows of such a limit. */
  maxAttemptsPerMinute: Number.POSITIVE_INFINITY,
  /** A wrong address or password is seen at once by whoever awaits `connect()`. */
  retryInitial: false,
  /** A connection counts as healthy after half a minute: servers that accept and throw out do so sooner. */
  stableAfterMs: 30_000,
  /** 5,000 messages a second over a round trip of 20 ms; some servers allow no more than these in flight. */
  maxInFlight: 100,
  /** As many as mosquitto 2.0 has room for; what it gets beyond that it acknowledges, and does not deliver. */
  maxInFlightQos2: 20,
  /** Enough handlers to keep a database or an HTTP service busy, few enough to hold in memory what they hold. */
  receiveWindow: 64,
  /** A burst of a thousand messages of 1 KiB; beyond it the server and TCP do the waiting. */
  receiveBufferBytes: 1_048_576,
  /** Well above what MQTT is used for, and what a small machine can take at once; the standard allows 256 MiB. */
  maxPacketBytes: 16_777_216,
  /** Some three hours of one message a second. A rejected message is seen by its sender, unlike a full heap. */
  queueMaxMessages: 10_000,
  /** 64 MiB: ten thousand messages of 6 KiB. */
  queueMaxBytes: 67_108_864,
  /** Silence about what was promised is worse than an error: the newcomer is refused, nothing accepted is dropped. */
  queueOverflow: 'reject',
  /** At QoS 0 the newest value counts; a burst of old ones after an outage serves nobody. */
  queueOfflineQos0: false,
} as const
