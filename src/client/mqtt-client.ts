import { EventEmitter } from 'node:events'
import { inspect } from 'node:util'
import { kindOf } from '../codec/field-checks.js'
import { validateTopicFilter } from '../codec/topic.js'
import { ClosedError, UsageError } from '../errors.js'
import { isRecord } from '../option-names.js'
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

/**
 * A client of one server, or of several that share their sessions. It is used once: after `end()`, `destroy()` or a terminal
 * error it stays closed.
 *
 * Methods that return promises never throw; what is wrong with their arguments is a rejection with a UsageError, and
 * nothing has been written then. What is asked before `connect()` waits for it.
 */
export class MqttClient extends EventEmitter<ClientEvents> implements AsyncDisposable {
  readonly #settings: ClientSettings
  readonly #lifecycle: Lifecycle
  #publisher: Publisher | undefined
  #madeSubscriptions: Subscriptions | undefined
  readonly #announcer: Announcer

  /** @throws UsageError on an option that cannot work */
  constructor(options: ClientOptions) {
    super()
    EventEmitter.prototype.on.call(this, 'newListener', warnOfForeignEvent)
    this.#settings = parseClientOptions(options, Math.random)
    this.#announcer = new Announcer(this)
    const { on } = this.#settings
    if (on.attempt !== undefined) this.on('attempt', on.attempt)
    if (on.online !== undefined) this.on('online', on.online)
    if (on.offline !== undefined) this.on('offline', on.offline)
    if (on.refused !== undefined) this.on('refused', on.refused)
    if (on.close !== undefined) this.on('close', on.close)
    this.#lifecycle = new Lifecycle(this, this.#settings, this.#announcer)
  }

