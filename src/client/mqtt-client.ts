import { EventEmitter } from 'node:events'
import { inspect } from 'node:util'
import { validateTopicFilter } from '../codec/topic.js'
import { ClosedError, UsageError } from '../errors.js'
import { isRecord, refuseMore } from '../option-names.js'
import { describeEndpoint } from '../transport/index.js'
import { MessageStream as Stream } from './deliver/message-stream.js'
import { Announcer, warnOfForeignEvent } from './events.js'
import { Lifecycle } from './life/lifecycle.js'
import {
  parseConnectOptions,
  parseEndOptions,
  parseMessagesOptions,
  parsePingOptions,
  parseSubscribeOptions,
  type SubscribeSettings,
  withUrl,
} from './options/call-options.js'
import { callable } from './options/checks.js'
import type { ClientOptions } from './options/client-options.js'
import { type ClientSettings, parseClientOptions } from './options/client-settings.js'
import { Publisher } from './publish/publisher.js'
import { readStats } from './stats.js'
import { parseFilterNames, parseFilters } from './subscribe/filter-requests.js'
import { Subscriptions } from './subscribe/subscriptions.js'
import type {
  ClientEvents,
  ClientState,
  ClientStats,
  ConnectOptions,
  EndOptions,
  Filters,
  MessageHandler,
  MessageStream,
  MessagesOptions,
  PingOptions,
  PublishOptions,
  SubscribeOptions,
  Subscription,
} from './surface/client-surface.js'
import { asError, markHandled, rejection } from './waiting/promises.js'
import { signalWatches } from './waiting/signal-watches.js'

/**
 * A client of one server, or of several servers that share their sessions. A client is used once: after `end()`, `destroy()` or a
 * terminal error it stays closed.
 *
 * A method that returns a promise never throws. If an argument is wrong, the promise rejects with a UsageError, and nothing has been
 * sent. A call before `connect()` waits for the connection.
 */
export class MqttClient extends EventEmitter<ClientEvents> implements AsyncDisposable {
  readonly #settings: ClientSettings
  readonly #lifecycle: Lifecycle
  #publisher: Publisher | undefined
  #madeSubscriptions: Subscriptions | undefined
  readonly #announcer: Announcer

  /** @throws UsageError on an option that cannot work */
  constructor(options: ClientOptions)
  constructor(options: ClientOptions, ...more: readonly unknown[]) {
    super()
    refuseMore('new MqttClient()', more)
    EventEmitter.prototype.on.call(this, 'newListener', warnOfForeignEvent)
    this.#settings = parseClientOptions(options, Math.random)
    this.#announcer = new Announcer(this)
    const { on } = this.#settings
    if (on.attempt !== undefined) this.on('attempt', on.attempt)
    if (on.online !== undefined) this.on('online', on.online)
    if (on.offline !== undefined) this.on('offline', on.offline)
    if (on.refused !== undefined) this.on('refused', on.refused)
    if (on.abandoned !== undefined) this.on('abandoned', on.abandoned)
    if (on.close !== undefined) this.on('close', on.close)
    this.#lifecycle = new Lifecycle(this, this.#settings, this.#announcer)
  }

