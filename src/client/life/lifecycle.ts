/**
 * The life of a client: attempts, connections, the waits between them, and the end.
 *
 *   idle --connect()--> attempting --CONNACK 0--> online
 *                          ^   |                    |
 *                          |   | failed             | lost
 *                          |   v                    v
 *                          waiting <----------------+
 *
 * Each phase can go straight to `closed`, which is final. An attempt asks for the credentials, opens the session store (the first
 * attempt only), opens the stream, sends CONNECT and waits for CONNACK, all within `connectTimeoutMs`. `end()` adds no phase: while
 * it waits for acknowledgements, a connection may be lost and made again as before.
 */
import { AsyncResource } from 'node:async_hooks'
import type { ConnectPacket } from '../../codec/control-packet.js'
import { ClosedError, type DeliveryState, StoreError, TimeoutError, UsageError } from '../../errors.js'
import type { Arrival } from '../../protocol/incoming/arrival.js'
import { isError } from '../../realms/foreign-values.js'
import { isWithinHandlerOf } from '../deliver/handler-context.js'
import { EngineDriver, type EngineEvents } from '../engine/engine-driver.js'
import type { ClientSettings } from '../options/client-settings.js'
import { askCredentials, type Identity, identityFor } from '../options/identity.js'
import type {
  AbandonedEvent,
  AttemptEvent,
  ClientState,
  CloseEvent,
  OfflineEvent,
  OnlineEvent,
  RefusedEvent,
} from '../surface/client-surface.js'
import { channels } from '../surface/diagnostics.js'
import { asError } from '../waiting/promises.js'
import { type Abortable, signalWatches } from '../waiting/signal-watches.js'
import { WaitingCalls } from '../waiting/waiting-calls.js'
import { Network } from './destinations.js'
import { Ending } from './ending.js'
import { type ConnectionEnd, ReconnectPolicy, withRootCertificates } from './reconnect-policy.js'

/**
 * Who in the program knows of the end before the event `close`: the caller of `destroy()` (or who aborted the signal), a call or a
 * loop that gets the error, or nobody.
 */
export type EndKnownTo = 'who asked for it' | 'who waits' | 'nobody'

/** After the time-out of `end()` the store still has this long to close. */
const storeGraceMs = 1_000

/** After `reconnect()` a server that answers at all answers PINGREQ within this time. */
const reconnectProbeMs = 2_000

/** The events of the client. */
export interface Announcements {
  attempt(event: AttemptEvent): void
  online(event: OnlineEvent): void
  offline(event: OfflineEvent): void
  refused(event: RefusedEvent): void
  abandoned(event: AbandonedEvent): void
  /** The client has ended: its calls have settled, and its store is closed. */
  closed(event: CloseEvent, knownTo: EndKnownTo): void
}

type Phase =
  | { readonly is: 'idle' }
  /** `attempt` is aborted when the client gives the attempt up. */
  | { readonly is: 'attempting'; readonly attempt: AbortController }
  | { readonly is: 'online'; readonly since: number }
  | { readonly is: 'waiting' }
  | { readonly is: 'closed' }

interface Waiter<T> {
  readonly resolve: (value: T) => void
  readonly reject: (reason: unknown) => void
}

export class Lifecycle implements EngineEvents, Abortable {
  readonly driver: EngineDriver
  readonly #settings: ClientSettings
  readonly #announce: Announcements
  readonly #network: Network
  /** Undefined: the client ends with its first connection. */
  readonly #policy: ReconnectPolicy | undefined
  #phase: Phase = { is: 'idle' }
  #lastError: Error | undefined
  /** Attempts since the client was last online. */
  #attempts = 0
  #connecting: Waiter<OnlineEvent> | undefined
  #ending: Ending | undefined
  /** Calls that wait until the session is read from its store. Undefined before the first such call; without a store no call waits. */
  #waitingCalls: WaitingCalls | undefined
  /** Resolves when the client and its store are closed. Undefined while the client is not closed. */
  #finished: Promise<void> | undefined

  constructor(client: object, settings: ClientSettings, announce: Announcements) {
    this.#settings = settings
    this.#announce = announce
    this.#network = new Network(settings.network)
    const login = settings.identity.credentials === undefined ? 'fixed' : 'renewed'
    if (settings.reconnect !== undefined) this.#policy = new ReconnectPolicy(settings.reconnect, login)
    this.driver = new EngineDriver(client, settings, this)
    const { signal } = settings
    if (signal?.aborted) this.aborted(signal.reason)
    else if (signal !== undefined) signalWatches.add(signal, this)
  }

