/**
 * From an arrival of the engine to the handlers of the application and back. A message goes once to each handler whose filter
 * matches; what the handlers return is awaited, all of them, and then the arrival is handled, or, if one has failed,
 * what `onHandlerError` says is done.
 *
 * 'later' is answered while nothing may be started: a message stream among the handlers is full, or the client says goodbye. The engine
 * keeps the arrival then, and offers it again when something has been handled, or when it is told of room by `resumeDelivery`.
 */
import type { PublishPacket } from '../../codec/control-packet.js'
import { quote } from '../../codec/field-checks.js'
import { HandlerError, UsageError } from '../../errors.js'
import type { Arrival } from '../../protocol/incoming/arrival.js'
import type { DeliverySettings } from '../options/client-settings.js'
import type { HandlerErrorAction, Message, MessageHandler } from '../surface/client-surface.js'
import { ReceivedMessage } from '../surface/message.js'
import { isPromiseLike } from '../waiting/promises.js'
import { inContextOfNow } from './handler-context.js'
import { Keeping } from './keeping.js'
import { type MessageStream, notStarted } from './message-stream.js'
import { TopicRouter } from './topic-router.js'

/** What the delivery needs of the client. */
export interface DeliveryHost {
  handled(arrival: Arrival): void
  /** Nobody has handled it, and nobody will: it is as if it had not come. */
  givenBack(arrival: Arrival): void
  failed(arrival: Arrival, message: Message, action: HandlerErrorAction, error: unknown): void
  unclaimed(message: Message): void
  now(): number
  /** True while a SUBSCRIBE of the program is unanswered. */
  readonly isSubscribing: boolean
  /** True if what waits for handlers and what is kept aside fill the backlog. */
  readonly backlogIsFull: boolean
  /** What was put off, or kept aside, is to be offered again at the end of the turn. */
  routesChanged(): void
  /** Calls `action` at that time, in place of what was asked before; undefined: not at all. */
  keepUntil(at: number | undefined, action: () => void): void
  /** There may be room for what was put off. */
  resumeDelivery(): void
}

/** How the handlers of one message have fared so far; a failure keeps the first error. 'not started': a loop never got it. */
type Outcome =
  | { readonly is: 'well' }
  | { readonly is: 'not started' }
  | { readonly is: 'failed'; readonly error: unknown }

const well: Outcome = { is: 'well' }
const noHandlers: readonly MessageHandler[] = []

function firstFailure(before: Outcome, error: unknown): Outcome {
  return before.is === 'failed' ? before : { is: 'failed', error }
}

function outcomeAfter(before: Outcome, result: PromiseSettledResult<unknown>): Outcome {
  if (result.status === 'rejected') return firstFailure(before, result.reason)
  return before.is === 'well' && result.value === notStarted ? { is: 'not started' } : before
}

/** 'not yet': the program has not heard of its first connection. 'keeping': what has no route is kept aside. */
type State =
  | { readonly is: 'not yet' | 'delivering' | 'stopped' }
  | { readonly is: 'keeping'; readonly keeping: Keeping }

export class Delivery {
  #router: TopicRouter<MessageHandler> | undefined
  /** Handlers that belong to a message stream, which may be full. Absent before the first stream. */
  #streams: Map<MessageHandler, MessageStream> | undefined
  readonly #client: object
  readonly #host: DeliveryHost
  readonly #settings: DeliverySettings
  readonly #onMessage: MessageHandler | undefined
  /** Each handler with its route. Absent before the first one. */
  #routes: WeakMap<MessageHandler, MessageHandler> | undefined
  /** The arrivals whose handlers are being called at this very moment, one inside the other. */
  #calling: Arrival | undefined
  #state: State

  constructor(client: object, host: DeliveryHost, settings: DeliverySettings) {
    this.#client = client
    this.#host = host
    this.#settings = settings
    for (const [filter, handler] of settings.handlers) this.router.add(filter, this.inContext(handler))
    if (settings.onMessage !== undefined) this.#onMessage = this.inContext(settings.onMessage)
    this.#state = settings.keepsAside ? { is: 'not yet' } : { is: 'delivering' }
  }

