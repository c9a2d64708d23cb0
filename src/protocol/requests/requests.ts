/**
 * SUBSCRIBE and UNSUBSCRIBE, from the call to the answer. What has come of them is in `granted-filters.ts`.
 *
 * A request waits until there is a connection and a Packet Identifier, then for its acknowledgement. It is never
 * repeated under its identifier: if the connection is lost first, it is sent anew on the next. A request that was
 * abandoned (aborted, timed out) keeps its identifier until the acknowledgement comes or the connection ends, because
 * the server may still answer it; its answer reaches the driver all the same, which takes a late grant back. When a
 * thousand are kept so, the connection is given up for the sake of their identifiers. No call walks over the requests that
 * are open, but for the end of a connection.
 *
 * When the server has lost the session, the engine subscribes by itself what had been granted, before anything else.
 * Such a request has no ticket: nobody waits for it, and it dies with its connection, since the next one makes it anew.
 */
import type { ControlPacket, PacketIdentifier, SubscriptionRequest } from '../../codec/control-packet.js'
import { SUBSCRIBE_FAILURE } from '../../codec/packet-constants.js'
import { ConnectionLostError, TimeoutError } from '../../errors.js'
import { RequestExchange } from '../exchange/exchange.js'
import type { ExchangeTable } from '../exchange/exchange-table.js'
import type { Request, SubscribeRequest, UnsubscribeRequest } from '../exchange/request.js'
import { LinkedList } from '../lists/linked-list.js'
import { Subscriptions } from './granted-filters.js'

/** What bounds the requests of a session. */
export interface RequestSettings {
  /** Milliseconds from the writing of a request to its TimeoutError. */
  readonly operationTimeoutMs: number
  /** How many Topic Filters one SUBSCRIBE of the engine's own may hold. */
  readonly maxFiltersPerSubscribe: number
}

/** So many abandoned requests may keep their Packet Identifiers: the rest of the 65,535 is for those that somebody waits for. */
const abandonedMax = 1_000

/** The SUBSCRIBEs and UNSUBSCRIBEs of a session, sent by `pump`, and the subscriptions that came of them. */
export class Requests<P, R> {
  readonly #table: ExchangeTable<P, R>
  readonly #settings: RequestSettings
  readonly #subscriptions = new Subscriptions<R>()
  /** Not sent. */
  readonly #waiting = new LinkedList<Request<R>>()
  /** Sent, and somebody waits for the answer; the oldest first. */
  readonly #awaited = new LinkedList<Request<R>>()
  /** Sent, and nobody waits for the answer: those that were abandoned, and the engine's own. */
  readonly #unawaited = new LinkedList<Request<R>>()
  #size = 0
  #abandoned = 0
  /** How many SUBSCRIBEs somebody waits for. */
  #subscribing = 0

  constructor(table: ExchangeTable<P, R>, settings: RequestSettings) {
    this.#table = table
    this.#settings = settings
  }

  /** Requests that wait or are unanswered, abandoned ones included. */
  get size(): number {
    return this.#size
  }

  subscribe(subscriptions: readonly SubscriptionRequest[], ticket: R | undefined): SubscribeRequest<R> {
    const request = this.#newSubscribe(subscriptions, ticket)
    if (ticket !== undefined) this.#subscribing += 1
    this.#waiting.append(request)
    return request
  }

