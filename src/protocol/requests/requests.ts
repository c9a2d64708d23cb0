/**
 * SUBSCRIBE and UNSUBSCRIBE, from the call to the answer. `granted-filters.ts` has the subscriptions that result.
 *
 * A request waits until there is a connection and a free Packet Identifier, and then for its acknowledgement. It is never sent
 * twice with the same identifier: if the connection is lost before the answer, the request gets a new identifier on the next
 * connection. An abandoned request (aborted, timed out) keeps its identifier until the acknowledgement comes or the connection ends,
 * because the server may still answer. The driver gets that answer too, and unsubscribes what was granted late. If the connection ends
 * before that answer, a resumed session may have the subscription: the next connection gets one UNSUBSCRIBE. When more than a thousand
 * abandoned requests are unanswered, the connection is given up, which frees their identifiers. Only the end of a connection walks over
 * all open requests.
 *
 * When the server has lost the session, the engine subscribes again to the granted filters, before other requests are sent. A request
 * of the engine has no ticket: no caller waits for it, and once sent, it ends with its connection.
 */
import type {
  PacketIdentifier,
  SubscribePacket,
  SubscriptionRequest,
  UnsubscribePacket,
} from '../../codec/control-packet.js'
import { SMALL_SUBACK_CODES } from '../../codec/packet-constants.js'
import { ConnectionLostError, TimeoutError } from '../../errors.js'
import { RequestExchange } from '../exchange/exchange.js'
import type { ExchangeTable } from '../exchange/exchange-table.js'
import type { Request, SubscribeRequest, UnsubscribeRequest } from '../exchange/request.js'
import { LinkedList } from '../lists/linked-list.js'
import { Subscriptions } from './granted-filters.js'

/** The limits for the requests of a session. */
export interface RequestSettings {
  /** CONNECT has Clean Session 1, so nothing is left of the requests of an earlier connection (section 3.1.2.4). */
  readonly cleanSession: boolean
  /** Milliseconds from sending a request to its TimeoutError. */
  readonly operationTimeoutMs: number
  /** The largest number of Topic Filters in one SUBSCRIBE of the engine itself. */
  readonly maxFiltersPerSubscribe: number
}

/** At most so many abandoned requests keep their Packet Identifiers; the other identifiers are for requests with a waiting caller. */
const abandonedMax = 1_000

/** What the requests need of the driver to be sent. */
interface RequestDriver<R> {
  send(packet: SubscribePacket | UnsubscribePacket): void
  answered(request: Request<R>, returnCodes: ArrayLike<number>): void
  divided(request: SubscribeRequest<R>, parts: readonly SubscribeRequest<R>[]): void
}

/** The SUBSCRIBEs and UNSUBSCRIBEs of a session, and the subscriptions that result. `pump` sends them. */
export class Requests<P, R> {
  readonly #table: ExchangeTable<P, R>
  readonly #settings: RequestSettings
  readonly #subscriptions = new Subscriptions<R>()
  /** Requests that are not sent. */
  readonly #waiting = new LinkedList<Request<R>>()
  /** Requests that are sent, and whose caller waits for the answer; the oldest first. */
  readonly #awaited = new LinkedList<Request<R>>()
  /** Requests that are sent, and without a waiting caller: abandoned requests, and those of the engine itself. */
  readonly #unawaited = new LinkedList<Request<R>>()
  /** Sent SUBSCRIBEs that no small SUBACK can answer, with their numbers of Topic Filters. */
  #large: Map<Request<R>, number> | undefined
  #size = 0
  #abandoned = 0
  /** The number of SUBSCRIBEs whose caller waits. */
  #subscribing = 0

  constructor(table: ExchangeTable<P, R>, settings: RequestSettings) {
    this.#table = table
    this.#settings = settings
  }

  /** The number of requests that wait or are unanswered, with the abandoned ones. */
  get size(): number {
    return this.#size
  }

