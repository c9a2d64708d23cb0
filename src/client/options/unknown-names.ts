/** What to say to whoever wrote a name that no option has: often it is the name in another client. */

const onlyThisVersion = 'leave it out, this package speaks MQTT 3.1.1'
const webSocket = 'use stream, a function that opens the WebSocket as a Duplex'
const inTls = 'write it into tls, as in tls: { ca }'

/** What to do about the options of other clients, MQTT.js above all. */
const advice: ReadonlyMap<string, string> = new Map(
  Object.entries({
    clean: 'use cleanSession',
    reconnectPeriod: 'use reconnect: { minDelayMs }, or reconnect: false',
    connectTimeout: 'use connectTimeoutMs',
    reconnectOnConnackError: 'use reconnect: { retryInitial: true }',
    queueQoSZero: 'use queue: { offlineQos0 }',
    incomingStore: 'use store',
    outgoingStore: 'use store',
    streamBuilder: 'use stream',
    createConnection: 'use stream',
    wsOptions: webSocket,
    transformWsUrl: webSocket,
    customHandleAcks: 'return a promise from the handler: the message is acknowledged once it has resolved',
    hostname: 'use host',
    brokerUrl: 'use url',
    protocol: 'use url with mqtt:// or mqtts://, or host and tls',
    protocolVersion: onlyThisVersion,
    protocolId: onlyThisVersion,
    properties: onlyThisVersion,
    resubscribe: 'leave it out, a client always subscribes again what the server has lost',
    reschedulePings: 'leave it out, any packet that is sent puts off the next PINGREQ',
    manualConnect: 'leave it out, new MqttClient() connects when connect() is called',
    message: 'use payload',
    ca: inTls,
    cert: inTls,
    key: inTls,
    pfx: inTls,
    passphrase: inTls,
    rejectUnauthorized: inTls,
    servername: inTls,
    ALPNProtocols: inTls,
  }),
)

/** What to do about a name that is none of the `names` of its group. */
export function adviceForUnknown(name: string, names: readonly string[]): string {
  const near = nearestName(name, names)
  if (near !== undefined) return `did you mean ${near}?`
  return advice.get(name) ?? `the names are ${names.join(', ')}`
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