  #newSubscribe(subscriptions: readonly SubscriptionRequest[], ticket: R | undefined): SubscribeRequest<R> {
    const request: SubscribeRequest<R> = { kind: 'subscribe', subscriptions, ticket, ...unsent }
    this.#subscriptions.asked(request)
    this.#size += 1
    return request
  }

  unsubscribe(filters: readonly string[], ticket: R | undefined): UnsubscribeRequest<R> {
    const request: UnsubscribeRequest<R> = { kind: 'unsubscribe', filters, ticket, ...unsent }
    this.#subscriptions.givenBack(filters)
    this.#size += 1
    this.#waiting.append(request)
    return request
  }

  /** Where a request that was sent stands. */
  #sentList({ state, ticket }: Request<R>): LinkedList<Request<R>> {
    return state === 'abandoned' || ticket === undefined ? this.#unawaited : this.#awaited
  }

  /** Gives up waiting for a request. True if it had not been sent, so that the server will never see it. */
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

  /** Why the connection has to end, if more requests were abandoned than may keep their Packet Identifiers. */
  get tooManyAbandoned(): ConnectionLostError | undefined {
    if (this.#abandoned <= abandonedMax) return undefined
    const text = `the server has not answered ${this.#abandoned} SUBSCRIBEs and UNSUBSCRIBEs that were given up (timed out, or aborted)`
    return new ConnectionLostError(`${text}: their Packet Identifiers come free with a new connection`, {
      reason: 'unanswered',
    })
  }

  /** Nobody wants the answer any more. */
  #unwanted(request: Request<R>): void {
    if (request.kind === 'unsubscribe') return
    this.#subscriptions.abandoned(request)
    if (request.ticket !== undefined) this.#subscribing -= 1
  }

  /** A request that is in no list any more is answered, or will never be. */
  #over(request: Request<R>): void {
    if (request.state === 'abandoned') this.#abandoned -= 1
    request.state = 'over'
    request.packetId = undefined
    this.#size -= 1
  }

  /** Sends what waits, as far as there are Packet Identifiers. */
  pump(driver: { send(packet: ControlPacket): void }, now: number): void {
    for (let request = this.#waiting.first; request !== undefined; request = this.#waiting.first) {
      const packetId = this.#table.takeIdentifier()
      if (packetId === undefined) return
      this.#table.add(new RequestExchange(packetId, request))
      this.#waiting.remove(request)
      request.state = 'sent'
      request.packetId = packetId
      request.sentAt = now
      this.#sentList(request).append(request)
      driver.send(packetOf(request, packetId))
    }
  }

  /** An acknowledgement came: notes what it says of each filter, and returns the filters that it refuses. */
  answered({ request }: RequestExchange<R>, returnCodes: ArrayLike<number>): readonly string[] {
    this.#sentList(request).remove(request)
    const { state } = request
    this.#over(request)
    if (request.kind === 'unsubscribe') return []
    if (state === 'sent' && request.ticket !== undefined) this.#subscribing -= 1
    // [MQTT-3.9.3-1] The Return Codes stand in the order of the filters.
    const isRefused = (index: number) => returnCodes[index] === SUBSCRIBE_FAILURE
    const refused = request.subscriptions.filter((_, index) => isRefused(index)).map(({ filter }) => filter)
    for (const [index, asked] of request.subscriptions.entries()) {
      if (!isRefused(index)) this.#subscriptions.granted(asked, request)
    }
    for (const filter of refused) this.#subscriptions.refused(filter, request)
    return refused
  }

  /** Gives up the requests that have waited too long for their acknowledgement, and tells the driver of each. */
  expire(driver: { unanswered(request: Request<R>, error: TimeoutError): void }, now: number): void {
    // Requests that time out together share one error: it says nothing of the single one, and its stack is dear.
    const errors = new Map<Request<R>['kind'], TimeoutError>()
    // [MQTT-3.8.4-1] A SUBSCRIBE is answered; nobody has to wait for ever for a server that does not.
    for (let request = this.#awaited.first; request !== undefined; request = this.#awaited.first) {
      if (request.sentAt + this.#settings.operationTimeoutMs > now) return
      this.abandon(request)
      const error = errors.get(request.kind) ?? timedOut(request.kind, this.#settings.operationTimeoutMs)
      errors.set(request.kind, error)
      driver.unanswered(request, error)
    }
  }

  /** When `expire` has something to give; Infinity if nobody waits. */
  nextDeadline(): number {
    return (this.#awaited.first?.sentAt ?? Number.POSITIVE_INFINITY) + this.#settings.operationTimeoutMs
  }

  /** The connection is gone: unanswered requests wait for the next one, in their order, in front of later ones. */
  connectionEnded(): void {
    for (const request of this.#waiting)
      if (request.ticket === undefined) this.#endWithConnection(this.#waiting, request)
    for (const request of this.#unawaited) this.#endWithConnection(this.#unawaited, request)
    for (let request = this.#awaited.last; request !== undefined; request = this.#awaited.last) {
      this.#awaited.remove(request)
      this.#freeIdentifier(request)
      request.state = 'waiting'
      this.#waiting.prepend(request)
    }
  }

  #endWithConnection(list: LinkedList<Request<R>>, request: Request<R>): void {
    list.remove(request)
    this.#freeIdentifier(request)
    if (request.kind === 'subscribe') this.#subscriptions.abandoned(request)
    this.#over(request)
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

  /** Puts a SUBSCRIBE for all subscriptions that are due in front of what waits. */
  resubscribe(): void {
    const due = this.#subscriptions.due()
    const again: SubscribeRequest<R>[] = []
    for (let from = 0; from < due.length; from += this.#settings.maxFiltersPerSubscribe) {
      again.push(this.#newSubscribe(due.slice(from, from + this.#settings.maxFiltersPerSubscribe), undefined))
    }
    for (const request of again.reverse()) this.#waiting.prepend(request)
  }

  /** True while somebody waits for a SUBACK. */
  get isSubscribing(): boolean {
    return this.#subscribing > 0
  }

  /** Every request that somebody waits for. */
  *unanswered(): IterableIterator<Request<R>> {
    yield* this.#awaited
    for (const request of this.#waiting) if (request.ticket !== undefined) yield request
  }

  /** @internal The state as plain data, for tests and for whoever looks for a fault. */
  inspect() {
    return {
      subscriptions: this.#subscriptions.inspect(),
      waiting: [...this.#waiting].map(({ kind, ticket }) => ({ kind, own: ticket === undefined })),
      sent: [...this.#unawaited, ...this.#awaited].map(({ packetId, kind, state, ticket, sentAt }) => ({
        packetId,
        kind,
        state,
        own: ticket === undefined,
        sentAt,
      })),
    }
  }
}

const unsent = {
  state: 'waiting',
  packetId: undefined,
  sentAt: Number.POSITIVE_INFINITY,
  previous: undefined,
  next: undefined,
} as const

function timedOut(operation: 'subscribe' | 'unsubscribe', timeoutMs: number): TimeoutError {
  const text = `the server has not answered ${operation.toUpperCase()} within ${timeoutMs} ms (operationTimeoutMs)`
  return new TimeoutError(text, { operation, timeoutMs })
}

function packetOf<R>(request: Request<R>, packetId: PacketIdentifier): ControlPacket {
  switch (request.kind) {
    case 'subscribe':
      return { type: 'subscribe', packetId, subscriptions: request.subscriptions }
    case 'unsubscribe':
      return { type: 'unsubscribe', packetId, filters: request.filters }
  }
}
