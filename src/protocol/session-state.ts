/**
 * What survives a Network Connection: the open exchanges, outgoing and incoming messages, and requests. `Connection` works on it, and
 * `Session` is the door that a driver uses. It stands below both, so that neither has to know the other's inside.
 */
import type { Driver } from './driver.js'
import { ExchangeTable } from './exchange/exchange-table.js'
import { Incoming } from './incoming/incoming.js'
import type { StoredSession } from './journal/journal-record.js'
import { Outgoing } from './outgoing/outgoing.js'
import { Requests } from './requests/requests.js'
import type { SessionSettings } from './session-settings.js'

/** The state of a session, and what the begin and the end of a connection do to it. */
export class SessionState<P, R> {
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
  /** CONNECTs whose answer was never read: one of them may have made the server start a new session. */
  #unansweredConnects = 0
  /** Whether this session has a past that the server could know of. */
  #past: 'none' | 'some'
  /** When a connection was given up the last time, so that messages without room come again. */
  gapFilledAt = Number.NEGATIVE_INFINITY

  /** Goes on from `stored`, if there is one. `now` is in milliseconds on the driver's clock, as everywhere. */
  constructor(settings: SessionSettings, driver: Driver<P, R>, stored: StoredSession | undefined, now: number) {
    this.settings = settings
    this.#driver = driver
    // [MQTT-3.1.3-2] All state hangs on this one object, which a driver makes for one Client Identifier.
    this.table = new ExchangeTable(stored?.nextPacketId ?? 1)
    this.outgoing = new Outgoing(this.table, driver, settings)
    this.incoming = new Incoming(driver, settings, now)
    this.requests = new Requests(this.table, settings)
    this.#past = stored !== undefined && stored.nextSequence > 1 ? 'some' : 'none'
    if (stored !== undefined) {
      this.outgoing.restore(stored, now)
      this.incoming.restore(stored.held)
      if (stored.held.length > 0) this.#past = 'some'
    }
  }

  /** True if nothing of ours waits or is unanswered. */
  get settled(): boolean {
    return this.outgoing.queue.size === 0 && this.table.size === 0 && this.requests.size === 0
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

  /** Nothing more is sent on the connection: what was unanswered on it waits for the next one. */
  connectionEnded(): void {
    this.requests.connectionEnded()
    this.outgoing.connectionEnded()
    this.incoming.connectionEnded()
  }

  /** @internal The state as plain data, for tests and for whoever looks for a fault. It changes at will. */
  inspectState() {
    return {
      unansweredConnects: this.#unansweredConnects,
      gapFilledAt: this.gapFilledAt,
      past: this.#past,
      nextPacketId: this.table.identifiers.cursor,
      outgoing: this.outgoing.inspect(),
      incoming: this.incoming.inspect(),
      requests: this.requests.inspect(),
    }
  }
}
