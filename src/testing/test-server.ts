/**
 * The server that a test uses. It has the broker (what a server does), the rules (what the test changes), the log (the received
 * packets) and the connections.
 *
 *   in memory  -> listening   start()
 *   listening  -> stopped     stop(): no connection, and no new one; Sessions and retained messages stay
 *   stopped    -> listening   start(), on the same port
 *   any        -> closed      close(): calls that wait reject
 */
import type { Duplex } from 'node:stream'
import type { ControlPacket, QoS } from '../codec/control-packet.js'
import { ClosedError, ConnectionLostError, UsageError } from '../errors.js'
import { Arrivals } from './arrivals.js'
import { Broker } from './broker/broker.js'
import { allHabits } from './broker/habits.js'
import { Listener, loopback } from './listener.js'
import type { ClientPacketName, PacketOf, ServerPacketName } from './match.js'
import { PipeEnd } from './memory-pipe.js'
import { requireText } from './option-checks.js'
import { PacketLog } from './packet-log.js'
import { type RefuseOptions, type RuleOptions, Rules } from './rules.js'
import { messageOf, requireServerOptions, type ServerPublishOptions, type TestServerOptions } from './server-options.js'
import { type ReceivesOptions, requireReceives, TestConnection } from './test-connection.js'

/** The largest number of open connections; a further one is cut. */
const connectionsMax = 10_000
/** How many connections wait for `accepts`, and how many faults are kept; then the oldest is forgotten. */
const rememberedMax = 1_000
const closedError = () => new ClosedError('the test server was closed')

