/**
 * SUBSCRIBE and UNSUBSCRIBE, from the call to the answer. What has come of them is in `granted-filters.ts`.
 *
 * A request waits until there is a connection and a Packet Identifier, then for its acknowledgement. It is never
 * repeated under its identifier: if the connection is lost first, it is sent anew on the next. A request that was
 * abandoned (aborted, timed out) keeps its identifier until the acknowledgement comes or the connection ends, because
 * the server may still answer it; its answer reaches the driver all the same, which takes a late grant back.
 *
 * When the server has lost the session, the engine subscribes by itself what had been granted, before anything else.
 * Such a request has no ticket: nobody waits for it, and it dies with its connection, since the next one makes it anew.
 */
import type { ControlPacket, PacketIdentifier, SubscriptionRequest } from '../../codec/control-packet.js'
import { SUBSCRIBE_FAILURE } from '../../codec/packet-constants.js'
import { TimeoutError } from '../../errors.js'
import { RequestExchange } from '../exchange/exchange.js'
import type { ExchangeTable } from '../exchange/exchange-table.js'
import type { Request, SubscribeRequest, UnsubscribeRequest } from '../exchange/request.js'
import { Subscriptions } from './granted-filters.js'

/** What bounds the requests of a session. */
export interface RequestSettings {
  /** Milliseconds from the writing of a request to its TimeoutError. */
  readonly operationTimeoutMs: number
  /** How many Topic Filters one SUBSCRIBE of the engine's own may hold. */
  readonly maxFiltersPerSubscribe: number
}

/** The SUBSCRIBEs and UNSUBSCRIBEs of a session, sent by `pump`, and the subscriptions that came of them. */
export class Requests<P, R> {
  readonly #table: ExchangeTable<P, R>
  readonly #settings: RequestSettings
  readonly #subscriptions = new Subscriptions<R>()
  #waiting: Request<R>[] = []
  #sent: RequestExchange<R>[] = []

  constructor(table: ExchangeTable<P, R>, settings: RequestSettings) {
    this.#table = table
    this.#settings = settings
  }

  /** Requests that wait or are unanswered, abandoned ones included. */
  get size(): number {
    return this.#waiting.length + this.#sent.length
  }

  subscribe(subscriptions: readonly SubscriptionRequest[], ticket: R | undefined): SubscribeRequest<R> {
    const request: SubscribeRequest<R> = { kind: 'subscribe', subscriptions, ticket, state: 'waiting' }
    this.#subscriptions.asked(request)
    this.#waiting.push(request)
    return request
  }

  unsubscribe(filters: readonly string[], ticket: R | undefined): UnsubscribeRequest<R> {
    const request: UnsubscribeRequest<R> = { kind: 'unsubscribe', filters, ticket, state: 'waiting' }
    this.#subscriptions.givenBack(filters)
    this.#waiting.push(request)
    return request
  }

  /** Gives up waiting for a request. True if it had not been sent, so that the server will never see it. */
  abandon(request: Request<R>): boolean {
    if (request.kind === 'subscribe') this.#subscriptions.abandoned(request, this.unanswered())
    if (request.state === 'waiting') {
      this.#waiting = this.#waiting.filter((waiting) => waiting !== request)
      request.state = 'over'
      return true
    }
    if (request.state === 'sent') request.state = 'abandoned'
    return false
  }

  /** Sends what waits, as far as there are Packet Identifiers. */
  pump(driver: { send(packet: ControlPacket): void }, now: number): void {
    let count = 0
    for (const request of this.#waiting) {
      const packetId = this.#table.takeIdentifier()
      if (packetId === undefined) break
      const exchange = new RequestExchange(packetId, request, now)
      this.#table.add(exchange)
      this.#sent.push(exchange)
      request.state = 'sent'
      driver.send(packetOf(request, packetId))
      count += 1
    }
    if (count > 0) this.#waiting = this.#waiting.slice(count)
  }