  get state(): ClientState {
    if (this.#phase.is === 'closed') return 'closed'
    if (this.#ending !== undefined) return 'closing'
    if (this.#phase.is === 'idle' || this.#phase.is === 'online') return this.#phase.is
    // With `retryInitial` the client may wait between attempts before its first connection: that is still 'connecting'.
    return this.driver.counters.connections === 0 ? 'connecting' : 'offline'
  }

  /** Whether a call may go on at once: the session is read from its store, and no earlier call still waits for that. */
  get isOpen(): boolean {
    return this.driver.isOpen && this.#waitingCalls?.isEmpty !== false
  }

  /** Calls `goOn` when the session is read from its store; rejects when the client closes before that, or when the signal is aborted. */
  whenOpen<T>(signal: AbortSignal | undefined, goOn: () => T | Promise<T>): Promise<T> {
    if (this.isOpen) return Promise.resolve(goOn())
    this.#waitingCalls ??= new WaitingCalls()
    return this.#waitingCalls.wait(signal, goOn)
  }

  // Attempts.

  connect(): Promise<OnlineEvent> {
    if (this.#phase.is !== 'idle') {
      const { signal } = this.#settings
      const text = this.#phase.is === 'closed' ? 'this client is closed: make a new one' : 'connect() was called before'
      // [MQTT-3.1.0-2] A program connects a client once; the client makes all later connections by itself.
      throw signal?.aborted ? signal.reason : new UsageError(text, { statement: 'MQTT-3.1.0-2' })
    }
    // Timers, sockets, events and `credentials` run in the asynchronous context of this call, and of no later call.
    this.driver.timers.context = new AsyncResource('mqtt311.client')
    return new Promise((resolve, reject) => {
      this.#connecting = { resolve, reject }
      this.#startAttempt()
    })
  }

  #startAttempt(): void {
    const attempt = new AbortController()
    this.driver.timers.start('attempt', this.#settings.connection.connectTimeoutMs, () => this.#attemptTimedOut())
    this.#phase = { is: 'attempting', attempt }
    this.#policy?.attemptStarted(this.driver.now())
    this.#run(attempt).catch((error: unknown) => {
      if (this.#isCurrent(attempt)) this.connectionEnded(asError(error))
    })
  }

  async #run(attempt: AbortController): Promise<void> {
    const { identity, session, profile } = this.#settings
    const server = this.#network.next(this.#attempts)
    this.#attempts += 1
    this.driver.timers.inContext(() => this.#announce.attempt({ number: this.#attempts, host: server.host }))
    const answer = await askCredentials(identity, { signal: attempt.signal, lastError: this.#lastError })
    if (!this.#isCurrent(attempt)) return
    const attemptIdentity = identityFor(identity, { cleanSession: session.cleanSession, profile }, server.login, answer)
    this.#network.renew(attemptIdentity.tls)
    await this.driver.openSession(attemptIdentity.sessionId)
    // The calls that wait for the session go on now, even if this attempt was given up: otherwise a later call would overtake them.
    this.#waitingCalls?.resolveAll()
    if (!this.#isCurrent(attempt)) return
    this.driver.connect(this.#connectPacket(attemptIdentity), server.open)
  }

  #connectPacket({ clientId, username, password }: Identity): ConnectPacket {
    const { cleanSession, keepAliveSeconds, will } = this.#settings.session
    // [3.1.2.4 discarding state] Every attempt sends the same Clean Session, so the server discards the old session in the end.
    return { type: 'connect', clientId, cleanSession, keepAlive: keepAliveSeconds, username, password, will }
  }

  #isCurrent(attempt: AbortController): boolean {
    return this.#phase.is === 'attempting' && this.#phase.attempt === attempt
  }

  /** Stops the timer of an attempt, and aborts the function `credentials` if it still runs. */
  #abandon(attempt: AbortController, reason: unknown): void {
    this.driver.timers.stop('attempt')
    attempt.abort(reason)
  }

  #attemptTimedOut(): void {
    // [MQTT-3.1.4-4] [3.2 missing CONNACK] The server has to answer CONNECT; the client gives up when no answer comes.
    const timeoutMs = this.#settings.connection.connectTimeoutMs
    const { connection } = this.driver
    const answer = connection?.phase === 'new' ? 'connection' : 'CONNACK'
    const awaited = connection === undefined ? 'answer of credentials or store' : answer
    const text = `no ${awaited} within ${timeoutMs} ms (connectTimeoutMs)`
    this.connectionEnded(new TimeoutError(text, { operation: 'connect', timeoutMs }))
  }

  /** See `MqttClient.reconnect`. */
  reconnect(): void {
    const phase = this.#phase
    if (phase.is === 'online') return this.driver.probe(reconnectProbeMs)
    const delayMs = this.#policy?.forbiddenForMs(this.driver.now()) ?? 0
    if (phase.is === 'attempting' && delayMs === 0) {
      this.#phase = { is: 'waiting' }
      this.#abandon(phase.attempt, undefined)
      this.driver.detach()
    }
    if (this.#phase.is === 'waiting') this.driver.timers.start('retry', delayMs, () => this.#startAttempt())
  }

  // Calls of the driver.

  connected(sessionPresent: boolean): void {
    if (this.#phase.is !== 'attempting') return
    this.driver.timers.stop('attempt')
    this.#phase = { is: 'online', since: this.driver.now() }
    this.driver.counters.connections += 1
    this.#attempts = 0
    this.#connecting?.resolve({ sessionPresent })
    this.driver.delivery.connected()
    this.#connecting = undefined
    if (channels.connect.hasSubscribers) {
      channels.connect.publish({ client: this.driver.client, peer: this.driver.peer, sessionPresent })
    }
    this.driver.timers.inContext(() => this.#announce.online({ sessionPresent }))
  }

  failed(error: Error): void {
    this.#close(error)
  }

  refused(filters: readonly string[]): void {
    this.driver.timers.inContext(() => this.#announce.refused({ filters }))
  }

  abandoned({ topic, qos, payload }: Omit<AbandonedEvent, 'error'>, error: Error): void {
    this.driver.timers.inContext(() => this.#announce.abandoned({ topic, qos, payload, error }))
  }

  turnEnded(): void {
    if (this.#ending !== undefined) this.#checkEnding(this.#ending)
  }

  /** The connection, or the attempt to connect, is over. */
  connectionEnded(cause: Error): void {
    const phase = this.#phase
    if (phase.is !== 'attempting' && phase.is !== 'online') return
    if (phase.is === 'attempting') this.#abandon(phase.attempt, cause)
    const now = this.driver.now()
    const connection = phase.is === 'online' ? this.#connectionEnd(now - phase.since) : undefined
    this.driver.detach()
    // Handlers that waited for a failed one may start here. If one of them has ended the client, it stays closed.
    if (this.state === 'closed') return
    if (this.#ending?.stage === 'goodbye') return this.#close(undefined)
    const reason = connection === undefined ? withRootCertificates(cause, this.#settings.profile) : cause
    const everOnline = this.driver.counters.connections > 0
    const next = this.#policy?.ended({ error: reason, connection, everOnline, now })
    const { error, delayMs } = next ?? { error: reason, delayMs: undefined }
    if (delayMs === undefined) return this.#close(error)
    this.#lastError = error
    this.#phase = { is: 'waiting' }
    this.driver.timers.start('retry', delayMs, () => this.#startAttempt())
    if (channels.reconnect.hasSubscribers) {
      channels.reconnect.publish({ client: this.driver.client, error, retryInMs: delayMs })
    }
    this.driver.timers.inContext(() => this.#announce.offline({ error, retryInMs: delayMs }))
    if (this.#ending !== undefined) this.#checkEnding(this.#ending)
  }

  #connectionEnd(upForMs: number): ConnectionEnd {
    const { lastCut } = this.driver.session.suspects
    if (channels.suspect.hasSubscribers && lastCut !== undefined && lastCut.proves !== 'other') {
      channels.suspect.publish({ client: this.driver.client, ...lastCut })
    }
    return { upForMs, cut: lastCut }
  }

  // The end.

  end(timeoutMs: number): Promise<void> {
    if (this.#ending !== undefined) {
      this.#ending.calledFrom(this.#caller)
      this.driver.beginTurn()
      return this.#ending.promise
    }
    if (this.#phase.is === 'closed') return this.#finished ?? Promise.resolve()
    const ending = new Ending(this.driver.timers, timeoutMs, () => this.#close(undefined))
    this.#ending = ending
    ending.calledFrom(this.#caller)
    this.driver.drain()
    // A handler may call end() and return at once: then its message is acknowledged at the end of this turn of the event loop.
    if (this.driver.delivery.calling === undefined) this.#checkEnding(ending)
    else this.driver.beginTurn()
    return ending.promise
  }

  /** Where `end()` is called: the arrival of the handler, if the handler is on the call stack. */
  get #caller(): Arrival | 'a handler' | 'elsewhere' {
    const { calling } = this.driver.delivery
    if (calling !== undefined) return calling
    return isWithinHandlerOf(this.driver.client) ? 'a handler' : 'elsewhere'
  }

  /** Whether the program may publish and subscribe: before `end()`, and after it as long as a handler runs. */
  get takesCalls(): boolean {
    if (this.#phase.is === 'closed') return false
    if (this.#ending === undefined) return true
    return this.#ending.stage === 'draining' && this.driver.isOpen && this.driver.session.incoming.running > 0
  }

  /** Goes to the next stage of `end()` if nothing is left to wait for in the present stage. */
  #checkEnding(ending: Ending): void {
    if (ending.stage === 'goodbye' || this.#phase.is === 'closed') return
    if (this.#phase.is !== 'idle') {
      // Calls that wait for the session go on when the store is open.
      if (this.#waitingCalls?.isEmpty === false) return
      if (this.driver.isOpen) {
        const { session } = this.driver
        if (!session.isIdle || session.incoming.running > ending.handlersNotWaitedFor) return
        if (this.driver.isStoring) return this.driver.whenSafe(() => this.driver.beginTurn())
        if (this.#phase.is === 'online' && session.incoming.awaitedPubrels > 0) {
          return ending.awaitPubrels(() => this.#sayGoodbye(ending))
        }
      }
    }
    this.#sayGoodbye(ending)
  }

  #sayGoodbye(ending: Ending): void {
    if (this.#phase.is !== 'online') return this.#close(undefined)
    let unsent = this.driver.unsentBytes
    const isStuck = () => {
      const before = unsent
      unsent = this.driver.unsentBytes
      return unsent >= before
    }
    ending.sayGoodbye(isStuck, () => this.#close(undefined))
    this.driver.sayGoodbye()
  }

  destroy(error: Error | undefined): void {
    this.#close(error, 'who asked for it')
  }

  stopped(reason: unknown): void {
    this.aborted(reason)
  }

  /** The option `signal` of the client was aborted. */
  aborted(reason: unknown): void {
    this.destroy(isError(reason) ? reason : new ClosedError('the signal was aborted', { cause: reason }))
  }

  #close(error: Error | undefined, knownTo: EndKnownTo = 'nobody'): void {
    const phase = this.#phase
    if (phase.is === 'closed') return
    this.#phase = { is: 'closed' }
    if (this.#settings.signal !== undefined) signalWatches.delete(this.#settings.signal, this)
    if (phase.is === 'attempting') this.#abandon(phase.attempt, error ?? new ClosedError('the client was ended'))
    const someoneWaits = this.driver.delivery.close(error) === 'a loop waits' || this.#connecting !== undefined
    this.driver.detach()
    this.driver.timers.stopAll()
    this.#rejectWaiting(error)
    this.#finished = this.#finish(error, someoneWaits ? 'who waits' : knownTo)
  }

  /** Rejects every promise that is pending: what it waits for cannot come any more. */
  #rejectWaiting(error: Error | undefined): void {
    const text = error === undefined ? 'the client was ended' : `the client was ended: ${error.message}`
    // Promises with the same fate share their error: a thousand stacks would say no more.
    const reasons = new Map<DeliveryState | undefined, ClosedError>()
    const reason = (delivery?: DeliveryState) => {
      const shared = reasons.get(delivery) ?? new ClosedError(text, { cause: error, delivery })
      reasons.set(delivery, shared)
      return shared
    }
    this.#connecting?.reject(error ?? reason())
    this.#connecting = undefined
    this.#waitingCalls?.rejectAll(() => reason('none'))
    // After a failure of the store nobody knows which messages the store has.
    const stored = error instanceof StoreError ? 'unknown' : 'stored'
    this.driver.rejectAll((message) => reason(message?.delivery === 'stored' ? stored : message?.delivery))
  }

  async #finish(error: Error | undefined, knownTo: EndKnownTo): Promise<void> {
    let final = error
    try {
      const endsInMs = this.#ending === undefined ? Infinity : this.#ending.endsAt - this.driver.now()
      await this.driver.closeSession(Math.max(0, endsInMs) + storeGraceMs)
    } catch (storeError) {
      final ??= asError(storeError)
    }
    if (channels.close.hasSubscribers) channels.close.publish({ client: this.driver.client, error: final })
    this.driver.timers.inContext(() => this.#announce.closed(final === undefined ? {} : { error: final }, knownTo))
    this.#ending?.done()
  }
}