  /** How many Return Codes a SUBACK may have: as many as the largest unanswered SUBSCRIBE has Topic Filters; few are always accepted. */
  get maxReturnCodes(): number {
    return Math.max(SMALL_SUBACK_CODES, ...(this.#large?.values() ?? []))
  }

  /** The Topic Filters that were asked for. */
  get filters(): Iterable<string> {
    return this.#subscriptions.filters
  }

  /** 'some' if there were other Topic Filters, whose messages may still come. */
  get endedFilters(): 'none' | 'some' {
    return this.#subscriptions.ended
  }

  subscribe(subscriptions: readonly SubscriptionRequest[], ticket: R | undefined): SubscribeRequest<R> {
    const request = this.#newSubscribe(subscriptions, ticket)
    if (ticket !== undefined) this.#subscribing += 1
    this.#waiting.append(request)
    return request
  }

  #newSubscribe(
    subscriptions: readonly SubscriptionRequest[],
    ticket: R | undefined,
    waitedMs = 0,
  ): SubscribeRequest<R> {
    const request: SubscribeRequest<R> = { kind: 'subscribe', subscriptions, ticket, ...unsent, waitedMs }
    this.#subscriptions.requested(request)
    this.#size += 1
    return request
  }

  unsubscribe(filters: readonly string[], ticket: R | undefined): UnsubscribeRequest<R> {
    const request: UnsubscribeRequest<R> = { kind: 'unsubscribe', filters, ticket, ...unsent }
    this.#subscriptions.unsubscribed(filters)
    this.#size += 1
    this.#waiting.append(request)
    return request
  }

  /** The list of a request that was sent. */
  #sentList({ state, ticket }: Request<R>): LinkedList<Request<R>> {
    return state === 'abandoned' || ticket === undefined ? this.#unawaited : this.#awaited
  }

  /** The caller no longer waits. Returns true if the request was not sent, so the server will never see it. */
  abandon(request: Request<R>): boolean {
    const { state } = request
    if (state !== 'waiting' && state !== 'sent') return false
    this.#unwanted(request)
    const list = state === 'waiting' ? this.#waiting : this.#sentList(request)
    list.remove(request)
    if (state === 'waiting') this.#over(request)
    else {
      request.state = 'abandoned'
      this.#abandoned += 1
      this.#unawaited.append(request)
    }
    return state === 'waiting'
  }

  /** The error that ends the connection if too many abandoned requests keep their Packet Identifiers. A new connection frees them. */
  get tooManyAbandoned(): ConnectionLostError | undefined {
    if (this.#abandoned <= abandonedMax) return undefined
    const text = `the server has not answered ${this.#abandoned} requests that were given up`
    return new ConnectionLostError(text, { reason: 'unanswered' })
  }

  /** The caller no longer wants the answer. */
  #unwanted(request: Request<R>): void {
    if (request.kind === 'unsubscribe') return
    this.#subscriptions.abandoned(request)
    if (request.ticket !== undefined) this.#subscribing -= 1
  }