/**
 * A server for MQTT 3.1.1 in the process of a test. It is a complete small server: every QoS in both directions, retained
 * messages, wills, persistent Sessions, Keep Alive, up to 10,000 clients. A test sees every packet that comes. A test can make the
 * server refuse, fall silent, answer late, cut connections, or send any bytes.
 *
 * It keeps everything in memory, within bounds: 10,000 Sessions, 10,000 Topic Filters and 10,000 waiting messages for each, and
 * 10,000 retained messages. Anything more is refused or dropped.
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

  /** Makes a server without a port: until `start`, clients connect only through `stream`. @throws UsageError for a wrong option. */
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
   * The packets of all clients, in the order of their arrival. In a long test older packets are removed (`packetsKept`).
   *
   * ```ts
   * await lamp.publish('a', 'x', { qos: 1 })
   * console.log(server.received.map(({ type }) => type).join()) // prints: connect,publish
   * ```
   */
  get received(): readonly ControlPacket<Buffer>[] {
    return this.#log.packets
  }

  /** The faults of clients: malformed packets, packets that were not allowed at that time, longer silence than Keep Alive allows. */
  get faults(): readonly Error[] {
    return this.#faults
  }

  /** The open connections, the oldest first. */
  get connections(): readonly TestConnection[] {
    return [...this.#connections]
  }

  /**
   * The retained messages: the payload by Topic Name.
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
   * The subscriptions of a Session: the granted QoS by Topic Filter. Empty for an unknown client.
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
   * Resolves with the first connection that no earlier call got. It may have come already, or the call waits for it.
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
   * Resolves with the first packet of this type, from any client, that no earlier call got. It may have come already, or the call
   * waits for it. So a test can first act, and then ask for the packet that must follow.
   *
   * ```ts
   * await lamp.publish('lamp/1/state', 'on', { qos: 1 })
   * const { payload } = await server.receives('publish', { topic: 'lamp/+/state' })
   * console.log(payload.toString()) // prints: on
   * ```
   *
   * Rejects with a ClosedError if the server is closed before. @throws UsageError (as a rejection) for a type that no client
   * sends, or a wrong option.
   */
  async receives<Name extends ClientPacketName>(
    type: Name,
    options: ReceivesOptions<Name> = {},
  ): Promise<PacketOf<Name>> {
    requireReceives(type, options)
    return this.#log.take(type, options, undefined, this.#isClosed ? closedError() : undefined)
  }

  /**
   * Publishes a message, as another client would. Resolves with the number of Sessions that get the message, when all of them have
   * acknowledged it: at QoS 1 and 2 a client of mqtt311 does so when its handlers have ended. If a connection is lost meanwhile, the
   * promise waits until its client is back. A Session whose client was away before the call counts, but the promise does not wait
   * for it, nor for a forgotten one. At QoS 0 there are no acknowledgements, so the promise resolves at once.
   *
   * ```ts
   * await lamp.subscribe('lamp/1', { qos: 1 }, (message) => console.log(message.text()))
   * await server.publish('lamp/1', 'off', { qos: 1 }) // prints: off
   * ```
   *
   * @throws UsageError (as a rejection) for a wrong Topic Name, payload or option; ClosedError after `close`.
   */
  async publish(topic: string, payload: string | Uint8Array, options: ServerPublishOptions = {}): Promise<number> {
    if (this.#isClosed) throw closedError()
    return this.#broker.publishAndWait(messageOf(topic, payload, options))
  }

  /**
   * Makes the server refuse: CONNECT with a Return Code, Topic Filters of SUBSCRIBE with 0x80, and PUBLISH by giving the message to
   * no client (`habits` decides what the publisher gets). Each Topic Filter of a SUBSCRIBE is checked alone. The rule holds until
   * the result is disposed of.
   *
   * ```ts
   * server.refuse('subscribe', { topic: 'secret/#' })
   * await lamp.subscribe('secret/#').catch((error) => console.log(error.code)) // prints: MQTT_SUBSCRIBE_REFUSED
   * ```
   *
   * @throws UsageError for another type, or a wrong option.
   */
  refuse<Name extends 'connect' | 'subscribe' | 'publish'>(type: Name, options: RefuseOptions<Name> = {}): Disposable {
    return this.#rules.refuse(type, options)
  }

  /**
   * Makes the server ignore packets of a type, though the test sees them: no answer, no message to others. Without a type: all packets,
   * of one client or of all. The test can answer by `send` of the connection. The rule holds until the result is disposed of. After an
   * ignored CONNECT the next packet is a fault: to answer CONNECT, and have the client served, use `withhold('connack')` instead.
   *
   * ```ts
   * server.silence('pingreq')
   * await lamp.ping({ timeoutMs: 10 }).catch((error) => console.log(error.code)) // prints: MQTT_TIMEOUT
   * ```
   *
   * @throws UsageError for a type that no client sends, or a wrong option.
   */
  silence<Name extends ClientPacketName>(type?: Name, options: RuleOptions<Name> = {}): Disposable {
    return this.#rules.silence(type, options)
  }

  /**
   * For packets of a type, a function of the test acts instead of the server. The function gets the packet and its connection, and
   * may send any packets. The rule holds until the result is disposed of.
   *
   * ```ts
   * server.answer('subscribe', ({ packetId }, connection) => connection.send({ type: 'suback', packetId, returnCodes: [0] }))
   * console.log((await lamp.subscribe('a', { qos: 2 })).granted[0]?.qos) // prints: 0
   * ```
   *
   * @throws UsageError for a type that no client sends, no function, or a wrong option.
   */
  answer<Name extends ClientPacketName>(
    type: Name,
    answer: (packet: PacketOf<Name>, connection: TestConnection) => void,
    options: RuleOptions<Name> = {},
  ): Disposable {
    return this.#rules.answer(type, answer, options)
  }

  /**
   * Makes the server act as ever, but not send packets of a type: `withhold('puback', { times: 1 })` is a server whose
   * acknowledgement was lost. The rule holds until the result is disposed of.
   *
   * ```ts
   * server.withhold('puback', { times: 1 })
   * lamp.publish('a', 'x', { qos: 1 })
   * await server.receives('publish')
   * server.cut()
   * await server.receives('publish') // the same again, on the next connection
   * ```
   *
   * @throws UsageError for a type that no server sends, or a wrong option.
   */
  withhold<Name extends ServerPacketName>(type: Name, options: RuleOptions<Name> = {}): Disposable {
    return this.#rules.withhold(type, options)
  }

  /**
   * Makes the server handle packets of a type so many milliseconds after their arrival. Later packets of the same connection wait
   * behind such a packet. The rule holds until the result is disposed of.
   *
   * ```ts
   * server.delay('subscribe', 20)
   * await lamp.subscribe('lamp/1') // takes 20 ms
   * ```
   *
   * @throws UsageError for a type that no client sends, or a wrong option.
   */
  delay<Name extends ClientPacketName>(type: Name, ms: number, options: RuleOptions<Name> = {}): Disposable {
    return this.#rules.delay(type, ms, options)
  }

  /**
   * Cuts the connection of one client, or of all, without DISCONNECT. Sessions stay, and wills are published.
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
   * Cuts the connection of one client and forgets its Session. Without a Client Identifier: of all clients, and the retained
   * messages are forgotten too, as by a restart of a server without storage. The next CONNACK has Session Present 0.
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

  /** Listens; after `stop`, on the same port as before. @throws ConnectionLostError (as a rejection) if the port is in use. */
  async start(): Promise<void> {
    if (this.#isClosed) throw closedError()
    const { host = this.#listener?.host, port = 0, tls } = this.#options
    const where = { hosts: host === undefined ? loopback : [host], port: this.#listener?.port ?? port, tls }
    this.#starting ??= Listener.listen(where, (stream) => this.#accept(stream))
    const starting = this.#starting
    try {
      this.#listener = await starting
      if (this.#starting === starting) this.#isStopped = false // else a `stop` came meanwhile
    } catch (error) {
      if (this.#starting === starting) this.#starting = undefined
      throw error
    }
  }

  /**
   * Cuts all connections and accepts no others until `start`. Sessions, retained messages and rules stay.
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
    await (await starting?.catch(() => undefined))?.close() // `start` tells why it failed
    await Promise.all(open.map(({ closed }) => closed))
  }

  /** Stops the server for ever. Calls that wait for a packet or a connection reject with a ClosedError. */
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
 * @throws UsageError (as a rejection) for a wrong option, ConnectionLostError if it cannot listen.
 */
export async function testServer(options: TestServerOptions = {}): Promise<TestServer> {
  const server = new TestServer(options)
  await server.start()
  return server
}
