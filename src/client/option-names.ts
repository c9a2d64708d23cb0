/** The names that options have, and what to say to whoever wrote another one: often it is the name in another client. */
import type {
  ClientOptions,
  Credentials,
  PublishRate,
  QueueOptions,
  ReconnectOptions,
  ServerOptions,
  ServerProfile,
  WillOptions,
} from './client-options.js'

/** The names of a group as the compiler knows them: leaving one out, or adding one, does not compile. */
type Names<Options> = Readonly<Record<keyof Options, true>>

const client: Names<ClientOptions> = {
  url: true,
  host: true,
  port: true,
  family: true,
  servers: true,
  tls: true,
  stream: true,
  clientId: true,
  username: true,
  password: true,
  credentials: true,
  cleanSession: true,
  keepAlive: true,
  will: true,
  connectTimeoutMs: true,
  pingTimeoutMs: true,
  ackTimeoutMs: true,
  operationTimeoutMs: true,
  reconnect: true,
  maxInFlight: true,
  receiveWindow: true,
  receiveBufferBytes: true,
  maxPacketBytes: true,
  queue: true,
  store: true,
  profile: true,
  handlers: true,
  onMessage: true,
  onHandlerError: true,
  signal: true,
}
const server: Names<ServerOptions> = { host: true, port: true, tls: true }
const will: Names<WillOptions> = { topic: true, payload: true, qos: true, retain: true }
const credentials: Names<Credentials> = { clientId: true, username: true, password: true, sessionId: true }
const reconnect: Names<ReconnectOptions> = {
  minDelayMs: true,
  maxDelayMs: true,
  factor: true,
  maxAttempts: true,
  maxAttemptsPerMinute: true,
  retryInitial: true,
}
const queue: Names<QueueOptions> = {
  maxMessages: true,
  maxBytes: true,
  maxAgeMs: true,
  overflow: true,
  offlineQos0: true,
}
const profile: Names<ServerProfile> = {
  name: true,
  maxQos: true,
  retain: true,
  will: true,
  keepAlive: true,
  maxPayloadBytes: true,
  maxTopicBytes: true,
  maxTopicLevels: true,
  maxClientIdBytes: true,
  maxFiltersPerSubscribe: true,
  maxSubscriptions: true,
  maxInFlight: true,
  connectsPerMinute: true,
  publishesPerSecond: true,
  rootCertificates: true,
}
const keepAliveRange: Names<{ min: number; max: number }> = { min: true, max: true }
const publishRate: Names<PublishRate> = { total: true, qos0: true, qos1: true }

export const optionNames = {
  client: Object.keys(client),
  server: Object.keys(server),
  will: Object.keys(will),
  credentials: Object.keys(credentials),
  reconnect: Object.keys(reconnect),
  queue: Object.keys(queue),
  profile: Object.keys(profile),
  keepAliveRange: Object.keys(keepAliveRange),
  publishRate: Object.keys(publishRate),
} as const

export type OptionGroup = keyof typeof optionNames

const onlyThisVersion = 'leave it out, this package speaks MQTT 3.1.1'
const inTls = 'write it into tls, as in tls: { ca }'

/** What to do about the options of other clients, MQTT.js above all. */
const advice: ReadonlyMap<string, string> = new Map([
  ['clean', 'use cleanSession'],
  ['reconnectPeriod', 'use reconnect: { minDelayMs }, or reconnect: false'],
  ['connectTimeout', 'use connectTimeoutMs'],
  ['reconnectOnConnackError', 'use reconnect: { retryInitial: true }'],
  ['queueQoSZero', 'use queue: { offlineQos0 }'],
  ['incomingStore', 'use store'],
  ['outgoingStore', 'use store'],
  ['streamBuilder', 'use stream'],
  ['createConnection', 'use stream'],
  ['wsOptions', 'use stream, a function that opens the WebSocket as a Duplex'],
  ['transformWsUrl', 'use stream, a function that opens the WebSocket as a Duplex'],
  ['customHandleAcks', 'return a promise from the handler: the message is acknowledged once it has resolved'],
  ['hostname', 'use host'],
  ['brokerUrl', 'use url'],
  ['protocol', 'use url with mqtt:// or mqtts://, or host and tls'],
  ['protocolVersion', onlyThisVersion],
  ['protocolId', onlyThisVersion],
  ['properties', onlyThisVersion],
  ['resubscribe', 'leave it out, a client always subscribes again what the server has lost'],
  ['reschedulePings', 'leave it out, any packet that is sent puts off the next PINGREQ'],
  ['manualConnect', 'leave it out, new MqttClient() connects when connect() is called'],
  ['message', 'use payload'],
  ...['ca', 'cert', 'key', 'pfx', 'passphrase', 'rejectUnauthorized', 'servername', 'ALPNProtocols'].map(
    (name) => [name, inTls] as const,
  ),
])

/** What to do about an option that the group does not have. */
export function adviceForUnknown(group: OptionGroup, name: string): string {
  const near = nearestName(name, optionNames[group])
  if (near !== undefined) return `did you mean ${near}?`
  return advice.get(name) ?? `the names are ${optionNames[group].join(', ')}`
}

/** The name at a distance of at most two edits, letters of either case being alike; the nearest of several. */
function nearestName(name: string, names: readonly string[]): string | undefined {
  let nearest: string | undefined
  let least = 3
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    // Of a short name two edits leave too little to be a likeness.
    if (distance >= least || distance * 3 > candidate.length) continue
    nearest = candidate
    least = distance
  }
  return nearest
}

/** Levenshtein's distance: the least number of letters to insert, delete or replace. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= to.length; j += 1) {
      const replace = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