  /** CONNACK came. Behind the first one nothing is delivered before the turn in which the program hears of it is over. */
  connected(): void {
    if (this.#state.is !== 'not yet') return
    setImmediate(() => {
      if (this.#state.is !== 'not yet') return
      const keeping = new Keeping(this.#host.now(), this.#settings.unclaimedAfterMs)
      if (this.#router !== undefined) keeping.routeAdded(this.#host.now())
      this.#state = { is: 'keeping', keeping }
      this.#keepOn()
      this.#host.routesChanged()
    })
  }

  /** Later connections keep nothing aside: the routes are there. */
  connectionEnded(): void {
    if (this.#state.is === 'keeping') this.#endKeeping()
  }

  #keepOn = (): void => {
    if (this.#state.is !== 'keeping') return
    const now = this.#host.now()
    const endsAt = this.#state.keeping.endsAt(now, this.#host.isSubscribing ? 'unanswered' : 'answered')
    if (now < endsAt) this.#host.keepUntil(endsAt, this.#keepOn)
    else this.#endKeeping()
  }

  #endKeeping(): void {
    this.#state = { is: 'delivering' }
    this.#host.keepUntil(undefined, this.#keepOn)
    this.#host.routesChanged()
  }

  /** There may be room for what was put off. */
  resume(): void {
    this.#host.resumeDelivery()
  }

  addRoute(filter: string, route: MessageHandler): void {
    this.router.add(filter, route)
    if (this.#state.is !== 'keeping') return
    this.#state.keeping.routeAdded(this.#host.now())
    this.#keepOn()
    this.#host.routesChanged()
  }

  removeRoute(filter: string, route: MessageHandler): boolean {
    return this.router.remove(filter, route)
  }

  /** The arrival whose handler is on the call stack. */
  get calling(): Arrival | undefined {
    return this.#calling
  }

  /** Made for the first route. */
  get router(): TopicRouter<MessageHandler> {
    this.#router ??= new TopicRouter()
    return this.#router
  }

  /** The handler as a route: it runs in the context of the first call that gave it. One that is given twice is one route still. */
  inContext(handler: MessageHandler): MessageHandler {
    if (this.#streams?.has(handler)) return handler
    this.#routes ??= new WeakMap()
    const route = this.#routes.get(handler) ?? inContextOfNow(this.#client, handler)
    this.#routes.set(handler, route)
    return route
  }

  addStream(stream: MessageStream): void {
    this.#streams ??= new Map()
    this.#streams.set(stream.handle, stream)
  }

  removeStream(stream: MessageStream): void {
    this.#streams?.delete(stream.handle)
  }

  /** No handler is started from here on. Messages that wait for a loop have not started, and the loop ends with the one in hand. */
  drain(): void {
    this.#state = { is: 'stopped' }
    for (const stream of [...(this.#streams?.values() ?? [])]) stream.drain()
  }

  /** The client has ended, so the loops over its messages end too. Returns whether a loop was running, which throws the error. */
  close(error: Error | undefined): 'a loop waits' | 'no loop waits' {
    this.#state = { is: 'stopped' }
    let loops: 'a loop waits' | 'no loop waits' = 'no loop waits'
    for (const stream of [...(this.#streams?.values() ?? [])]) {
      if (stream.hasLoop) loops = 'a loop waits'
      if (error === undefined) stream.finish()
      else stream.fail(error)
    }
    return loops
  }

  deliver(arrival: Arrival, packet: PublishPacket<Buffer>): 'done' | 'running' | 'later' | 'aside' {
    if (this.#state.is === 'stopped' || this.#state.is === 'not yet') return 'later'
    const handlers = this.#router?.match(packet.topic) ?? noHandlers
    const streams = this.#streams
    if (streams !== undefined && streams.size > 0 && handlers.some((handler) => streams.get(handler)?.isFull))
      return 'later'
    if (handlers.length === 0 && this.#state.is === 'keeping') {
      if (!this.#host.backlogIsFull) return 'aside'
      this.#endKeeping()
    }
    const message = new ReceivedMessage(packet)
    if (handlers.length === 0) return this.#deliverUnrouted(arrival, message)
    return this.#call(arrival, message, handlers)
  }

  #deliverUnrouted(arrival: Arrival, message: Message): 'done' | 'running' {
    if (this.#onMessage !== undefined) return this.#call(arrival, message, [this.#onMessage])
    // [MQTT-4.5.0-2] [4.5 unasked messages] Nobody wants it, and it is acknowledged all the same.
    this.#host.unclaimed(message)
    return 'done'
  }

  #call(arrival: Arrival, message: Message, handlers: readonly MessageHandler[]): 'done' | 'running' {
    const outer = this.#calling
    this.#calling = arrival
    let outcome = well
    let running: PromiseLike<unknown>[] | undefined
    for (const handler of handlers) {
      try {
        const result = handler(message)
        if (isPromiseLike(result)) {
          running ??= []
          running.push(result)
        }
      } catch (error) {
        outcome = firstFailure(outcome, error)
      }
    }
    this.#calling = outer
    if (running === undefined) return this.#endAtOnce(arrival, message, outcome)
    this.#await(arrival, message, running, outcome)
    return 'running'
  }

  #endAtOnce(arrival: Arrival, message: Message, outcome: Outcome): 'done' | 'running' {
    if (outcome.is !== 'failed') return 'done'
    const action = this.#actionFor(outcome.error, message)
    if (action.is === 'acknowledge') return 'done'
    this.#host.failed(arrival, message, action.is, action.error)
    return 'running'
  }

  #await(arrival: Arrival, message: Message, running: readonly PromiseLike<unknown>[], before: Outcome): void {
    const [only] = running
    if (only !== undefined && running.length === 1) {
      // Nearly every message has one handler, and waiting for one as for many made it twice as dear.
      Promise.resolve(only).then(
        (value) => this.#end(arrival, message, outcomeAfter(before, { status: 'fulfilled', value })),
        (error: unknown) => this.#end(arrival, message, firstFailure(before, error)),
      )
    } else {
      Promise.allSettled(running).then((results) => this.#end(arrival, message, results.reduce(outcomeAfter, before)))
    }
  }

  #end(arrival: Arrival, message: Message, outcome: Outcome): void {
    if (outcome.is === 'well') return this.#host.handled(arrival)
    if (outcome.is === 'not started') return this.#host.givenBack(arrival)
    const action = this.#actionFor(outcome.error, message)
    if (action.is === 'acknowledge') this.#host.handled(arrival)
    else this.#host.failed(arrival, message, action.is, action.error)
  }

  /** What is to become of a message whose handler threw. An `onHandlerError` that throws itself ends the client, with its error. */
  #actionFor(error: unknown, message: Message): { readonly is: HandlerErrorAction; readonly error: unknown } {
    const { onHandlerError } = this.#settings
    try {
      const is = onHandlerError === undefined ? 'close' : requireAction(onHandlerError(error, message), error)
      return { is, error: is === 'close' ? new HandlerError(message.topic, error) : error }
    } catch (second) {
      return { is: 'close', error: second }
    }
  }
}

/** What `onHandlerError` answered, if it is an answer. Nothing is as good as none having been asked. @throws UsageError */
function requireAction(answer: unknown, cause: unknown): HandlerErrorAction {
  if (answer === undefined) return 'close'
  if (answer === 'acknowledge' || answer === 'redeliver' || answer === 'close') return answer
  let given = quote(answer)
  if (isPromiseLike(answer)) {
    given = 'a promise'
    // What it comes to is nobody's concern any more.
    Promise.resolve(answer).catch(() => {})
  }
  const text = `onHandlerError has to answer 'acknowledge', 'redeliver' or 'close', at once, not ${given}`
  throw new UsageError(text, { cause })
}
