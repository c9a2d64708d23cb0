/** Tickets: one for each call of the program that waits for SUBACK or UNSUBACK. One call may need several packets. */
import { SUBSCRIBE_FAILURE } from '../../codec/packet-constants.js'
import { SubscribeRefusedError } from '../../errors.js'
import type { Request, SubscribeRequest, UnsubscribeRequest } from '../../protocol/exchange/request.js'
import type { GrantedFilter, Subscription } from '../surface/client-surface.js'
import { type Abortable, signalWatches } from '../waiting/signal-watches.js'
import type { ActiveSubscription } from './subscription.js'

/** The engine calls the ticket of a SUBSCRIBE or UNSUBSCRIBE. */
export interface RequestTicket {
  /** SUBACK or UNSUBACK has come. It may come late, when the call has already failed. */
  answered(
    request: SubscribeRequest<RequestTicket> | UnsubscribeRequest<RequestTicket>,
    returnCodes: ArrayLike<number>,
  ): void
  /** The engine asks for each Topic Filter of this request in a request of its own. */
  divided(request: Request<RequestTicket>, parts: readonly SubscribeRequest<RequestTicket>[]): void
  /** No answer will come, or none came in time. */
  failed(reason: unknown): void
}

/** The Topic Filters of one SUBACK that the server granted, and those that it refused, with the Return Codes of these. */
export interface Grants {
  readonly granted: readonly GrantedFilter[]
  readonly refused: readonly string[]
  readonly returnCodes: readonly number[]
  /** Those for which the server has closed the connection instead of sending SUBACK. */
  readonly closedFor: readonly string[]
}

function readGrants(request: SubscribeRequest<RequestTicket>, returnCodes: ArrayLike<number>): Grants {
  const granted: GrantedFilter[] = []
  const refused: string[] = []
  const codes: number[] = []
  request.subscriptions.forEach((asked, index) => {
    const code = returnCodes[index] ?? SUBSCRIBE_FAILURE
    if (code === 0 || code === 1 || code === 2) granted.push({ filter: asked.filter, qos: code })
    else {
      refused.push(asked.filter)
      codes.push(code)
    }
  })
  return { granted, refused, returnCodes: codes, closedFor: request.refusedBy === 'closing' ? refused : [] }
}

/** What a ticket asks of its owner when its `subscribe` has failed. */
export interface TicketOwner {
  /** Stops waiting for the answer to a request. */
  abandon(request: Request<RequestTicket>): void
  /** Ends the uses and the routes of a subscription at once. */
  remove(subscription: ActiveSubscription): void
  /** Unsubscribes the filters that the server granted to the failed `subscribe`. */
  unsubscribeUnused(granted: readonly GrantedFilter[]): void
}

/**
 * The promise of one `subscribe`. If the profile allows few Topic Filters in one SUBSCRIBE, the call sends several. It resolves when
 * all are answered. If one filter is refused, or one answer does not come, the whole call fails.
 */
export class SubscribeTicket implements RequestTicket, Abortable {
  readonly #owner: TicketOwner
  readonly #subscription: ActiveSubscription
  readonly #signal: AbortSignal | undefined
  readonly #resolve: (subscription: Subscription) => void
  readonly #reject: (reason: unknown) => void
  /** The answer to each request, in the order of the requests; undefined before the answer comes. */
  #answers = new Map<Request<RequestTicket>, Grants | undefined>()
  #unanswered = 0
  /** The Topic Filters of no request yet. */
  #unasked: number
  #state: 'waiting' | 'stopped' | 'over' = 'waiting'

  constructor(
    owner: TicketOwner,
    subscription: ActiveSubscription,
    signal: AbortSignal | undefined,
    resolve: (subscription: Subscription) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#owner = owner
    this.#subscription = subscription
    this.#unasked = subscription.requests.length
    this.#signal = signal
    this.#resolve = resolve
    this.#reject = reject
    if (signal !== undefined) signalWatches.add(signal, this)
  }

  /** Whether the call goes on: it is neither settled nor aborted. */
  get isWaiting(): boolean {
    return this.#state === 'waiting'
  }

  /** A request asks for so many of the Topic Filters. */
  addRequest(request: Request<RequestTicket>, filters: number): void {
    if (request.state !== 'over') this.#answers.set(request, undefined)
    this.#unanswered += 1
    this.#unasked -= filters
  }

  stopped(): void {
    if (this.#state === 'over') return
    this.#state = 'stopped'
    this.#abandon()
  }

  divided(request: Request<RequestTicket>, parts: readonly Request<RequestTicket>[]): void {
    // A careful connection may divide a request before `addRequest` gets it.
    this.#answers.set(request, undefined)
    const answers = new Map<Request<RequestTicket>, Grants | undefined>()
    for (const [asked, answer] of this.#answers) {
      for (const one of asked === request ? parts : [asked]) answers.set(one, answer)
    }
    this.#answers = answers
    this.#unanswered += parts.length - 1
  }

  aborted(reason: unknown): void {
    this.failed(reason)
  }

  #abandon(): void {
    for (const [request, answer] of this.#answers) if (answer === undefined) this.#owner.abandon(request)
  }

  answered(request: Request<RequestTicket>, returnCodes: ArrayLike<number>): void {
    if (request.kind !== 'subscribe') return
    const grants = readGrants(request, returnCodes)
    if (this.#state === 'over') return this.#owner.unsubscribeUnused(grants.granted)
    this.#answers.set(request, grants)
    this.#unanswered -= 1
    // When the call fails, it unsubscribes what was granted after the abort too.
    if (this.#unanswered > 0 || this.#unasked > 0 || this.#state === 'stopped') return
    const answers = [...this.#answers.values()]
    const refused = answers.flatMap((answer) => answer?.refused ?? [])
    const codes = answers.flatMap((answer) => answer?.returnCodes ?? [])
    const closedFor = answers.flatMap((answer) => answer?.closedFor ?? [])
    if (refused.length > 0) return this.#fail(new SubscribeRefusedError(refused, { returnCodes: codes, closedFor }))
    this.#end()
    this.#subscription.granted = this.#granted
    this.#resolve(this.#subscription)
  }

  failed(reason: unknown): void {
    if (this.#state !== 'over') this.#fail(reason)
  }

  get #granted(): readonly GrantedFilter[] {
    const granted = [...this.#answers.values()].flatMap((answer) => answer?.granted ?? [])
    // The subscription keeps the list, and `flatMap` has made room for more.
    return granted.slice()
  }

  #fail(reason: unknown): void {
    if (this.#state === 'waiting') this.#abandon()
    this.#end()
    this.#owner.remove(this.#subscription)
    // Thousands may fail together, most of them without an answer.
    if (this.#unanswered < this.#answers.size) this.#owner.unsubscribeUnused(this.#granted)
    this.#reject(reason)
  }

  #end(): void {
    this.#state = 'over'
    if (this.#signal !== undefined) signalWatches.delete(this.#signal, this)
  }
}

/** The ticket of one UNSUBSCRIBE. */
export class UnsubscribeTicket implements RequestTicket {
  readonly answered: () => void
  readonly failed: (reason: unknown) => void

  /** An UNSUBSCRIBE is never divided. */
  readonly divided = () => {}

  constructor(resolve: () => void, reject: (reason: unknown) => void) {
    this.answered = resolve
    this.failed = reject
  }
}
