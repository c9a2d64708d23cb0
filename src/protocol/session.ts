/**
 * The engine. A Session survives Network Connections; a Connection dies with its socket. Both are pure: commands,
 * packets and the time go in, and everything that has to happen comes out through the Driver before the call returns.
 *
 *   getters      what a driver or a person may ask: `settled`, `outgoing.queue`, `incoming.running`, `nextDeadline()`
 *   commands     `publish`, `subscribe`, `unsubscribe`, `withdraw`, `abandon`, `handled`, `unhandled`
 *   happenings   `connect` and then the methods of the Connection; `lost`; `tick`
 *
 * Time is a number of milliseconds on a clock that never goes back. There is one `nextDeadline()`, so one timer
 * serves a session however many exchanges are open.
 *
 * What holds after every call: no Packet Identifier stands for two exchanges; no message is in the queue and in an
 * exchange at once; an acknowledgement has been sent only on the connection that carried its PUBLISH; after PUBREL no
 * PUBLISH of that exchange is sent while the server keeps the session; the next deadline is later than `now`, or
 * something was done.
 */
import type { SubscriptionRequest } from '../codec/control-packet.js'
import type { Arrival } from './arrival.js'
import { Connection, type ConnectionSettings } from './connection/connection.js'
import type { Driver } from './driver.js'
import { ExchangeTable } from './exchange/exchange-table.js'
import type { OutgoingMessage } from './exchange/outgoing-message.js'
import { Incoming } from './incoming/incoming.js'
import type { StoredSession } from './journal/journal-record.js'
import type { MessageDraft } from './message-intake.js'
import { Outgoing } from './outgoing/outgoing.js'
import { type Request, Requests, type SubscribeRequest, type UnsubscribeRequest } from './requests/requests.js'
import type { SessionSettings } from './session-settings.js'

/** `P` is the driver's ticket for a publish, `R` its ticket for a SUBSCRIBE or UNSUBSCRIBE. */
export class Session<P, R> {
  /** What the session was told. */
  readonly settings: SessionSettings
  /** The exchanges that are open. */
  readonly table: ExchangeTable<P, R>
  /** What the client publishes. */
  readonly outgoing: Outgoing<P, R>
  /** What the server publishes. */
  readonly incoming: Incoming<P, R>
  /** What is subscribed and unsubscribed. */
  readonly requests: Requests<P, R>
  readonly #driver: Driver<P, R>
  #connection: Connection<P, R> | undefined
  /** CONNECTs whose answer was never read: one of them may have made the server start a new session. */
  #unansweredConnects = 0
  /** Whether this session has a past that the server could know of. */
  #past: 'none' | 'some'

  /** Goes on from `stored`, if there is one. `now` is in milliseconds on the driver's clock, as everywhere. */
  constructor(settings: SessionSettings, driver: Driver<P, R>, stored: StoredSession | undefined, now: number) {
    this.settings = settings
    this.#driver = driver
    // [MQTT-3.1.3-2] All state hangs on this one object, which a driver makes for one Client Identifier.
    this.table = new ExchangeTable(stored?.nextPacketId ?? 1)
    this.outgoing = new Outgoing(this.table, driver, settings)
    this.incoming = new Incoming(driver, settings)
    this.requests = new Requests(this.table, settings)
    this.#past = stored !== undefined && stored.nextSequence > 1 ? 'some' : 'none'
    if (stored !== undefined) {
      this.outgoing.restore(stored, now)
      this.incoming.restore(stored.held)
      if (stored.held.length > 0) this.#past = 'some'
    }
  }

  /** The present connection, if there is one. */
  get connection(): Connection<P, R> | undefined {
    return this.#connection
  }

  /** True if nothing of ours waits or is unanswered. */
  get settled(): boolean {
    return this.outgoing.queue.size === 0 && this.table.size === 0 && this.requests.size === 0
  }

  /** A new stream is being opened: `open` on the connection that is returned sends CONNECT. */
  connect(settings: ConnectionSettings, now: number): Connection<P, R> {
    this.lost()
    this.#connection = new Connection(this, this.#driver, settings, now)
    return this.#connection
  }