  /**
   * Opens the connection. `sessionPresent` of the result says whether the server resumed a session (section 3.2.2.2). If the first
   * attempt fails, the promise rejects with the cause and the client closes, unless `reconnect.retryInitial` is set.
   *
   * @throws ConnectionRefusedError, ConnectionLostError, TimeoutError, ProtocolViolationError, MalformedPacketError,
   * StoreError, UsageError, or `signal.reason` (all as rejections)
   */
  connect(options?: ConnectOptions): Promise<{ readonly sessionPresent: boolean }>
  connect(options: ConnectOptions = {}, ...more: readonly unknown[]): Promise<{ readonly sessionPresent: boolean }> {
    try {
      refuseMore('connect()', more)
      const { signal } = parseConnectOptions(options)
      // A second call of connect() is refused below, and must not destroy the client that the first call connects.
      if (signal?.aborted && this.state === 'idle') {
        this.destroy()
        return rejection(signal.reason)
      }
      return markHandled(signal === undefined ? this.#lifecycle.connect() : this.#connectUnless(signal))
    } catch (error) {
      return rejection(error)
    }
  }

  async #connectUnless(signal: AbortSignal): Promise<{ readonly sessionPresent: boolean }> {
    const waiter = { aborted: () => this.destroy() }
    signalWatches.add(signal, waiter)
    try {
      return await this.#lifecycle.connect().catch((error: unknown) => {
        throw signal.aborted ? signal.reason : error
      })
    } finally {
      signalWatches.delete(signal, waiter)
    }
  }

  /**
   * Publishes a message. The promise resolves at QoS 0 when the message is accepted for writing, at QoS 1 with PUBACK, and at QoS 2
   * with PUBCOMP (section 4.3). A program that awaits each publish sends no faster than the server takes messages. A lost connection
   * does not reject the promise: messages of QoS 1 and 2 are sent again on the next connection. After a rejection, `error.delivery`
   * says whether the server may have the message.
   *
   * @example
   * ```ts
   * await client.publish('greenhouse/1/light', 'on', { qos: 1, retain: true })
   * ```
   * @param topic a Topic Name, 1 to 65,535 bytes of UTF-8 without wildcards and control characters (section 4.7)
   * @param payload bytes, or a string that is sent as UTF-8; the caller may reuse the bytes as soon as the call returns
   * @throws UsageError, QueueFullError, ConnectionLostError (QoS 0 while offline), TimeoutError (`queue.maxAgeMs`), ClosedError, StoreError, or
   * `signal.reason` (all as rejections)
   */
  publish(topic: string, payload: string | Uint8Array, options?: PublishOptions): Promise<void>
  publish(topic: string, payload: string | Uint8Array, options?: PublishOptions, more?: unknown): Promise<void> {
    this.#publisher ??= new Publisher(this.#lifecycle.driver, this.#lifecycle, this.#settings)
    return this.#publisher.publish(topic, payload, options, more)
  }

  /**
   * Subscribes to one or more Topic Filters; resolves with SUBACK (section 3.8.4). The handler gets every message whose topic matches
   * one of the filters. Without a handler the messages go to handlers that `handle` has added, or to `onMessage`.
   *
   * @example
   * ```ts
   * await client.subscribe('orders/#', { qos: 1 }, async (message) => {
   *   console.log(message.topic, message.json())
   * })
   * ```
   * @throws UsageError, SubscribeRefusedError (what was granted is unsubscribed), TimeoutError, ClosedError, or `signal.reason` (all as rejections)
   */
  subscribe(filters: Filters, handler: MessageHandler): Promise<Subscription>
  subscribe(filters: Filters, options?: SubscribeOptions, handler?: MessageHandler): Promise<Subscription>
  subscribe(
    filters: Filters,
    optionsOrHandler?: SubscribeOptions | MessageHandler,
    handler?: MessageHandler,
    ...more: readonly unknown[]
  ): Promise<Subscription> {
    try {
      refuseMore('subscribe()', more)
      if (typeof optionsOrHandler !== 'function') {
        const settings = parseSubscribeOptions(optionsOrHandler === undefined ? {} : optionsOrHandler)
        return markHandled(this.#subscribe(filters, settings, callable('handler', handler)))
      }
      if (handler === undefined) return markHandled(this.#subscribe(filters, noOptions, optionsOrHandler))
      throw new UsageError('subscribe() got a function in place of the options: give the options before the handler')
    } catch (error) {
      return rejection(error)
    }
  }

  #subscribe(
    filters: Filters,
    { qos, signal }: SubscribeSettings,
    handler: MessageHandler | undefined,
    ended?: () => void,
  ): Promise<Subscription> {
    this.#refuseIfEnding('subscribe')
    const requests = parseFilters(filters, qos, this.#settings.profile)
    const route = handler === undefined ? undefined : this.#lifecycle.driver.delivery.inContext(handler)
    return this.#lifecycle.whenOpen(signal, () => this.#subscriptions.subscribe(requests, route, signal, ended))
  }

  /**
   * Subscribes, and returns an async iterator: `for await (const message of await client.messages('a/#'))`. A message is acknowledged
   * when the loop asks for the next one. (If the program has called `next()` ahead, it is acknowledged as soon as the program gets it.)
   * When the program leaves the loop, also by an exception, its last message and those that it has not read are acknowledged, and the
   * filters are unsubscribed. The loop goes on after a reconnection, finishes after `end()`, and throws after a terminal error. While
   * `limit` messages wait for the loop, messages behind them wait too, also those of other handlers.
   *
   * @example
   * ```ts
   * for await (const message of await client.messages('meters/#')) console.log(message.text())
   * ```
   * @throws as `subscribe`
   */
  messages(filters: Filters, options?: MessagesOptions): Promise<MessageStream>
  messages(filters: Filters, options: MessagesOptions = {}, ...more: readonly unknown[]): Promise<MessageStream> {
    try {
      refuseMore('messages()', more)
      const settings = parseMessagesOptions(options, this.#settings.engine.receiveWindow)
      const { driver } = this.#lifecycle
      const stream = new Stream(this, settings.limit, () => driver.delivery.resume())
      driver.delivery.addStream(stream)
      return markHandled(this.#attach(stream, filters, settings))
    } catch (error) {
      return rejection(error)
    }
  }

  async #attach(stream: Stream, filters: Filters, settings: SubscribeSettings): Promise<MessageStream> {
    const { delivery } = this.#lifecycle.driver
    try {
      const subscription = await this.#subscribe(filters, settings, stream.handle, () => stream.finish())
      stream.attach(subscription, () => delivery.removeStream(stream))
      return stream
    } catch (error) {
      delivery.removeStream(stream)
      return rejection(error)
    }
  }

  /** Is made for the first call that needs it, so a client that only publishes has none. */
  get #subscriptions(): Subscriptions {
    const { driver } = this.#lifecycle
    this.#madeSubscriptions ??= new Subscriptions(driver, driver.delivery, this.#settings.profile)
    return this.#madeSubscriptions
  }

  /**
   * Ends every subscription of these filters and sends UNSUBSCRIBE, also for filters that only a resumed session of the server has;
   * resolves with UNSUBACK (section 3.10.4).
   *
   * @throws UsageError, TimeoutError, ClosedError, or the terminal error (all as rejections)
   */
  unsubscribe(filters: string | readonly string[]): Promise<void>
  unsubscribe(filters: string | readonly string[], ...more: readonly unknown[]): Promise<void> {
    try {
      refuseMore('unsubscribe()', more)
      this.#refuseIfEnding('unsubscribe')
      const names = parseFilterNames(filters)
      return markHandled(this.#lifecycle.whenOpen(undefined, () => this.#subscriptions.unsubscribeAll(names)))
    } catch (error) {
      return rejection(error)
    }
  }

  /**
   * Adds a handler for a Topic Filter, and sends no SUBSCRIBE: for messages that the server sends without a subscription, or for
   * several handlers of one SUBSCRIBE. The result removes the handler. @throws UsageError
   */
  handle(filter: string, handler: MessageHandler): Disposable
  handle(filter: string, handler: MessageHandler, ...more: readonly unknown[]): Disposable {
    refuseMore('handle()', more)
    validateTopicFilter(filter)
    if (typeof handler !== 'function') throw new UsageError(`handler has to be a function, not ${typeof handler}`)
    const { delivery } = this.#lifecycle.driver
    const route = delivery.inContext(handler)
    delivery.addRoute(filter, route)
    let remove = () => delivery.removeRoute(filter, route)
    return {
      [Symbol.dispose]() {
        remove()
        remove = () => false
      },
    }
  }

  /**
   * Sends PINGREQ and resolves with the milliseconds until its own PINGRESP has come (section 3.12). Keep Alive does not need this
   * call; it is for a program that wants to know now whether the server answers. The promise always settles: `ping` does not wait for a
   * connection, and its time-out does not end the connection. In a handler: if the backlog is full, the socket may not be read (see
   * `receiveBufferBytes`), and PINGRESP comes too late.
   *
   * @throws ConnectionLostError if there is no connection, as before `connect()` and while offline, or if it ends first, also by
   * `end()`; TimeoutError after `timeoutMs`; ClosedError on a client that is closed; UsageError, or `signal.reason` (all as rejections)
   */
  ping(options?: PingOptions): Promise<number>
  ping(options: PingOptions = {}, ...more: readonly unknown[]): Promise<number> {
    try {
      refuseMore('ping()', more)
      const settings = parsePingOptions(options, this.#settings.connection.pingTimeoutMs)
      if (settings.signal?.aborted) return rejection(settings.signal.reason)
      if (this.state === 'closed') throw new ClosedError('ping() was called on a client that is closed')
      return markHandled(this.#lifecycle.driver.ping(settings))
    } catch (error) {
      return rejection(error)
    }
  }

  /**
   * For a program that knows more than the client does: the network is back, the machine has woken up, a frozen process goes on.
   * Offline, the next attempt begins now, as soon as `maxAttemptsPerMinute` allows. During an attempt, another attempt takes its place.
   * Online, PINGREQ is sent, and the connection is given up if no byte comes within 2 s. Before `connect()` and on a closed client it
   * does nothing. Do not call it for each `offline`: the wait between attempts is there to spare the server.
   */
  reconnect(): void
  reconnect(...more: readonly unknown[]): void {
    refuseMore('reconnect()', more)
    this.#lifecycle.reconnect()
  }

  #refuseIfEnding(method: string): void {
    if (!this.#lifecycle.takesCalls) {
      throw new ClosedError(`${method}() was called on a client that is ${this.#lifecycle.state}`)
    }
  }

  /**
   * Ends the client: finishes messages and requests within `timeoutMs`, sends DISCONNECT and closes. Always resolves. A program may call
   * `end` in any state, several times, and in a handler; the client does not wait for a handler that has called `end`.
   */
  end(options?: EndOptions): Promise<void>
  end(options: EndOptions = {}, ...more: readonly unknown[]): Promise<void> {
    try {
      refuseMore('end()', more)
      const settings = parseEndOptions(options)
      this.#madeSubscriptions?.finish()
      return this.#lifecycle.end(settings)
    } catch (error) {
      return rejection(error)
    }
  }

  /** Closes at once, without DISCONNECT, so the server publishes the will. If an error is given, `closed` rejects with it. */
  destroy(error?: Error): void {
    const given: unknown = error
    this.#lifecycle.destroy(given === undefined || given === null ? undefined : asError(given))
  }

  /** The state of the client. */
  get state(): ClientState {
    return this.#lifecycle.state
  }

  /**
   * Resolves when the client has ended by `end()` or `destroy()`; rejects with the terminal error. Code that reads `closed` has to handle
   * the rejection, as for any promise in Node. If the program does not read `closed`, an error that ends the client is an unhandled
   * rejection too, unless the program asked for the end (by `destroy` or a signal) or something in it gets the error: a pending
   * `connect()`, a loop over `messages()`, or a listener for `close`.
   */
  get closed(): Promise<void> {
    return this.#announcer.whenClosed
  }

  /** The counters at this moment; each read makes a new object. */
  get stats(): ClientStats {
    return readStats(this.#lifecycle.driver)
  }

  /** For `await using`: as `end()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.end()
  }

  /** Short, and without secrets: the state, and where the client connects to. */
  [inspect.custom](_depth: number, options: object): string {
    const { network, identity } = this.#settings
    const servers =
      network.kind === 'stream' ? 'stream' : network.servers.map(({ endpoint }) => describeEndpoint(endpoint))
    const shown = { state: this.state, clientId: identity.clientId, servers }
    return `MqttClient ${inspect(shown, { ...options, breakLength: Infinity })}`
  }
}

/** The options of a `subscribe` without options. */
const noOptions: SubscribeSettings = { qos: undefined, signal: undefined }

/**
 * Makes a client and connects it: `new MqttClient(options)`, then `connect()`.
 *
 * @example
 * ```ts
 * import { connect } from 'mqtt311'
 *
 * await using client = await connect('mqtt://[::1]')
 * await client.subscribe('greenhouse/#', (message) => console.log(message.topic, message.text()))
 * await client.publish('greenhouse/1/light', 'on')
 * ```
 * @throws the errors of both, as rejections
 */
export async function connect(url: string, options?: ClientOptions): Promise<MqttClient>
export async function connect(options: ClientOptions): Promise<MqttClient>
export async function connect(
  urlOrOptions: string | ClientOptions,
  options?: ClientOptions,
  ...more: readonly unknown[]
): Promise<MqttClient> {
  // `connect(process.env.URL, options)` without that variable lacks a server, and has no argument too many.
  const isUrl = !isRecord(urlOrOptions) || 'href' in urlOrOptions
  refuseMore('connect()', isUrl ? more : [options, ...more])
  const client = new MqttClient(isUrl ? withUrl(urlOrOptions, options) : urlOrOptions)
  await client.connect()
  return client
}
