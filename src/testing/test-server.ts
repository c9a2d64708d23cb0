/**
 * The server of a test: what a program holds in its hands. It joins the broker (what a server does), the rules (what the
 * program has it do otherwise), the log (what came) and the connections.
 *
 *   in memory  -> listening   start()
 *   listening  -> stopped     stop(): no connection, and nobody gets one; Sessions and retained messages stay
 *   stopped    -> listening   start(), on the same port
 *   any        -> closed      close(): whoever waits is told
 */
import type { Duplex } from 'node:stream'
import type { ControlPacket, QoS } from '../codec/control-packet.js'
import { ClosedError, ConnectionLostError, UsageError } from '../errors.js'
import { Arrivals } from './arrivals.js'
import { Broker } from './broker/broker.js'
import { allHabits } from './broker/habits.js'
import { Listener } from './listener.js'
import type { ClientPacketName, PacketOf, ServerPacketName } from './match.js'
import { PipeEnd } from './memory-pipe.js'
import { requireText } from './option-checks.js'
import { PacketLog } from './packet-log.js'
import { type RefuseOptions, type RuleOptions, Rules } from './rules.js'
import { messageOf, requireServerOptions, type ServerPublishOptions, type TestServerOptions } from './server-options.js'
import { type ReceivesOptions, requireReceives, TestConnection } from './test-connection.js'

/** Open connections; one beyond is cut. */
const connectionsMax = 10_000
/** Connections that nobody has asked for with `accepts`, and faults: the oldest beyond are forgotten. */
const rememberedMax = 1_000

/**
 * A server for MQTT 3.1.1 in the process of a test. It is a whole small server: every QoS in both directions, retained
 * messages, wills, Sessions that are kept, Keep Alive, any number of clients up to 10,000. A test sees all that comes, and has
 * the server refuse, fall silent, answer late, cut connections, or send any bytes.
 *
 * It holds everything in memory, within bounds: 10,000 Sessions, 10,000 Topic Filters and 10,000 waiting messages in each, and
 * 10,000 retained messages. What comes beyond is refused or dropped.
 *
 * In the examples `server` is such a server, and `lamp` a client of it with the Client Identifier `lamp`.
 */
export class TestServer {
  readonly #options: TestServerOptions
  readonly #broker: Broker
  readonly #rules = new Rules<TestConnection>()
  readonly #log: PacketLog<TestConnection>
  readonly #connections = new Set<TestConnection>()
  readonly #accepted = new Arrivals<TestConnection>(rememberedMax)
  readonly #faults: Error[] = []
  #starting: Promise<Listener> | undefined
  #listener: Listener | undefined
  #isStopped = false
  #isClosed = false

  /** A server that is reached through `stream` alone, until `start`. @throws UsageError for an option that does not fit. */
  constructor(options: TestServerOptions = {}) {
    requireServerOptions(options)
    this.#options = options
    this.#log = new PacketLog(options.packetsKept)
    this.#broker = new Broker(allHabits(options.habits))
  }

  /** The address for a client: `mqtt://[::1]:51234`, or `mqtts://...` with TLS. @throws UsageError before the first `start`. */
  get url(): string {
    const { host, port } = this.#bound
    return `mqtt${this.#options.tls === undefined ? '' : 's'}://${host.includes(':') ? `[${host}]` : host}:${port}`
  }

  /** The port. @throws UsageError before the first `start`. */
  get port(): number {
    return this.#bound.port
  }

  get #bound(): Listener {
    if (this.#listener !== undefined) return this.#listener
    throw new UsageError('the test server has no port: await start(), or give its stream to the client')
  }

