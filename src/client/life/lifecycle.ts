/**
 * The life of a client: attempts, connections, the waits between them, and the end.
 *
 *   idle --connect()--> attempting --CONNACK 0--> online
 *                          ^   |                    |
 *                          |   | failed             | lost
 *                          |   v                    v
 *                          waiting <----------------+
 *
 * and from each of them to `closed`, which is final. An attempt asks for the credentials, opens the session store the first time,
 * opens the stream, sends CONNECT and waits for CONNACK, all within `connectTimeoutMs`. Ending is no phase of its own: while
 * `end()` waits for what is in flight, connections come and go as before.
 */
import { AsyncResource } from 'node:async_hooks'
import type { ConnectPacket } from '../../codec/control-packet.js'
import { ClosedError, ConnectionLostError, isMqttError, StoreError, TimeoutError, UsageError } from '../../errors.js'
import type { Arrival } from '../../protocol/incoming/arrival.js'
import { isWithinHandlerOf } from '../deliver/handler-context.js'
import { EngineDriver, type EngineEvents } from '../engine/engine-driver.js'
import type { ClientSettings } from '../options/client-settings.js'
import { type Identity, identityFor } from '../options/identity.js'
import type {
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
import { SessionGate } from '../waiting/waiting-calls.js'
import { Network } from './destinations.js'
import { Ending } from './ending.js'
import { type ConnectionEnd, ReconnectPolicy, withRootCertificates } from './reconnect-policy.js'

/** Who has asked for the end, or has heard of its error already. */
export type Hearing = 'asked for' | 'heard' | 'not heard'

/** How long the store may take to close after the time-out of `end()`. */
const storeGraceMs = 1_000

/** What the client tells the application. */
export interface Announcements {
  attempt(event: AttemptEvent): void
  online(event: OnlineEvent): void
  offline(event: OfflineEvent): void
  refused(event: RefusedEvent): void
  /** Everything has been settled. */
  closed(event: CloseEvent, hearing: Hearing): void
}

type Phase =
  | { readonly is: 'idle' }
  /** `attempt` tells whoever works on it that it was given up. */
  | { readonly is: 'attempting'; readonly attempt: AbortController }
  | { readonly is: 'online'; readonly since: number }
  | { readonly is: 'waiting' }
  | { readonly is: 'closed' }

interface Waiter<T> {
  readonly resolve: (value: T) => void
  readonly reject: (reason: unknown) => void
}

export class Lifecycle implements EngineEvents, Abortable {
  readonly host: EngineDriver
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
  /** Calls that wait for the session to be read from its store. Absent until there is one: in memory, none waits. */
  #gate: SessionGate | undefined
  /** Resolves when the store of a client that is closed has been closed too. */
  #finished: Promise<void> | undefined

  constructor(client: object, settings: ClientSettings, announce: Announcements) {
    this.#settings = settings
    this.#announce = announce
    this.#network = new Network(settings.network)
    if (settings.reconnect !== undefined) this.#policy = new ReconnectPolicy(settings.reconnect)
    this.host = new EngineDriver(client, settings, this)
    const { signal } = settings
    if (signal?.aborted) this.aborted(signal.reason)
    else if (signal !== undefined) signalWatches.add(signal, this)
  }

  get state(): ClientState {
    if (this.#phase.is === 'closed') return 'closed'
    if (this.#ending !== undefined) return 'closing'
    if (this.#phase.is === 'idle' || this.#phase.is === 'online') return this.#phase.is
    // With `retryInitial` there are waits before the first connection; what is asked in them waits for it all the same.
    return this.host.counters.connections === 0 ? 'connecting' : 'offline'
  }

  /** Whether a call may go on at once: the session has been read from its store, and no earlier call waits for that any more. */
  get isOpen(): boolean {
    return this.host.isOpen && this.#gate?.isBusy !== true
  }

  /** Resolves when the session has been read from its store; rejects when the client closes before, or the signal is aborted. */
  whenOpen(signal: AbortSignal | undefined): Promise<void> {
    if (this.isOpen) return Promise.resolve()
    this.#gate ??= new SessionGate()
    return this.#gate.wait(signal)
  }

  // Attempts.

  connect(): Promise<OnlineEvent> {
    if (this.#phase.is !== 'idle') {
      const text = this.#phase.is === 'closed' ? 'this client is closed: make a new one' : 'connect() was called before'
      // [MQTT-3.1.0-2] A client connects once; its reconnections are its own affair.
      throw new UsageError(text, { statement: 'MQTT-3.1.0-2' })
    }
    // Timers, sockets, events and `credentials` belong to this call, and to none that happens to come later.
    this.host.timers.context = new AsyncResource('mqtt311.client')
    return new Promise((resolve, reject) => {
      this.#connecting = { resolve, reject }
      this.#startAttempt()
    })
  }

  #startAttempt(): void {
    const attempt = new AbortController()
    this.host.timers.start('attempt', this.#settings.connection.connectTimeoutMs, () => this.#attemptTimedOut())
    this.#phase = { is: 'attempting', attempt }
    this.#policy?.attemptStarted(this.host.now())
    this.#run(attempt).catch((error: unknown) => {
      if (this.#isCurrent(attempt)) this.#ended(asError(error))
    })
  }

  async #run(attempt: AbortController): Promise<void> {
    const { identity, session, profile } = this.#settings
    const server = this.#network.next()
    this.#attempts += 1
    this.host.timers.inContext(() => this.#announce.attempt({ number: this.#attempts, host: server.host }))
    const answer = await this.#askCredentials(attempt)
    if (!this.#isCurrent(attempt)) return
    const who = identityFor(identity, { cleanSession: session.cleanSession, profile }, server.login, answer)
    await this.host.openSession(who.sessionId)
    // What waits for the session goes on with it, although this attempt may have been given up: a later call would pass it.
    this.#gate?.open()
    if (!this.#isCurrent(attempt)) return
    this.host.connect(this.#connectPacket(who), server.open)
  }

  async #askCredentials(attempt: AbortController) {
    const { credentials } = this.#settings.identity
    if (credentials === undefined) return undefined
    try {
      return await credentials({ signal: attempt.signal, lastError: this.#lastError })
    } catch (error) {
      if (isMqttError(error)) throw error
      throw new ConnectionLostError('credentials() failed', { reason: 'credentials', cause: error })
    }
  }

  #connectPacket({ clientId, username, password }: Identity): ConnectPacket {
    const { cleanSession, keepAliveSeconds, will } = this.#settings.session
    // [3.1.2.4 discarding state] Every attempt asks for the same, so a session to be discarded is discarded in the end.
    return { type: 'connect', clientId, cleanSession, keepAlive: keepAliveSeconds, username, password, will }
  }

  #isCurrent(attempt: AbortController): boolean {
    return this.#phase.is === 'attempting' && this.#phase.attempt === attempt
  }

  /** Tells whoever works on the attempt to stop. */
  #abandon(attempt: AbortController, reason: unknown): void {
    this.host.timers.stop('attempt')
    attempt.abort(reason)
  }

  #attemptTimedOut(): void {
    // [MQTT-3.1.4-4] [3.2 missing CONNACK] A CONNECT is answered; the client does not wait for a server that does not answer.
    const timeoutMs = this.#settings.connection.connectTimeoutMs
    const text = `no CONNACK within ${timeoutMs} ms from the start of the attempt (connectTimeoutMs)`
    this.#ended(new TimeoutError(text, { operation: 'connect', timeoutMs }))
  }

  // What the engine and the stores say.

  connected(sessionPresent: boolean): void {
    if (this.#phase.is !== 'attempting') return
    this.host.timers.stop('attempt')
    this.#phase = { is: 'online', since: this.host.now() }
    this.host.counters.connections += 1
    this.#attempts = 0
    this.#connecting?.resolve({ sessionPresent })
    this.host.delivery.connected()
    this.#connecting = undefined
    if (channels.connect.hasSubscribers) {
      channels.connect.publish({ client: this.host.client, peer: this.host.peer, sessionPresent })
    }
    this.host.timers.inContext(() => this.#announce.online({ sessionPresent }))
  }

  connectionEnded(error: Error): void {
    this.#ended(error)
  }

  failed(error: Error): void {
    this.#close(error)
  }

  refused(filters: readonly string[]): void {
    this.host.timers.inContext(() => this.#announce.refused({ filters }))
  }

  turnEnded(): void {
    if (this.#ending !== undefined) this.#checkEnding(this.#ending)
  }

  /** The connection, or the attempt to get one, is over. */
  #ended(cause: Error): void {
    const phase = this.#phase
    if (phase.is !== 'attempting' && phase.is !== 'online') return
    if (phase.is === 'attempting') this.#abandon(phase.attempt, cause)
    const now = this.host.now()
    const connection = phase.is === 'online' ? this.#connectionEnd(now - phase.since) : undefined
    this.host.detach()
    if (this.#ending?.stage === 'goodbye') return this.#close(undefined)
    const reason = connection === undefined ? withRootCertificates(cause, this.#settings.profile) : cause
    const everOnline = this.host.counters.connections > 0
    const next = this.#policy?.ended({ error: reason, connection, everOnline, now })
    const { error, delayMs } = next ?? { error: reason, delayMs: undefined }
    if (delayMs === undefined) return this.#close(error)
    this.#lastError = error
    this.#phase = { is: 'waiting' }
    this.host.timers.start('retry', delayMs, () => this.#startAttempt())
    if (channels.reconnect.hasSubscribers) {
      channels.reconnect.publish({ client: this.host.client, error, retryInMs: delayMs })
    }
    this.host.timers.inContext(() => this.#announce.offline({ error, retryInMs: delayMs }))
    if (this.#ending !== undefined) this.#checkEnding(this.#ending)
  }

  #connectionEnd(upForMs: number): ConnectionEnd {
    return { upForMs, unacknowledged: this.host.session.table.oldestSent()?.message }
  }

  // The end.

  end(timeoutMs: number): Promise<void> {
    if (this.#ending !== undefined) {
      this.#ending.calledFrom(this.#caller)
      this.host.beginTurn()
      return this.#ending.promise
    }
    if (this.#phase.is === 'closed') return this.#finished ?? Promise.resolve()
    const ending = new Ending(this.host.timers, timeoutMs, () => this.#close(undefined))
    this.#ending = ending
    ending.calledFrom(this.#caller)
    this.host.drain()
    // A handler that calls this and returns has done its work: its message is acknowledged at the end of the turn.
    if (this.host.delivery.calling === undefined) this.#checkEnding(ending)
    else this.host.beginTurn()
    return ending.promise
  }

  get #caller(): Arrival | 'a handler' | 'elsewhere' {
    const { calling } = this.host.delivery
    if (calling !== undefined) return calling
    return isWithinHandlerOf(this.host.client) ? 'a handler' : 'elsewhere'
  }

  /** False once the client has ended, or ends and no handler runs any more that might still ask for something. */
  get takesCalls(): boolean {
    if (this.#phase.is === 'closed') return false
    if (this.#ending === undefined) return true
    return this.#ending.stage === 'draining' && this.host.isOpen && this.host.session.incoming.running > 0
  }

  /** Goes on with the end as far as what is in flight allows. */
  #checkEnding(ending: Ending): void {
    if (ending.stage === 'goodbye' || this.#phase.is === 'closed') return
    if (this.#phase.is !== 'idle') {
      // Calls that wait for the store go on when it is open.
      if (this.#gate?.isBusy) return
      if (this.host.isOpen) {
        const { session } = this.host
        if (!session.settled || session.incoming.running > ending.handlersNotWaitedFor) return
        if (this.host.isStoring) return this.host.whenSafe(() => this.host.beginTurn())
        const isOnline = this.#phase.is === 'online'
        if (isOnline && session.incoming.awaitedPubrels > 0 && ending.stage === 'draining') {
          return ending.awaitPubrels(() => this.#sayGoodbye(ending))
        }
        if (isOnline && session.incoming.awaitedPubrels > 0) return
      }
    }
    this.#sayGoodbye(ending)
  }

  #sayGoodbye(ending: Ending): void {
    if (this.#phase.is !== 'online') return this.#close(undefined)
    let unsent = this.host.unsentBytes
    const isStuck = () => {
      const before = unsent
      unsent = this.host.unsentBytes
      return unsent >= before
    }
    ending.sayGoodbye(isStuck, () => this.#close(undefined))
    this.host.sayGoodbye()
  }

  destroy(error: Error | undefined): void {
    this.#close(error, 'asked for')
  }

  /** The signal that stands for the whole client has fired. */
  aborted(reason: unknown): void {
    this.destroy(reason instanceof Error ? reason : new ClosedError('the signal was aborted', { cause: reason }))
  }

  #close(error: Error | undefined, hearing: Hearing = 'not heard'): void {
    const phase = this.#phase
    if (phase.is === 'closed') return
    this.#phase = { is: 'closed' }
    if (this.#settings.signal !== undefined) signalWatches.delete(this.#settings.signal, this)
    if (phase.is === 'attempting') this.#abandon(phase.attempt, error ?? new ClosedError('the client was ended'))
    const heard = this.host.delivery.close(error) === 'heard' || this.#connecting !== undefined
    this.host.detach()
    this.host.timers.stopAll()
    this.#rejectWaiting(error)
    this.#finished = this.#finish(error, heard ? 'heard' : hearing)
  }

  /** Everything that waits is told that it waits in vain, and why. */
  #rejectWaiting(error: Error | undefined): void {
    const reason = (delivery?: 'none' | 'unknown' | 'stored') =>
      new ClosedError(error === undefined ? 'the client was ended' : `the client was ended: ${error.message}`, {
        cause: error,
        delivery,
      })
    this.#connecting?.reject(error ?? reason())
    this.#connecting = undefined
    this.#gate?.fail(() => reason('none'))
    // What a store that has failed still holds, nobody knows.
    const stored = error instanceof StoreError ? 'unknown' : 'stored'
    this.host.rejectAll((message) => reason(message?.delivery === 'stored' ? stored : message?.delivery))
  }

  async #finish(error: Error | undefined, hearing: Hearing): Promise<void> {
    let final = error
    try {
      const endsInMs = this.#ending === undefined ? Number.POSITIVE_INFINITY : this.#ending.endsAt - this.host.now()
      await this.host.closeSession(Math.max(0, endsInMs) + storeGraceMs)
    } catch (storeError) {
      final ??= asError(storeError)
    }
    if (channels.close.hasSubscribers) channels.close.publish({ client: this.host.client, error: final })
    this.host.timers.inContext(() => this.#announce.closed(final === undefined ? {} : { error: final }, hearing))
    this.#ending?.done()
  }
}
