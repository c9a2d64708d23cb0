/** Advice for a name that is not an option here. Often the name is an option of another client. */

const onlyThisVersion = 'leave it out, this package speaks MQTT 3.1.1'
const webSocket = 'use stream, which opens the WebSocket as a Duplex'
const inTls = 'write it into tls, as in tls: { ca }'

/** For each option of other clients, mainly of MQTT.js: what to use here. */
export const foreignAdvice: ReadonlyMap<string, string> = new Map(
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
    resubscribe: 'leave it out, a client always subscribes again if the server has lost the session',
    reschedulePings: 'leave it out, each packet that the client sends delays the next PINGREQ',
    manualConnect: 'leave it out, a client connects when connect() is called',
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

/** For each event of other clients: what to use here. */
export const eventAdvice: ReadonlyMap<string, string> = new Map([
  ['message', 'pass a handler to subscribe(), or give the option onMessage'],
  ['error', "await client.closed, or listen for 'close'"],
  ['connect', "await connect(), or listen for 'online'"],
  ['reconnect', "listen for 'attempt'"],
])