  /**
   * Opens the connection. Resolves with whether the server resumed a session (section 3.2.2.2). Rejects with the cause if the
   * first attempt fails, unless `reconnect.retryInitial` is set; the client is closed then.
   *
   * @throws ConnectionRefusedError, ConnectionLostError, TimeoutError, ProtocolViolationError, MalformedPacketError,
   * StoreError, UsageError, or `signal.reason` (all as rejections)
   */
  connect(options: ConnectOptions = {}): Promise<{ readonly sessionPresent: boolean }> {
    try {
      const { signal } = parseConnectOptions(options)
      // A second call is refused further down, and must not harm what the first one made.
      if (signal?.aborted && this.state === 'idle') {
        this.destroy()
        return rejection(signal.reason)
      }
      const connected = markHandled(this.#lifecycle.connect())
      return signal === undefined ? connected : markHandled(this.#connectUnless(signal, connected))
    } catch (error) {
      return rejection(error)
    }
  }

  async #connectUnless<T>(signal: AbortSignal, connected: Promise<T>): Promise<T> {
    const abort = () => this.destroy()
    signal.addEventListener('abort', abort)
    try {
      return await connected
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /**
   * Publishes a message. Resolves when it has done what its QoS promises: 0, accepted for writing; 1, PUBACK; 2, PUBCOMP
   * (section 4.3). Awaiting it is how a sender feels back-pressure. A lost connection never rejects it: QoS 1 and 2 are sent
   * again on the next. A rejection says in `error.delivery` whether the server may have the message all the same.
   *
   * @param topic a Topic Name, 1 to 65,535 bytes of UTF-8 without wildcards and control characters (section 4.7)
   * @param payload bytes, or a string that is sent as UTF-8; it may be reused as soon as this returns
   * @throws UsageError, QueueFullError, ConnectionLostError (QoS 0 while offline), TimeoutError (`queue.maxAgeMs`), ClosedError, StoreError, or
   * `signal.reason` (all as rejections)
   */
  publish(topic: string, payload: string | Uint8Array, options?: PublishOptions): Promise<void> {
    this.#publisher ??= new Publisher(this.#lifecycle.driver, this.#lifecycle, this.#settings)
    return this.#publisher.publish(topic, payload, options)
  }

  /**
   * Subscribes to one or more Topic Filters; resolves with SUBACK (section 3.8.4). The handler gets every message whose topic
   * matches one of them. Without a handler the messages go to routes made with `handle`, or to `onMessage`.
   *
   * @throws UsageError, SubscribeRefusedError (what was granted is unsubscribed), TimeoutError, ClosedError, or `signal.reason` (all as rejections)
   */
  subscribe(filters: Filters, handler: MessageHandler): Promise<Subscription>
  subscribe(filters: Filters, options?: SubscribeOptions, handler?: MessageHandler): Promise<Subscription>
  subscribe(
    filters: Filters,
    optionsOrHandler?: SubscribeOptions | MessageHandler,
    handler?: MessageHandler,
  ): Promise<Subscription> {
    try {
      if (typeof optionsOrHandler !== 'function') {
        const settings = parseSubscribeOptions(optionsOrHandler === undefined ? {} : optionsOrHandler)
        return markHandled(this.#subscribe(filters, settings, callable('handler', handler)))
      }
      if (handler === undefined) return markHandled(this.#subscribe(filters, noOptions, optionsOrHandler))
      throw new UsageError(
        'subscribe() was given a function where its options stand: give the options before the handler',
      )
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
    if (this.#lifecycle.isOpen) return this.#subscriptions.subscribe(requests, route, signal, ended)
    return this.#lifecycle.whenOpen(signal).then(() => this.#subscriptions.subscribe(requests, route, signal, ended))
  }

  /**
   * Subscribes and iterates: `for await (const message of await client.messages('a/#'))`. The next turn of the loop acknowledges the
   * message before it (one that is called ahead: as soon as that is handed out); leaving the loop acknowledges the one in hand and unsubscribes. The loop lives through reconnections,
   * finishes after `end()`, and throws after a terminal error.
   *
   * @throws as `subscribe`
   */
  messages(filters: Filters, options: MessagesOptions = {}): Promise<MessageStream> {
    try {
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
      throw error
    }
  }

  /** Made by the first call that needs them: a client that only publishes has none. */
  get #subscriptions(): Subscriptions {
    const { driver } = this.#lifecycle
    this.#madeSubscriptions ??= new Subscriptions(driver, driver.delivery, this.#settings.profile)
    return this.#madeSubscriptions
  }

  /**
   * Ends every subscription of these filters and sends UNSUBSCRIBE, also for filters that a resumed session has of old; resolves with
   * UNSUBACK (section 3.10.4).
   *
   * @throws UsageError, TimeoutError, ClosedError, or the terminal error (all as rejections)
   */
  unsubscribe(filters: string | readonly string[]): Promise<void> {
    try {
      this.#refuseIfEnding('unsubscribe')
      const names = parseFilterNames(filters)
      if (this.#lifecycle.isOpen) return markHandled(this.#subscriptions.unsubscribeAll(names))
      return markHandled(this.#lifecycle.whenOpen(undefined).then(() => this.#subscriptions.unsubscribeAll(names)))
    } catch (error) {
      return rejection(error)
    }
  }

  /**
   * Routes messages to a handler without subscribing: for what the server sends on its own account, or for one SUBSCRIBE with several
   * handlers. @throws UsageError
   */
  handle(filter: string, handler: MessageHandler): Disposable {
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
   * Sends PINGREQ and resolves with the milliseconds until its own PINGRESP came (section 3.12). Keep Alive needs no such call; it is
   * for who wants to know now that the server is there. It always settles: it does not wait for a connection, and a wait that is over
   * does not harm the one that there is. A handler that awaits it must not be the one that keeps the socket from being read (see
   * `receiveBufferBytes`): PINGRESP would come too late.
   *
   * @throws ConnectionLostError if there is no connection, as before `connect()` and while offline, or if it ends first, also by
   * `end()`; TimeoutError after `timeoutMs`; ClosedError on a client that is closed; UsageError, or `signal.reason` (all as rejections)
   */
  ping(options: PingOptions = {}): Promise<number> {
    try {
      const settings = parsePingOptions(options, this.#settings.connection.pingTimeoutMs)
      if (settings.signal?.aborted) return rejection(settings.signal.reason)
      if (this.state === 'closed') throw new ClosedError('ping() was called on a client that is closed')
      return markHandled(this.#lifecycle.driver.ping(settings))
    } catch (error) {
      return rejection(error)
    }
  }

  #refuseIfEnding(method: string): void {
    if (!this.#lifecycle.takesCalls) {
      throw new ClosedError(`${method}() was called on a client that is ${this.#lifecycle.state}`)
    }
  }

  /**
   * Finishes what is in flight, within `timeoutMs`, sends DISCONNECT and closes. Always resolves; may be called in any state, any number of
   * times, and from a handler, which it does not wait for.
   */
  end(options: EndOptions = {}): Promise<void> {
    try {
      return this.#lifecycle.end(parseEndOptions(options))
    } catch (error) {
      return rejection(error)
    }
  }

  /** Closes at once, without DISCONNECT, so that the server publishes the will. `closed` rejects with the error, if one is given. */
  destroy(error?: Error): void {
    const given: unknown = error
    this.#lifecycle.destroy(given === undefined || given === null ? undefined : asError(given))
  }

  /** Where the client is in its life. */
  get state(): ClientState {
    return this.#lifecycle.state
  }

  /**
   * Resolves when the client has ended, by `end()` or `destroy()`; rejects with the terminal error. Whoever reads it handles that
   * rejection: Node's own rule holds for this promise. An error that ends the client is an unhandled rejection too if the program did not
   * ask for it (by `destroy` or a signal) and nobody hears of it: `connect()`, a loop over `messages()`, a listener for `close`.
   */
  get closed(): Promise<void> {
    return this.#announcer.whenClosed
  }

  /** The counters as they are now: a new object for each reading. */
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
    return `MqttClient ${inspect(shown, { ...options, breakLength: Number.POSITIVE_INFINITY })}`
  }
}

/** What `subscribe` is told where it is given no options. */
const noOptions: SubscribeSettings = { qos: undefined, signal: undefined }

/**
 * Makes a client and connects it: `new MqttClient(options)`, then `connect()`.
 *
 * @throws what both of them throw, as a rejection
 */
export async function connect(url: string, options?: ClientOptions): Promise<MqttClient>
export async function connect(options: ClientOptions): Promise<MqttClient>
export async function connect(urlOrOptions: string | ClientOptions, options: ClientOptions = {}): Promise<MqttClient> {
  const client = new MqttClient(typeof urlOrOptions === 'string' ? withUrl(urlOrOptions, options) : urlOrOptions)
  await client.connect()
  return client
}

function withUrl(url: string, options: ClientOptions): ClientOptions {
  // What is no object would vanish in the copy.
  if (!isRecord(options)) throw new UsageError(`the options of connect() have to be an object, not ${kindOf(options)}`)
  if (options.url !== undefined)
    throw new UsageError('the url is given twice: as the first argument and in the options')
  return { ...options, url }
}
