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
import { Connection, type ConnectionSettings } from './connection/connection.js'
import type { Driver } from './driver.js'
import type { OutgoingMessage } from './exchange/outgoing-message.js'
import type { Request, SubscribeRequest, UnsubscribeRequest } from './exchange/request.js'
import type { Arrival } from './incoming/arrival.js'
import type { StoredSession } from './journal/journal-record.js'
import type { MessageDraft } from './outgoing/outgoing-queue.js'
import type { SessionSettings } from './session-settings.js'
import { SessionState } from './session-state.js'

/** `P` is the driver's ticket for a publish, `R` its ticket for a SUBSCRIBE or UNSUBSCRIBE. */
export class Session<P, R> extends SessionState<P, R> {
  readonly #driver: Driver<P, R>
  #connection: Connection<P, R> | undefined

  /** Goes on from `stored`, if there is one. `now` is in milliseconds on the driver's clock, as everywhere. */
  constructor(settings: SessionSettings, driver: Driver<P, R>, stored: StoredSession | undefined, now: number) {
    super(settings, driver, stored, now)
    this.#driver = driver
  }

  /** The present connection, if there is one. */
  get connection(): Connection<P, R> | undefined {
    return this.#connection?.phase === 'closed' ? undefined : this.#connection
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
    this.outgoing.sendQos0(draft, this.#connection)
    return true
  }

  /** @throws QueueFullError if the outgoing queue is at one of its bounds. */
  publish(draft: MessageDraft, ticket: P | undefined, now: number): OutgoingMessage<P> {
    const message = this.outgoing.append(draft, ticket, now)
    this.#connection?.sendWaiting(now)
    return message
  }

  /** Takes back a message that has no Packet Identifier yet; false if it is too late for that. */
  withdraw(message: OutgoingMessage<P>): boolean {
    return this.outgoing.withdraw(message)
  }

  /** Asks for subscriptions, at once or on the next connection. */
  subscribe(subscriptions: readonly SubscriptionRequest[], ticket: R | undefined, now: number): SubscribeRequest<R> {
    const request = this.requests.subscribe(subscriptions, ticket)
    this.#connection?.sendWaiting(now)
    return request
  }

  /** Gives Topic Filters back, at once or on the next connection. */
  unsubscribe(filters: readonly string[], ticket: R | undefined, now: number): UnsubscribeRequest<R> {
    const request = this.requests.unsubscribe(filters, ticket)
    this.#connection?.sendWaiting(now)
    return request
  }

  /** Nobody waits for this request any more. True if the server will never see it. */
  abandon(request: Request<R>): boolean {
    const isUnsent = this.requests.abandon(request)
    this.#connection?.requestAbandoned()
    return isUnsent
  }

  /** The handlers of an arrival have ended: it is acknowledged when its turn comes. */
  handled(arrival: Arrival, now: number): void {
    this.incoming.handled(arrival, now)
    this.#connection?.handlersProgressed(now)
  }

  /** The handlers of an arrival have failed, and the server is to send it again: end the connection after this. */
  unhandled(arrival: Arrival, now: number): void {
    this.incoming.unhandled(arrival, now)
  }

  /** The handlers of an arrival have not begun after all, and will not: what is owed behind it need not wait for it. */
  notStarted(arrival: Arrival, now: number): void {
    this.incoming.notStarted(arrival, now)
    this.#connection?.handlersProgressed(now)
  }

  /** A message that was put off may be delivered now. */
  resumeDelivery(now: number): void {
    this.incoming.pump(now)
    this.#connection?.handlersProgressed(now)
  }

  /** A message that was kept aside may be delivered now, or is to be kept aside no more. */
  routesChanged(now: number): void {
    this.incoming.routesChanged(now)
    this.#connection?.handlersProgressed(now)
  }

  /** The client is about to end: no handler starts any more, and nothing that comes is kept. */
  drain(now: number): void {
    this.incoming.drain()
    this.#connection?.handlersProgressed(now)
  }

  /** The connection is gone, or nothing more may be sent on it. Does nothing if there is none. */
  lost(): void {
    this.#connection?.close()
    this.#connection = undefined
  }

  /** @internal The whole state as plain data, for tests and for whoever looks for a fault. It changes at will. */
  inspect() {
    return { connection: this.connection?.inspect(), ...this.inspectState() }
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
