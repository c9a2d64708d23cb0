/** Who waits for SUBACK and UNSUBACK: a ticket for each call of the program, which may be answered by several packets. */
import { SubscribeRefusedError } from '../../errors.js'
import type { Request, SubscribeRequest, UnsubscribeRequest } from '../../protocol/exchange/request.js'
import type { GrantedFilter, Subscription } from '../surface/client-surface.js'
import { type Abortable, signalWatches } from '../waiting/signal-watches.js'
import type { ActiveSubscription } from './subscription.js'

/** What the client wants to know of a SUBSCRIBE or UNSUBSCRIBE that the engine sends for it. */
export interface RequestTicket {
  /** SUBACK or UNSUBACK came. It may come after the wait was given up. */
  answered(
    request: SubscribeRequest<RequestTicket> | UnsubscribeRequest<RequestTicket>,
    returnCodes: readonly number[],
  ): void
  /** The wait is over without an answer. */
  failed(reason: unknown): void
}

/** What SUBACK said: filter by filter, what was granted and what was refused. */
export interface Grants {
  readonly granted: readonly GrantedFilter[]
  readonly refused: readonly string[]
}

function readGrants(request: SubscribeRequest<RequestTicket>, returnCodes: readonly number[]): Grants {
  const granted: GrantedFilter[] = []
  const refused: string[] = []
  for (const [index, { filter }] of request.subscriptions.entries()) {
    const code = returnCodes[index]
    if (code === 0 || code === 1 || code === 2) granted.push({ filter, qos: code })
    else refused.push(filter)
  }
  return { granted, refused }
}

/** What a ticket asks of the client when its `subscribe` has failed, or was granted too late. */
export interface TicketOwner {
  /** Gives up the wait for the answer to a request. */
  abandon(request: Request<RequestTicket>): void
  /** Ends the uses and routes of a subscription. */
  release(subscription: ActiveSubscription): void
  /** Unsubscribes what the server granted to a subscription that has ended. */
  takeBack(granted: readonly GrantedFilter[]): void
}

const none: Grants = { granted: [], refused: [] }

/**
 * The promise of one `subscribe`. It may have asked in several SUBSCRIBEs, if the server takes few Topic Filters in one: it resolves
 * when all are answered, and what one of them refuses or does not answer is a failure of the whole.
 */
export class SubscribeTicket implements RequestTicket, Abortable {
  readonly #owner: TicketOwner
  readonly #subscription: ActiveSubscription
  readonly #signal: AbortSignal | undefined
  readonly #resolve: (subscription: Subscription) => void
  readonly #reject: (reason: unknown) => void
  readonly #unanswered = new Set<Request<RequestTicket>>()
  /** What was answered to each, in the order in which they were asked. */
  readonly #answers = new Map<Request<RequestTicket>, Grants>()
  #state: 'waiting' | 'over' = 'waiting'

  constructor(
    owner: TicketOwner,
    subscription: ActiveSubscription,
    signal: AbortSignal | undefined,
    resolve: (subscription: Subscription) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#owner = owner
    this.#subscription = subscription
    this.#signal = signal
    this.#resolve = resolve
    this.#reject = reject
    if (signal !== undefined) signalWatches.add(signal, this)
  }

  asked(request: Request<RequestTicket>): void {
    this.#unanswered.add(request)
    this.#answers.set(request, none)
  }

  aborted(reason: unknown): void {
    this.failed(reason)
  }

  answered(request: Request<RequestTicket>, returnCodes: readonly number[]): void {
    if (request.kind !== 'subscribe') return
    this.#unanswered.delete(request)
    const grants = readGrants(request, returnCodes)
    if (this.#state === 'over') return this.#owner.takeBack(grants.granted)
    this.#answers.set(request, grants)
    if (this.#unanswered.size > 0) return
    const refused = [...this.#answers.values()].flatMap((answer) => answer.refused)
    if (refused.length > 0) return this.#giveUp(new SubscribeRefusedError(refused))
    this.#end()
    this.#subscription.granted = this.#granted
    this.#resolve(this.#subscription)
  }

  failed(reason: unknown): void {
    if (this.#state === 'waiting') this.#giveUp(reason)
  }

  get #granted(): readonly GrantedFilter[] {
    return [...this.#answers.values()].flatMap((answer) => answer.granted)
  }

  #giveUp(reason: unknown): void {
    this.#end()
    for (const request of this.#unanswered) this.#owner.abandon(request)
    this.#owner.release(this.#subscription)
    this.#owner.takeBack(this.#granted)
    this.#reject(reason)
  }

  #end(): void {
    this.#state = 'over'
    if (this.#signal !== undefined) signalWatches.delete(this.#signal, this)
  }
}

/** The promise of one UNSUBSCRIBE. */
export class UnsubscribeTicket implements RequestTicket {
  readonly answered: () => void
  readonly failed: (reason: unknown) => void

  constructor(resolve: () => void, reject: (reason: unknown) => void) {
    this.answered = resolve
    this.failed = reject
  }
}
