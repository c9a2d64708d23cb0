/**
 * The engine. A Session survives Network Connections; a Connection lives as long as its socket. Both are pure: the driver passes
 * commands, packets and the time, and the engine acts only by calling the Driver before its call returns.
 *
 *   queries    `isIdle`, `outgoing.queue`, `incoming.running`, `nextDeadline()`
 *   commands   `publish`, `subscribe`, `unsubscribe`, `withdraw`, `abandon`
 *   events     `connect` and then the methods of the Connection (`cut` if its stream has ended by itself); `handled`, `unhandled`,
 *              `notStarted`; `lost`; `tick`
 *
 * Time is a number of milliseconds on a clock that never goes back. There is one `nextDeadline()`, so a session needs one timer,
 * however many exchanges are open.
 *
 * After every call the following is true. No Packet Identifier stands for two exchanges. No message is in the queue and in an
 * exchange at once. An acknowledgement was sent only on the connection that carried its PUBLISH. After PUBREL no PUBLISH of that
 * exchange is sent while the server keeps the session. A call at a deadline did something, or the next deadline is later than `now`.
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

  /** Continues `stored`, if it is given. `now` is in milliseconds on the driver's clock, as in every method. */
  constructor(settings: SessionSettings, driver: Driver<P, R>, stored: StoredSession | undefined, now: number) {
    super(settings, driver, stored, now)
    this.#driver = driver
  }

  /** The present connection; undefined if there is none. */
  get connection(): Connection<P, R> | undefined {
    return this.#connection?.phase === 'closed' ? undefined : this.#connection
  }

  /** Makes the next connection. When its stream is open, call its method `open`, which sends CONNECT. */
  connect(settings: ConnectionSettings, now: number): Connection<P, R> {
    this.lost()
    this.suspects.lastCut = undefined
    this.#connection = new Connection(this, this.#driver, settings, now)
    return this.#connection
  }

  /** Sends a message at QoS 0 at once if no other message waits before it. Returns false if it did not: then call `publish`. */
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

  /** Removes a message that is still in the queue. Returns false if it is not in the queue. */
  withdraw(message: OutgoingMessage<P>): boolean {
    return this.outgoing.withdraw(message)
  }

  /** Sends SUBSCRIBE, at once or on the next connection. */
  subscribe(subscriptions: readonly SubscriptionRequest[], ticket: R | undefined, now: number): SubscribeRequest<R> {
    const request = this.requests.subscribe(subscriptions, ticket)
    for (const { filter } of subscriptions) this.suspects.forget(filter)
    this.#connection?.sendWaiting(now)
    return request
  }

  /** Sends UNSUBSCRIBE, at once or on the next connection. */
  unsubscribe(filters: readonly string[], ticket: R | undefined, now: number): UnsubscribeRequest<R> {
    const request = this.requests.unsubscribe(filters, ticket)
    for (const filter of filters) this.suspects.forget(filter)
    this.#connection?.sendWaiting(now)
    return request
  }

  /** The caller no longer waits for this request. Returns true if it was not sent, so the server will never see it. */
  abandon(request: Request<R>): boolean {
    const isUnsent = this.requests.abandon(request)
    this.#connection?.requestAbandoned()
    return isUnsent
  }

  /** The handlers of an arrival have ended, so its message is acknowledged in its turn. */
  handled(arrival: Arrival, now: number): void {
    this.incoming.handled(arrival, now)
    this.#connection?.handlersProgressed(now)
  }

  /**
   * The handlers of an arrival have failed, and the server should send the message again. After this call, close the connection; if
   * there is none, call `resumeDelivery`: the handlers have left room in the window.
   */
  unhandled(arrival: Arrival, now: number): void {
    this.incoming.unhandled(arrival, now)
  }

  /** The program has not started to handle this arrival, and will not. Acknowledgements behind it no longer wait for it. */
  notStarted(arrival: Arrival, now: number): void {
    this.incoming.notStarted(arrival, now)
    this.#connection?.handlersProgressed(now)
  }

  /** A message for which `deliver` answered 'later' may be delivered now. */
  resumeDelivery(now: number): void {
    this.incoming.pump(now)
    this.#connection?.handlersProgressed(now)
  }

  /** Offers the messages again for which `deliver` answered 'aside': the routes have changed, or no message is kept aside any more. */
  routesChanged(now: number): void {
    this.incoming.routesChanged(now)
    this.#connection?.handlersProgressed(now)
  }

  /** The client is about to end: from now on no handler starts, and new messages are not kept. */
  drain(now: number): void {
    this.incoming.drain()
    this.#connection?.handlersProgressed(now)
  }

  /** The connection is gone, or must no longer be used. Does nothing if there is none. */
  lost(): void {
    this.#connection?.close()
    this.#connection = undefined
  }

  /** @internal The whole state as plain data, for tests and for debugging. Its form may change at any time. */
  inspect(now = 0) {
    return { connection: this.connection?.inspect(), ...this.inspectState(now) }
  }

  /** When `tick` is due; Infinity if it is not. */
  nextDeadline(): number {
    return Math.min(this.outgoing.expiryDeadline, this.#connection?.nextDeadline() ?? Infinity)
  }

  /** Does what is due at `now`. */
  tick(now: number): void {
    this.outgoing.expire(now)
    this.#connection?.tick(now)
  }
}
