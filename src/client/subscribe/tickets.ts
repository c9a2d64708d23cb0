import { SubscribeRefusedError } from '../../errors.js'
import type { Request } from '../../protocol/exchange/request.js'
import { type Grants, type RequestTicket, readGrants } from '../request-ticket.js'
import type { GrantedFilter, Subscription } from '../surface/client-surface.js'
import { type Abortable, signalWatches } from '../waiting/signal-watches.js'
import type { ActiveSubscription, Subscriptions } from './subscriptions.js'

const none: Grants = { granted: [], refused: [] }

/**
 * The promise of one `subscribe`. It may have asked in several SUBSCRIBEs, if the server takes few Topic Filters in one: it resolves
 * when all are answered, and what one of them refuses or does not answer is a failure of the whole.
 */
export class SubscribeTicket implements RequestTicket, Abortable {
  readonly #owner: Subscriptions
  readonly #subscription: ActiveSubscription
  readonly #signal: AbortSignal | undefined
  readonly #resolve: (subscription: Subscription) => void
  readonly #reject: (reason: unknown) => void
  readonly #unanswered = new Set<Request<RequestTicket>>()
  /** What was answered to each, in the order in which they were asked. */
  readonly #answers = new Map<Request<RequestTicket>, Grants>()
  #state: 'waiting' | 'over' = 'waiting'

  constructor(
    owner: Subscriptions,
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