  /**
   * A message at QoS 0 may go straight to the wire if nothing waits before it. True if it did; otherwise `publish` it.
   */
  sendAtOnce(draft: MessageDraft): boolean {
    if (this.#connection?.takesMessages !== true || !this.outgoing.isClear) return false
    this.outgoing.sendQos0(draft)
    return true
  }

  /** @throws QueueFullError if the outgoing queue is at one of its bounds. */
  publish(draft: MessageDraft, ticket: P | undefined, now: number): OutgoingMessage<P> {
    const message = this.outgoing.append(draft, ticket, now)
    this.#connection?.pump(now)
    return message
  }

  /** Takes back a message that has no Packet Identifier yet; false if it is too late for that. */
  withdraw(message: OutgoingMessage<P>): boolean {
    return this.outgoing.withdraw(message)
  }

  /** Asks for subscriptions, at once or on the next connection. */
  subscribe(subscriptions: readonly SubscriptionRequest[], ticket: R | undefined, now: number): SubscribeRequest<R> {
    const request = this.requests.subscribe(subscriptions, ticket)
    this.#connection?.pump(now)
    return request
  }

  /** Gives Topic Filters back, at once or on the next connection. */
  unsubscribe(filters: readonly string[], ticket: R | undefined, now: number): UnsubscribeRequest<R> {
    const request = this.requests.unsubscribe(filters, ticket)
    this.#connection?.pump(now)
    return request
  }

  /** Nobody waits for this request any more. True if the server will never see it. */
  abandon(request: Request<R>): boolean {
    return this.requests.abandon(request)
  }

  /** The handlers of an arrival have ended: it is acknowledged when its turn comes. */
  handled(arrival: Arrival): void {
    this.incoming.handled(arrival)
    this.#connection?.handlersProgressed()
  }

  /** The handlers of an arrival have failed, and the server is to send it again: end the connection after this. */
  unhandled(arrival: Arrival): void {
    this.incoming.unhandled(arrival)
  }

  /** A message that was put off may be delivered now. */
  resumeDelivery(): void {
    this.incoming.pump()
    this.#connection?.handlersProgressed()
  }

  /** CONNACK came: brings our state and the server's together, before anything but CONNECT has been sent. */
  begin(sessionPresent: boolean): void {
    const answerLost = this.#unansweredConnects > 1
    this.#unansweredConnects = 0
    // [MQTT-3.2.2-3] Without a session on the server, subscriptions are made again. So they are if an earlier CONNACK
    // got lost: that one may have said so.
    if (!sessionPresent || answerLost) this.requests.serverForgot()
    if (!sessionPresent && !this.settings.cleanSession) this.#serverForgot()
    // [MQTT-3.2.2-2] [3.2.2.2 unexpected session] The server kept a session from before our time. We go on with it, but
    // it may still use the low identifiers.
    if (sessionPresent && this.#past === 'none') this.table.identifiers.startAt(this.settings.strangerPacketId)
    this.#past = 'some'
    this.outgoing.resend()
    this.requests.resubscribe()
  }

  #serverForgot(): void {
    if (this.settings.journal === 'kept' && (this.table.publishes > 0 || !this.incoming.isEmpty)) {
      this.#driver.record({ kind: 'forgotten' })
    }
    this.outgoing.serverForgot()
    this.incoming.serverForgot()
  }

  /** CONNECT was written: the server may have made or resumed a session, whatever we read of it. */
  connectSent(): void {
    this.#unansweredConnects += 1
  }

  /** A refusing CONNACK was read, so that CONNECT made no session. */
  connectRefused(): void {
    this.#unansweredConnects -= 1
  }

  /** The connection is gone, or nothing more may be sent on it. Does nothing if there is none. */
  lost(): void {
    if (this.#connection === undefined) return
    this.#connection.close()
    this.#connection = undefined
    this.requests.connectionEnded()
    this.outgoing.connectionEnded()
    this.incoming.connectionEnded()
  }

  /** @internal The whole state as plain data, for tests and for whoever looks for a fault. It changes at will. */
  inspect() {
    return {
      connection: this.#connection?.inspect(),
      unansweredConnects: this.#unansweredConnects,
      past: this.#past,
      nextPacketId: this.table.identifiers.cursor,
      outgoing: this.outgoing.inspect(),
      incoming: this.incoming.inspect(),
      requests: this.requests.inspect(),
    }
  }

  /** When `tick` has something to do; Infinity if nothing is due. */
  nextDeadline(): number {
    return Math.min(this.outgoing.expiryDeadline, this.#connection?.nextDeadline() ?? Number.POSITIVE_INFINITY)
  }

  /** Does what is due at `now`. */
  tick(now: number): void {
    this.outgoing.expire(now)
    this.#connection?.tick(now)
  }
}