  /**
   * For the option `stream` of a client: a connection in memory, without a socket. It works while the timers of a test are
   * faked. @throws ConnectionLostError while the server is stopped.
   *
   * ```ts
   * import { MqttClient } from 'mqtt311'
   * import { TestServer } from 'mqtt311/testing'
   *
   * const server = new TestServer()
   * const device = new MqttClient({ stream: server.stream })
   * await device.connect()
   * await device.end()
   * await server.close()
   * ```
   */
  readonly stream = (): Duplex => {
    if (this.#isStopped) throw new ConnectionLostError('the test server is stopped', { reason: 'refused' })
    const [client, server] = PipeEnd.pair(this.#options.highWaterMark)
    this.#accept(server)
    return client
  }

  /**
   * All packets of all clients, in the order in which they came; of a long test the last `packetsKept` at least.
   *
   * ```ts
   * await lamp.publish('a', 'x', { qos: 1 })
   * console.log(server.received.map(({ type }) => type).join()) // prints: connect,publish
   * ```
   */
  get received(): readonly ControlPacket<Buffer>[] {
    return this.#log.packets
  }

  /** What clients did wrong: bytes that are no packets, packets where they may not stand, a Keep Alive that was not kept. */
  get faults(): readonly Error[] {
    return this.#faults
  }

  /** The open connections, in the order in which they came. */
  get connections(): readonly TestConnection[] {
    return [...this.#connections]
  }

  /**
   * The Topic Names of retained messages, with the payload of each.
   *
   * ```ts
   * await lamp.publish('lamp/1', 'on', { qos: 1, retain: true })
   * console.log(server.retained.get('lamp/1')?.toString()) // prints: on
   * ```
   */
  get retained(): ReadonlyMap<string, Buffer> {
    return new Map([...this.#broker.retained.values()].map(({ topic, payload }) => [topic, payload]))
  }

  /**
   * The Topic Filters of a Session, with the granted QoS of each; none for a client that is not known.
   *
   * ```ts
   * await lamp.subscribe('lamp/1', { qos: 1 })
   * console.log(server.subscriptions('lamp').get('lamp/1')) // prints: 1
   * ```
   */
  subscriptions(clientId: string): ReadonlyMap<string, QoS> {
    return new Map(this.#broker.subscriptionsOf(clientId))
  }

  /**
   * Resolves with the next connection that no earlier call got, whether it is there or is yet to come.
   *
   * ```ts
   * const connection = await server.accepts()
   * console.log((await connection.receives('connect')).clientId) // prints: lamp
   * ```
   */
  accepts(): Promise<TestConnection> {
    return this.#accepted.next()
  }

  /**
   * Resolves with the first packet of this type, from any client, that no earlier call got, whether it has come or is yet to
   * come. So a test needs no order of its own: it acts, and then asks for what has to follow.
   *
   * ```ts
   * await lamp.publish('lamp/1/state', 'on', { qos: 1 })
   * const { payload } = await server.receives('publish', { topic: 'lamp/+/state' })
   * console.log(payload.toString()) // prints: on
   * ```
   *
   * Rejects with a ClosedError if the server is closed before. @throws UsageError (as a rejection) for a type that no client
   * sends, or an unknown option.
   */
  async receives<Name extends ClientPacketName>(
    type: Name,
    options: ReceivesOptions<Name> = {},
  ): Promise<PacketOf<Name>> {
    requireReceives(type, options)
    return this.#log.take(type, options, undefined, this.#isClosed ? closedError() : undefined)
  }

  /**
   * Publishes a message, as another client would. Resolves with the number of Sessions that it went to, once each of these has
   * acknowledged it: at QoS 1 and 2 that is when the handlers of an mqtt311 client are done. A client whose
   * connection is lost meanwhile acknowledges when it is back. A Session whose client is away already counts, and is not waited
   * for, nor is one that is forgotten. At QoS 0 nobody acknowledges, and the promise resolves at once.
   *
   * ```ts
   * await lamp.subscribe('lamp/1', { qos: 1 }, (message) => console.log(message.text()))
   * await server.publish('lamp/1', 'off', { qos: 1 }) // prints: off
   * ```
   *
   * @throws UsageError (as a rejection) for a Topic Name, payload or option that does not fit.
   */
  async publish(topic: string, payload: string | Uint8Array, options: ServerPublishOptions = {}): Promise<number> {
    return this.#broker.publishAndWait(messageOf(topic, payload, options))
  }

  /**
   * Has the server refuse: CONNECT with a Return Code, Topic Filters of SUBSCRIBE with 0x80, messages of PUBLISH by letting
   * nobody have them (what the client is told depends on `habits`). Of a SUBSCRIBE, each Topic Filter is judged alone. Until
   * the result is disposed of.
   *
   * ```ts
   * server.refuse('subscribe', { topic: 'secret/#' })
   * await lamp.subscribe('secret/#').catch((error) => console.log(error.code)) // prints: MQTT_SUBSCRIBE_REFUSED
   * ```
   *
   * @throws UsageError for another type, or an option that does not fit.
   */
  refuse<Name extends 'connect' | 'subscribe' | 'publish'>(type: Name, options: RefuseOptions<Name> = {}): Disposable {
    return this.#rules.refuse(type, options)
  }

  /**
   * Has the server see packets of a type, and do nothing: no answer, no message to others. Without a type: all packets, of
   * one client or of all. A test can then answer by hand, with `send` of the connection. Until the result is disposed of.
   *
   * ```ts
   * server.silence('pingreq')
   * await lamp.ping({ timeoutMs: 10 }).catch((error) => console.log(error.code)) // prints: MQTT_TIMEOUT
   * ```
   *
   * @throws UsageError for a type that no client sends, or an option that does not fit.
   */
  silence<Name extends ClientPacketName>(type?: Name, options: RuleOptions<Name> = {}): Disposable {
    return this.#rules.silence(type, options)
  }

  /**
   * Has a function of the test do what the server would do for packets of a type. It gets each packet and its connection, and sends
   * what it likes. Until the result is disposed of.
   *
   * ```ts
   * server.answer('subscribe', ({ packetId }, connection) => connection.send({ type: 'suback', packetId, returnCodes: [0] }))
   * console.log((await lamp.subscribe('a', { qos: 2 })).granted[0]?.qos) // prints: 0
   * ```
   *
   * @throws UsageError for a type that no client sends, no function, or an option that does not fit.
   */
  answer<Name extends ClientPacketName>(
    type: Name,
    answer: (packet: PacketOf<Name>, connection: TestConnection) => void,
    options: RuleOptions<Name> = {},
  ): Disposable {
    return this.#rules.answer(type, answer, options)
  }

  /**
   * Has the server do all that it is asked, but not send packets of a type: `withhold('puback', { times: 1 })` is a server
   * whose acknowledgement was lost. Until the result is disposed of.
   *
   * ```ts
   * server.withhold('puback', { times: 1 })
   * lamp.publish('a', 'x', { qos: 1 })
   * await server.receives('publish')
   * server.cut()
   * await server.receives('publish') // the same again, on the next connection
   * ```
   *
   * @throws UsageError for a type that no server sends, or an option that does not fit.
   */
  withhold<Name extends ServerPacketName>(type: Name, options: RuleOptions<Name> = {}): Disposable {
    return this.#rules.withhold(type, options)
  }

  /**
   * Has the server handle packets of a type so many milliseconds after they came. What comes behind one of them on the same
   * connection waits too. Until the result is disposed of.
   *
   * ```ts
   * server.delay('subscribe', 20)
   * await lamp.subscribe('lamp/1') // takes 20 ms
   * ```
   *
   * @throws UsageError for a type that no client sends, or an option that does not fit.
   */
  delay<Name extends ClientPacketName>(type: Name, ms: number, options: RuleOptions<Name> = {}): Disposable {
    return this.#rules.delay(type, ms, options)
  }

  /**
   * Breaks off the connection of one client, or of all. Sessions stay, wills are published.
   *
   * ```ts
   * await server.receives('connect')
   * server.cut('lamp')
   * await server.receives('connect') // it is back
   * ```
   */
  cut(clientId?: string): void {
    requireText('clientId', clientId)
    for (const connection of this.#connections) {
      if (clientId === undefined || connection.clientId === clientId) connection.cut()
    }
  }

  /**
   * Cuts and forgets one client, or all of them with the retained messages, as a server that restarts without storage: the
   * next CONNACK says Session Present 0.
   *
   * ```ts
   * lamp.on('online', (event) => console.log(event.sessionPresent)) // prints: false
   * server.forget('lamp')
   * await lamp.publish('a', 'x', { qos: 1 })
   * ```
   */
  forget(clientId?: string): void {
    this.cut(clientId)
    this.#broker.forget(clientId)
  }

  /** Listens; after `stop`, on the same port as before. @throws ConnectionLostError (as a rejection) if the port is taken. */
  async start(): Promise<void> {
    if (this.#isClosed) throw closedError()
    const { host, port = 0, tls } = this.#options
    const where = { host: this.#listener?.host ?? host, port: this.#listener?.port ?? port, tls }
    this.#starting ??= Listener.listen(where, (stream) => this.#accept(stream))
    try {
      this.#listener = await this.#starting
      this.#isStopped = false
    } catch (error) {
      this.#starting = undefined
      throw error
    }
  }

  /**
   * Cuts all connections and lets nobody connect until `start`. Sessions, retained messages and rules stay.
   *
   * ```ts
   * await server.stop()
   * const published = lamp.publish('a', 'x', { qos: 1 })
   * await server.start()
   * await published
   * ```
   */
  async stop(): Promise<void> {
    this.#isStopped = true
    const open = [...this.#connections]
    this.cut()
    const starting = this.#starting
    this.#starting = undefined
    await (await starting)?.close()
    await Promise.all(open.map(({ closed }) => closed))
  }

  /** Stops for good. Whoever waits for a packet or a connection gets a ClosedError. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.stop()
    this.#log.end(undefined, closedError())
    this.#accepted.end(closedError())
    this.#broker.forget(undefined)
  }

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #accept(stream: Duplex): void {
    if (this.#isStopped || this.#connections.size >= connectionsMax) return void stream.destroy()
    const connection = new TestConnection(stream, {
      broker: this.#broker,
      rules: this.#rules,
      log: this.#log,
      options: this.#options,
      gone: (gone, fault) => this.#gone(gone, fault),
    })
    this.#connections.add(connection)
    this.#accepted.push(connection)
  }

  #gone(connection: TestConnection, fault: Error | undefined): void {
    this.#connections.delete(connection)
    if (fault !== undefined) this.#faults.push(fault)
    if (this.#faults.length > rememberedMax) this.#faults.shift()
  }
}

function closedError(): ClosedError {
  return new ClosedError('the test server was closed')
}

/**
 * A server for MQTT 3.1.1 that listens on the loopback interface, `[::1]` first.
 *
 * ```ts
 * import { connect } from 'mqtt311'
 * import { testServer } from 'mqtt311/testing'
 *
 * await using server = await testServer()
 * const lamp = await connect(server.url)
 * await lamp.end()
 * ```
 *
 * @throws UsageError (as a rejection) for an option that does not fit, ConnectionLostError if it cannot listen.
 */
export async function testServer(options: TestServerOptions = {}): Promise<TestServer> {
  const server = new TestServer(options)
  await server.start()
  return server
}
