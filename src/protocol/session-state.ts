/**
 * The state that survives a Network Connection: the open exchanges, outgoing and incoming messages, and requests. `Connection` changes
 * this state, and `Session` is the interface for a driver. Both import this module, so neither needs the private parts of the other.
 */
import type { Driver } from './driver.js'
import { ExchangeTable } from './exchange/exchange-table.js'
import { Incoming } from './incoming/incoming.js'
import type { StoredSession } from './journal/journal-record.js'
import { Outgoing } from './outgoing/outgoing.js'
import { Requests } from './requests/requests.js'
import type { SessionSettings } from './session-settings.js'
import { Suspects } from './suspects/suspects.js'

/** The state of a session, and its changes when a connection begins or ends. */
export class SessionState<P, R> {
  /** The settings of the session. */
  readonly settings: SessionSettings
  /** The open exchanges. */
  readonly table: ExchangeTable<P, R>
  /** The messages that the client publishes. */
  readonly outgoing: Outgoing<P, R>
  /** The messages that the server publishes. */
  readonly incoming: Incoming<P, R>
  /** The SUBSCRIBE and UNSUBSCRIBE requests, and the subscriptions. */
  readonly requests: Requests<P, R>
  /** What the server may refuse by closing the connection. */
  readonly suspects: Suspects<P>
  readonly #driver: Driver<P, R>
  /** How many CONNECTs had no CONNACK that we read: each of them may have made the server begin a new session. */
  #unansweredConnects = 0
  /** 'some' if the server may have state of this session. */
  #past: 'none' | 'some'
  /** What the server has shown of QoS 2: only the text of errors depends on it. */
  qos2: 'nothing' | 'granted less' | 'answered' = 'nothing'
  /** When a connection was last given up because messages had no room. */
  gapFilledAt = -Infinity

  /** Continues `stored`, if it is given. `now` is in milliseconds on the driver's clock, as in every method. */
  constructor(settings: SessionSettings, driver: Driver<P, R>, stored: StoredSession | undefined, now: number) {
    this.settings = settings
    this.#driver = driver
    // [MQTT-3.1.3-2] This object has the whole state of a session. A driver makes one for each Client Identifier.
    this.table = new ExchangeTable(stored?.nextPacketId ?? 1)
    this.outgoing = new Outgoing(this.table, driver, settings)
    this.incoming = new Incoming(driver, settings, now)
    this.requests = new Requests(this.table, settings)
    this.suspects = new Suspects(settings.abandonAfter)
    this.#past = stored !== undefined && stored.nextSequence > 1 ? 'some' : 'none'
    if (stored !== undefined) {
      this.outgoing.restore(stored, now)
      this.incoming.restore(stored)
      if (stored.held.length > 0) this.#past = 'some'
    }
  }

  /** True if no message of ours waits in the queue or is unacknowledged, and no request is unanswered. */
  get isIdle(): boolean {
    return this.outgoing.queue.size === 0 && this.table.size === 0 && this.requests.size === 0
  }

  /**
   * CONNACK came: adapts our state to the state of the server. Only CONNECT was sent before. On a careful connection the lost
   * subscriptions are asked for later.
   */
  begin(sessionPresent: boolean, care: 'careful' | 'plain'): void {
    const answerLost = this.#unansweredConnects > 1
    this.#unansweredConnects = 0
    // [MQTT-3.2.2-3] If the server had no session, we subscribe again. We also do so if an earlier CONNACK was lost: it may have said
    // that the server had none.
    const { cleanSession, strangerPacketId, resubscribe } = this.settings
    const isResumed = sessionPresent && !cleanSession
    if (!isResumed || answerLost || resubscribe === 'always') this.requests.serverForgot()
    if (isResumed) this.incoming.resumed()
    else if (!cleanSession) this.#serverForgot()
    // [MQTT-3.2.2-2] [3.2.2.2 unexpected session] The server has a session that we do not know, or should not have. Its low Packet
    // Identifiers may still be in use there.
    if (sessionPresent && (cleanSession || this.#past === 'none')) this.table.identifiers.startAt(strangerPacketId)
    this.#past = 'some'
    this.outgoing.resend()
    if (care === 'plain') this.resubscribe()
  }

  /** Subscribes again to what the server has lost, except to Topic Filters that it refuses by closing. */
  resubscribe(): void {
    this.requests.resubscribe((filter) => !this.suspects.isParked(filter))
  }

  #serverForgot(): void {
    if (this.settings.sessionPresent === 'always-0') {
      this.outgoing.settleUnreleased()
      this.incoming.serverForgot('goes on')
      return
    }
    const isKnown = this.table.publishes + this.table.reserved.length > 0 || !this.incoming.isEmpty
    if (this.settings.journal === 'kept' && isKnown) {
      this.#driver.record({ kind: 'forgotten' })
    }
    this.outgoing.serverForgot()
    this.incoming.serverForgot('lost')
  }

  /** CONNECT was sent: the server may begin or resume a session, even if we never read its CONNACK. */
  connectSent(): void {
    this.#unansweredConnects += 1
  }

  /** A CONNACK that refuses was read, so this CONNECT began no session. */
  connectRefused(): void {
    this.#unansweredConnects -= 1
  }

  /** The connection has ended. Unanswered requests and messages wait for the next connection. */
  connectionEnded(now: number): void {
    this.requests.connectionEnded(now)
    this.outgoing.connectionEnded()
    this.incoming.connectionEnded()
  }

  /** @internal The state as plain data, for tests and for debugging. Its form may change at any time. */
  inspectState(now: number) {
    return {
      unansweredConnects: this.#unansweredConnects,
      gapFilledAt: this.gapFilledAt,
      past: this.#past,
      nextPacketId: this.table.identifiers.cursor,
      outgoing: this.outgoing.inspect(),
      incoming: this.incoming.inspect(),
      requests: this.requests.inspect(),
      suspects: this.suspects.inspect(now),
    }
  }
}
