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
    const distance = slipsBetween(name.toLowerCase(), candidate.toLowerCase())
    // Of a short name two edits leave too little to be a likeness.
    if (distance >= least || distance * 3 > candidate.length) continue
    nearest = candidate
    least = distance
  }
  return nearest
}

/** The Damerau-Levenshtein distance, by rows of its table; only the last two are needed, as a swap looks back no further. */
export function slipsBetween(left: string, right: string): number {
  const at = (cells: readonly number[], column: number) => cells[column] ?? Number.POSITIVE_INFINITY
  let beforeLast: number[] = []
  let last = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row++) {
    const next = [row]
    for (let column = 1; column <= right.length; column++) {
      const differs = Number(left[row - 1] !== right[column - 1])
      const isSwapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      const swapped = isSwapped ? at(beforeLast, column - 2) : Number.POSITIVE_INFINITY
      next.push(Math.min(at(last, column), at(next, column - 1), at(last, column - 1) + differs - 1, swapped) + 1)
    }
    ;[beforeLast, last] = [last, next]
  }
  return last.at(-1) ?? left.length
}