  /** An acknowledgement came: notes what it says of each filter, and returns the filters that it refuses. */
  answered(exchange: RequestExchange<R>, returnCodes: readonly number[]): readonly string[] {
    this.#sent.splice(this.#sent.indexOf(exchange), 1)
    // An array that has been filled keeps its places.
    if (this.#sent.length === 0) this.#sent = []
    const { request } = exchange
    if (request.state === 'sent') request.state = 'over'
    if (request.kind === 'unsubscribe') return []
    // [MQTT-3.9.3-1] The Return Codes stand in the order of the filters.
    const isRefused = (index: number) => returnCodes[index] === SUBSCRIBE_FAILURE
    const refused = request.subscriptions.filter((_, index) => isRefused(index)).map(({ filter }) => filter)
    for (const [index, asked] of request.subscriptions.entries()) {
      if (!isRefused(index)) this.#subscriptions.granted(asked)
    }
    for (const filter of refused) this.#subscriptions.refused(filter, request, this.unanswered())
    return refused
  }

  /** The oldest request that has waited too long for its acknowledgement, given up. */
  expire(now: number): { readonly request: Request<R>; readonly error: TimeoutError } | undefined {
    // [MQTT-3.8.4-1] A SUBSCRIBE is answered; nobody has to wait for ever for a server that does not.
    for (const { request, sentAt } of this.#sent) {
      if (request.state !== 'sent' || request.ticket === undefined) continue
      if (sentAt + this.#settings.operationTimeoutMs > now) return undefined
      this.abandon(request)
      const name = request.kind.toUpperCase()
      const message = `the server has not answered ${name} within ${this.#settings.operationTimeoutMs} ms (operationTimeoutMs)`
      return {
        request,
        error: new TimeoutError(message, { operation: request.kind, timeoutMs: this.#settings.operationTimeoutMs }),
      }
    }
    return undefined
  }

  /** When `expire` has something to give; Infinity if nobody waits. */
  nextDeadline(): number {
    for (const { request, sentAt } of this.#sent) {
      if (request.state === 'sent' && request.ticket !== undefined) return sentAt + this.#settings.operationTimeoutMs
    }
    return Number.POSITIVE_INFINITY
  }

  /** The connection is gone: unanswered requests wait for the next one, in their order, in front of later ones. */
  connectionEnded(): void {
    const again: Request<R>[] = []
    for (const exchange of this.#sent) {
      this.#table.delete(exchange)
      const { request } = exchange
      if (request.state === 'sent' && request.ticket !== undefined) {
        request.state = 'waiting'
        again.push(request)
      } else request.state = 'over'
    }
    this.#sent = []
    this.#waiting = [...again, ...this.#waiting.filter((request) => request.ticket !== undefined)]
  }

  /** The server may have forgotten every subscription. */
  serverForgot(): void {
    this.#subscriptions.serverForgot()
  }

  /** Puts a SUBSCRIBE for all subscriptions that are due in front of what waits. */
  resubscribe(): void {
    const due = this.#subscriptions.due()
    const again: SubscribeRequest<R>[] = []
    for (let from = 0; from < due.length; from += this.#settings.maxFiltersPerSubscribe) {
      const subscriptions = due.slice(from, from + this.#settings.maxFiltersPerSubscribe)
      const request: SubscribeRequest<R> = { kind: 'subscribe', subscriptions, ticket: undefined, state: 'waiting' }
      this.#subscriptions.asked(request)
      again.push(request)
    }
    this.#waiting = [...again, ...this.#waiting]
  }

  /** True while somebody waits for a SUBACK. */
  get isSubscribing(): boolean {
    for (const { kind, ticket } of this.unanswered()) if (kind === 'subscribe' && ticket !== undefined) return true
    return false
  }

  /** Every request that somebody waits for. */
  *unanswered(): IterableIterator<Request<R>> {
    for (const { request } of this.#sent) if (request.state === 'sent' && request.ticket !== undefined) yield request
    for (const request of this.#waiting) if (request.ticket !== undefined) yield request
  }

  /** @internal The state as plain data, for tests and for whoever looks for a fault. */
  inspect() {
    return {
      subscriptions: this.#subscriptions.inspect(),
      waiting: this.#waiting.map(({ kind, ticket }) => ({ kind, own: ticket === undefined })),
      sent: this.#sent.map(({ packetId, request, sentAt }) => ({
        packetId,
        kind: request.kind,
        state: request.state,
        own: request.ticket === undefined,
        sentAt,
      })),
    }
  }
}

function packetOf<R>(request: Request<R>, packetId: PacketIdentifier): ControlPacket {
  switch (request.kind) {
    case 'subscribe':
      return { type: 'subscribe', packetId, subscriptions: request.subscriptions }
    case 'unsubscribe':
      return { type: 'unsubscribe', packetId, filters: request.filters }
  }
}
