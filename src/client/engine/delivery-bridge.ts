/** Passes what the delivery reports on to the engine, or to the lifecycle of the client. */
import type { Arrival } from '../../protocol/incoming/arrival.js'
import type { Session } from '../../protocol/session.js'
import type { DeliveryOwner } from '../deliver/delivery.js'
import { consequenceOf } from '../deliver/failed-handler.js'
import { bringsTopic } from '../deliver/topic-router.js'
import type { ClientSettings } from '../options/client-settings.js'
import type { PublishTicket } from '../publish/publish-ticket.js'
import type { RequestTicket } from '../subscribe/tickets.js'
import type { HandlerErrorAction, Message } from '../surface/client-surface.js'
import type { ClientCounters } from '../surface/counters.js'
import { warnOfChangedTopic, warnOfFaultyTopic, warnOfUnclaimed } from './message-warnings.js'
import type { Timers } from './timers.js'

/** What the delivery needs of the driver of the engine. */
export interface DeliveryDriver {
  readonly session: Session<PublishTicket, RequestTicket>
  readonly counters: ClientCounters
  readonly timers: Timers
  now(): number
  beginTurn(): number
  /** A call of the engine has returned, and the backlog may have more room. */
  deliveryReturned(): void
  /** At the end of the turn, lets the engine call `deliver` again for the arrivals that wait. */
  offerAgain(): void
  connectionEnded(error: Error): void
  failed(error: Error): void
}

export class DeliveryBridge implements DeliveryOwner {
  readonly #driver: DeliveryDriver
  readonly #settings: ClientSettings

  constructor(driver: DeliveryDriver, settings: ClientSettings) {
    this.#driver = driver
    this.#settings = settings
  }

  handled(arrival: Arrival): void {
    this.#driver.session.handled(arrival, this.#driver.beginTurn())
    this.#driver.deliveryReturned()
  }

  notStarted(arrival: Arrival): void {
    this.#driver.session.notStarted(arrival, this.#driver.beginTurn())
    this.#driver.deliveryReturned()
  }

  resumeDelivery(): void {
    this.#driver.session.resumeDelivery(this.#driver.beginTurn())
    this.#driver.deliveryReturned()
  }

  failed(arrival: Arrival, message: Message, action: HandlerErrorAction, error: unknown): void {
    const { session } = this.#driver
    const state = { isClean: this.#settings.session.cleanSession, isOwed: arrival.owed === 'owed' }
    const consequence = consequenceOf(action, message, state, error)
    if (consequence.is === 'handled') return this.handled(arrival)
    session.unhandled(arrival, this.#driver.beginTurn())
    if (consequence.is === 'forgotten') this.resumeDelivery()
    else if (consequence.is === 'connection ends') this.#driver.connectionEnded(consequence.error)
    else this.#driver.failed(consequence.error)
  }

  unclaimed({ topic }: Message): void {
    const { counters, session } = this.#driver
    counters.unclaimed += 1
    if (counters.unclaimed > 1) return
    const { filters, endedFilters } = session.requests
    const asked = [...filters]
    // A server may send messages to a client that asks for none.
    if (asked.length === 0 || asked.some((filter) => bringsTopic(filter, topic))) return warnOfUnclaimed(topic)
    warnOfChangedTopic(topic, endedFilters === 'some' || !this.#settings.session.cleanSession ? 'perhaps' : 'no')
  }

  failedOnFault(topic: string, fault: string, error: unknown): void {
    warnOfFaultyTopic(this.#driver.counters, topic, fault, error)
  }

  now(): number {
    return this.#driver.now()
  }

  get backlogIsFull(): boolean {
    return this.#driver.session.incoming.backlogBytes >= this.#settings.engine.receiveBufferBytes
  }

  get isSubscribing(): boolean {
    return this.#driver.session.requests.isSubscribing
  }

  routesChanged(): void {
    this.#driver.offerAgain()
  }

  keepUntil(at: number | undefined, action: () => void): void {
    const { timers } = this.#driver
    if (at === undefined) timers.stop('keeping')
    else timers.start('keeping', at - timers.now(), action)
  }
}