  /** Ends a request that was removed from its list: it is answered, or will never be. */
  #over(request: Request<R>): void {
    if (request.state === 'abandoned') this.#abandoned -= 1
    request.state = 'over'
    request.packetId = undefined
    this.#size -= 1
  }

  /** Sends waiting requests, as long as a Packet Identifier is free. */
  pump(driver: RequestDriver<R>, now: number): void {
    while (this.sendNext(driver, now) !== undefined);
  }

  /** Sends the first waiting request; undefined if none is sent. */
  sendNext(driver: RequestDriver<R>, now: number): Request<R> | undefined {
    for (let request = this.#waiting.first; request !== undefined; request = this.#waiting.first) {
      if (request.kind === 'unsubscribe' && request.filters.length === 0) {
        this.#waiting.remove(request)
        this.#over(request)
        driver.answered(request, [])
        continue
      }
      const packetId = this.#table.takeIdentifier()
      if (packetId === undefined) return undefined
      this.#table.add(new RequestExchange(packetId, request))
      this.#waiting.remove(request)
      request.state = 'sent'
      request.packetId = packetId
      request.sentAt = now
      this.#sentList(request).append(request)
      const returnCodes = request.kind === 'subscribe' ? request.subscriptions.length : 0
      if (returnCodes > SMALL_SUBACK_CODES) {
        this.#large ??= new Map()
        this.#large.set(request, returnCodes)
      }
      driver.send(packetOf(request, packetId))
      return request
    }
    return undefined
  }

  /** True if no request is sent and unanswered. */
  get allAnswered(): boolean {
    return this.#awaited.first === undefined && this.#unawaited.first === undefined
  }

  /** The Topic Filters of the SUBSCRIBE that has waited longest for its answer. */
  get oldestUnanswered(): readonly string[] {
    for (const list of [this.#awaited, this.#unawaited]) {
      for (const request of list) if (request.kind === 'subscribe') return filtersOf(request)
    }
    return []
  }

  /** Puts a SUBSCRIBE for each Topic Filter in the place of the request that `sendNext` would send, if that has several. */
  divideNext(driver: RequestDriver<R>): void {
    let request = this.#waiting.first
    while (request?.kind === 'unsubscribe' && request.filters.length === 0) request = request.next
    if (request?.kind !== 'subscribe' || request.subscriptions.length < 2) return
    const { subscriptions, ticket, waitedMs } = request
    const parts = subscriptions.map((one) => this.#newSubscribe([one], ticket, waitedMs))
    for (const part of parts) this.#waiting.append(part, request)
    this.#waiting.remove(request)
    this.#unwanted(request)
    this.#over(request)
    if (ticket === undefined) return
    this.#subscribing += parts.length
    driver.divided(request, parts)
  }

  /** An acknowledgement came. Applies its Return Codes to the subscriptions, and returns the refused filters. */
  answered({ request }: RequestExchange<R>, returnCodes: ArrayLike<number>): readonly string[] {
    this.#sentList(request).remove(request)
    this.#large?.delete(request)
    const { state } = request
    this.#over(request)
    if (request.kind === 'unsubscribe') return []
    if (state === 'sent' && request.ticket !== undefined) this.#subscribing -= 1
    return this.#subscriptions.answered(request, returnCodes)
  }

  /** Abandons the requests whose acknowledgement did not come in time, and reports each to the driver. */
  expire(driver: { unanswered(request: Request<R>, error: TimeoutError): void }, now: number): void {
    // Requests that time out together share one error: its text fits all of them, and the stack of an error is costly.
    const errors = new Map<Request<R>['kind'], TimeoutError>()
    // [MQTT-3.8.4-1] A server must answer SUBSCRIBE; a caller does not wait for ever for a server that does not answer.
    for (let request = this.#awaited.first; request !== undefined; request = this.#awaited.first) {
      if (this.#timesOutAt(request) > now) return
      this.abandon(request)
      const error = errors.get(request.kind) ?? timedOut(request.kind, this.#settings.operationTimeoutMs)
      errors.set(request.kind, error)
      driver.unanswered(request, error)
    }
  }

  /** When `expire` is due; Infinity if it is not. */
  nextDeadline(): number {
    const { first } = this.#awaited
    return first === undefined ? Infinity : this.#timesOutAt(first)
  }

  /** Only the time counts in which the request was sent and unanswered, over all connections. */
  #timesOutAt({ sentAt, waitedMs }: Request<R>): number {
    return sentAt + this.#settings.operationTimeoutMs - waitedMs
  }

  /** The connection has ended. Its unanswered requests wait for the next connection, in their order, before later requests. */
  connectionEnded(now: number): void {
    this.#large = undefined
    for (const request of this.#waiting)
      if (request.ticket === undefined && request.kind === 'subscribe') this.#endWithConnection(this.#waiting, request)
    for (const request of this.#unawaited) this.#endWithConnection(this.#unawaited, request)
    for (let request = this.#awaited.last; request !== undefined; request = this.#awaited.last) {
      this.#awaited.remove(request)
      this.#freeIdentifier(request)
      request.state = 'waiting'
      request.waitedMs += now - request.sentAt
      // A SUBSCRIBE behind this UNSUBSCRIBE was granted, so the server has seen both. Sent again, it would end that subscription.
      if (request.kind === 'unsubscribe') request.filters = this.#subscriptions.notGranted(request.filters)
      this.#waiting.prepend(request)
    }
  }

  #endWithConnection(list: LinkedList<Request<R>>, request: Request<R>): void {
    list.remove(request)
    this.#freeIdentifier(request)
    if (request.kind === 'subscribe') this.#subscriptions.abandoned(request)
    this.#over(request)
    if (request.kind === 'unsubscribe' || request.ticket === undefined || this.#settings.cleanSession) return
    // The session may have the subscription of an abandoned SUBSCRIBE. One UNSUBSCRIBE is sent, because a server may close at it too.
    const filters = this.#subscriptions.notKnown(filtersOf(request))
    if (filters.length > 0) this.unsubscribe(filters, undefined)
  }

  #freeIdentifier(request: Request<R>): void {
    const exchange = request.packetId === undefined ? undefined : this.#table.get(request.packetId)
    if (exchange !== undefined) this.#table.delete(exchange)
    request.packetId = undefined
  }

  /** The server may have forgotten every subscription. */
  serverForgot(): void {
    this.#subscriptions.serverForgot()
  }

  /** The subscriptions that the server has lost and the engine has not asked for again. */
  get lost(): readonly SubscriptionRequest[] {
    return this.#subscriptions.lost()
  }

  /** Puts SUBSCRIBEs for the lost subscriptions that `wants` chooses before the waiting requests. */
  resubscribe(wants: (filter: string) => boolean): void {
    const lost = this.lost.filter(({ filter }) => wants(filter))
    const again: SubscribeRequest<R>[] = []
    for (let from = 0; from < lost.length; from += this.#settings.maxFiltersPerSubscribe) {
      again.push(this.#newSubscribe(lost.slice(from, from + this.#settings.maxFiltersPerSubscribe), undefined))
    }
    for (const request of again.reverse()) this.#waiting.prepend(request)
  }

  /** True while a caller waits for a SUBACK. */
  get isSubscribing(): boolean {
    return this.#subscribing > 0
  }

  /** The requests whose caller waits. */
  *unanswered(): IterableIterator<Request<R>> {
    yield* this.#awaited
    for (const request of this.#waiting) if (request.ticket !== undefined) yield request
  }

  /** @internal The state as plain data, for tests and for debugging. */
  inspect() {
    return {
      subscriptions: this.#subscriptions.inspect(),
      waiting: [...this.#waiting].map(({ kind, ticket, waitedMs }) => ({
        kind,
        own: ticket === undefined,
        ...(waitedMs > 0 ? { waitedMs } : {}),
      })),
      sent: [...this.#unawaited, ...this.#awaited].map(({ packetId, kind, state, ticket, sentAt, waitedMs }) => ({
        packetId,
        kind,
        state,
        own: ticket === undefined,
        sentAt: sentAt - waitedMs,
      })),
    }
  }
}

const unsent = {
  state: 'waiting',
  packetId: undefined,
  sentAt: Infinity,
  waitedMs: 0,
  refusedBy: 'SUBACK',
  previous: undefined,
  next: undefined,
} as const

function filtersOf<R>({ subscriptions }: SubscribeRequest<R>): readonly string[] {
  return subscriptions.map(({ filter }) => filter)
}

function timedOut(operation: 'subscribe' | 'unsubscribe', timeoutMs: number): TimeoutError {
  const text = `the server has not answered ${operation.toUpperCase()} within ${timeoutMs} ms (operationTimeoutMs)`
  return new TimeoutError(text, { operation, timeoutMs })
}

function packetOf<R>(request: Request<R>, packetId: PacketIdentifier): SubscribePacket | UnsubscribePacket {
  switch (request.kind) {
    case 'subscribe':
      return { type: 'subscribe', packetId, subscriptions: request.subscriptions }
    case 'unsubscribe':
      return { type: 'unsubscribe', packetId, filters: request.filters }
  }
}
