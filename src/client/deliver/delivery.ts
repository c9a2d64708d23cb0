/**
 * Brings messages from the engine to the handlers of the program. Each handler with a matching Topic Filter gets the message once.
 * The delivery awaits what all the handlers return. Then it reports the arrival as handled; if a handler has failed, it does what
 * `onHandlerError` says.
 *
 * `deliver` returns 'later' while no handler may start: `connect()` has not resolved yet, a message stream among the handlers is full, or
 * the program has called `end()`. Then the engine keeps the arrival, and calls `deliver` again when another arrival is handled, or when the client calls
 * `resumeDelivery` because a stream has room again.
 */
import { AsyncResource } from 'node:async_hooks'
import type { PublishPacket } from '../../codec/control-packet.js'
import { outline, quote } from '../../codec/field-checks.js'
import { HandlerError, UsageError } from '../../errors.js'
import type { Arrival } from '../../protocol/incoming/arrival.js'
import type { DeliverySettings } from '../options/client-settings.js'
import type { HandlerErrorAction, Message, MessageHandler } from '../surface/client-surface.js'
import { ReceivedMessage } from '../surface/message.js'
import { isPromiseLike } from '../waiting/promises.js'
import { handlersEnded, handlersStart, inContextOf, inContextOfNow } from './handler-context.js'
import { Keeping } from './keeping.js'
import { type MessageStream, notStarted } from './message-stream.js'
import { TopicRouter } from './topic-router.js'

/** What the delivery reports to its owner. */
export interface DeliveryOwner {
  /** Every handler of the message has finished. */
  handled(arrival: Arrival): void
  /** A loop did not read the message, and the other handlers did not fail: the message stays unacknowledged. */
  notStarted(arrival: Arrival): void
  /** A handler has failed, and the message stays unacknowledged. */
  failed(arrival: Arrival, message: Message, action: HandlerErrorAction, error: unknown): void
  /** No handler gets the message. */
  unclaimed(message: Message): void
  /** The handler of a message with a faulty Topic Name has failed, and nobody has decided what follows: the message is acknowledged. */
  failedOnFault(topic: string, fault: string, error: unknown): void
  now(): number
  /** True while a SUBSCRIBE of the program is unanswered. */
  readonly isSubscribing: boolean
  /** True if the messages that wait for handlers and the messages that are kept aside fill the backlog. */
  readonly backlogIsFull: boolean
  /** Asks the engine to call `deliver` again, at the end of the turn, for arrivals that got 'later' or 'aside'. */
  routesChanged(): void
  /** Sets the one timer of keeping: calls `action` at that time. Undefined stops the timer. */
  keepUntil(at: number | undefined, action: () => void): void
  /** Asks the engine to call `deliver` again for arrivals that got 'later': a stream may have room again. */
  resumeDelivery(): void
}

/** The result of the handlers of one message. 'not started': a loop did not read it. 'failed' has the error of the first that failed. */
type Outcome =
  | { readonly is: 'succeeded' }
  | { readonly is: 'not started' }
  | { readonly is: 'failed'; readonly error: unknown }

const succeeded: Outcome = { is: 'succeeded' }

function firstFailure(before: Outcome, error: unknown): Outcome {
  return before.is === 'failed' ? before : { is: 'failed', error }
}

function outcomeAfter(before: Outcome, result: PromiseSettledResult<unknown>): Outcome {
  if (result.status === 'rejected') return firstFailure(before, result.reason)
  return before.is === 'succeeded' && result.value === notStarted ? { is: 'not started' } : before
}

/** 'not yet': the program does not know of its first connection yet. 'keeping': messages without a route are kept aside. */
type State =
  | { readonly is: 'not yet' | 'delivering' | 'stopped' }
  | { readonly is: 'keeping'; readonly keeping: Keeping }

export class Delivery {
  #router: TopicRouter<MessageHandler> | undefined
  /** The message streams by their handlers. Undefined before the first stream. */
  #streams: Map<MessageHandler, MessageStream> | undefined
  readonly #client: object
  readonly #owner: DeliveryOwner
  readonly #settings: DeliverySettings
  readonly #onMessage: MessageHandler | undefined
  /** In the context of the client: a handler may fail while the context of another one is entered. */
  readonly #onHandlerError: DeliverySettings['onHandlerError']
  /** The wrapper of each handler, which runs it in its context. Undefined before the first handler. */
  #wrappers: WeakMap<MessageHandler, MessageHandler> | undefined
  /** The wrapper that was called last. Undefined after a route has gone: its context must not be kept. */
  #latest: MessageHandler | undefined
  #calling: Arrival | undefined
  #state: State

  constructor(client: object, owner: DeliveryOwner, settings: DeliverySettings) {
    this.#client = client
    this.#owner = owner
    this.#settings = settings
    for (const [filter, handler] of settings.handlers) this.router.add(filter, this.inContext(handler))
    if (settings.onMessage !== undefined) this.#onMessage = this.inContext(settings.onMessage)
    const { onHandlerError } = settings
    this.#onHandlerError = onHandlerError && AsyncResource.bind(onHandlerError)
    this.#state = settings.keepsAside ? { is: 'not yet' } : { is: 'delivering' }
  }

  /** CONNACK has come. After the first CONNACK nothing is delivered until the end of the turn in which `connect()` resolves. */
  connected(): void {
    if (this.#state.is !== 'not yet') return
    setImmediate(() => {
      if (this.#state.is !== 'not yet') return
      const keeping = new Keeping(this.#owner.now(), this.#settings.unclaimedAfterMs)
      if (this.#router !== undefined) keeping.routeAdded(this.#owner.now())
      this.#state = { is: 'keeping', keeping }
      this.#checkKeeping()
      this.#owner.routesChanged()
    })
  }

  /** The first connection has ended. On later connections the routes exist, so no message is kept aside. */
  connectionEnded(): void {
    if (this.#state.is === 'keeping') this.#endKeeping()
  }

  #checkKeeping = (): void => {
    if (this.#state.is !== 'keeping') return
    const now = this.#owner.now()
    const endsAt = this.#state.keeping.endsAt(now, this.#owner.isSubscribing ? 'unanswered' : 'answered')
    if (now < endsAt) this.#owner.keepUntil(endsAt, this.#checkKeeping)
    else this.#endKeeping()
  }

  #endKeeping(): void {
    this.#state = { is: 'delivering' }
    this.#owner.keepUntil(undefined, this.#checkKeeping)
    this.#owner.routesChanged()
  }

  /** A stream that was full has room again. */
  resume(): void {
    this.#owner.resumeDelivery()
  }

  addRoute(filter: string, route: MessageHandler): void {
    this.router.add(filter, route)
    if (this.#state.is !== 'keeping') return
    this.#state.keeping.routeAdded(this.#owner.now())
    this.#checkKeeping()
    this.#owner.routesChanged()
  }

  removeRoute(filter: string, route: MessageHandler): boolean {
    this.#latest = undefined
    return this.router.remove(filter, route)
  }

  /** The arrival whose handler is on the call stack; the innermost if a handler caused the call of another. */
  get calling(): Arrival | undefined {
    return this.#calling
  }

  /** Is made for the first route. */
  get router(): TopicRouter<MessageHandler> {
    this.#router ??= new TopicRouter()
    return this.#router
  }

  /**
   * A wrapper that runs the handler in the context of the first call that gave this handler. The same handler always gets the same
   * wrapper, so that the router sees one handler. The handler of a stream needs no wrapper.
   */
  inContext(handler: MessageHandler): MessageHandler {
    if (this.#streams?.has(handler)) return handler
    this.#wrappers ??= new WeakMap()
    const wrapper = this.#wrappers.get(handler) ?? inContextOfNow(this.#client, handler)
    this.#wrappers.set(handler, wrapper)
    return wrapper
  }

  /** Runs `read`, which brings the packets of one read, in the context of the handler that is called most likely. */
  duringRead(read: () => void): void {
    if (this.#latest === undefined) read()
    else inContextOf(this.#latest, read)
  }

  addStream(stream: MessageStream): void {
    this.#streams ??= new Map()
    this.#streams.set(stream.handle, stream)
  }

  removeStream(stream: MessageStream): void {
    this.#streams?.delete(stream.handle)
  }

  /** From now on no handler starts. Messages that a loop has not read yet stay unacknowledged; the loop ends after its present message. */
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
    const handlers = this.#router?.match(packet.topic) ?? []
    const streams = this.#streams
    if (streams !== undefined && handlers.some((handler) => streams.get(handler)?.isFull)) return 'later'
    if (handlers.length === 0 && this.#state.is === 'keeping') {
      if (!this.#owner.backlogIsFull) return 'aside'
      this.#endKeeping()
    }
    const message = new ReceivedMessage(packet)
    if (handlers.length === 0) return this.#deliverUnrouted(arrival, message)
    return this.#call(arrival, message, handlers)
  }

  #deliverUnrouted(arrival: Arrival, message: Message): 'done' | 'running' {
    if (this.#onMessage !== undefined) return this.#call(arrival, message, [this.#onMessage])
    // [MQTT-4.5.0-2] [4.5 unasked messages] No handler gets the message; it is still acknowledged.
    this.#owner.unclaimed(message)
    return 'done'
  }

  #call(arrival: Arrival, message: Message, handlers: readonly MessageHandler[]): 'done' | 'running' {
    const outer = this.#calling
    this.#calling = arrival
    // Before the handlers run: one of them may remove its own route.
    this.#latest = handlers[0]
    handlersStart()
    let outcome = succeeded
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
    if (running === undefined) {
      handlersEnded()
      return this.#endAtOnce(arrival, message, outcome)
    }
    this.#await(arrival, message, running, outcome)
    return 'running'
  }

  #endAtOnce(arrival: Arrival, message: Message, outcome: Outcome): 'done' | 'running' {
    if (outcome.is !== 'failed') return 'done'
    const action = this.#actionFor(outcome.error, message)
    if (action.is === 'acknowledge') return 'done'
    this.#owner.failed(arrival, message, action.is, action.error)
    return 'running'
  }

  #await(arrival: Arrival, message: Message, running: readonly PromiseLike<unknown>[], before: Outcome): void {
    const [single] = running
    if (single !== undefined && running.length === 1) {
      // Nearly every message has one handler. `Promise.allSettled` would make such a message cost twice as much.
      Promise.resolve(single).then(
        (value) => this.#end(arrival, message, outcomeAfter(before, { status: 'fulfilled', value })),
        (error: unknown) => this.#end(arrival, message, firstFailure(before, error)),
      )
    } else {
      Promise.allSettled(running).then((results) => this.#end(arrival, message, results.reduce(outcomeAfter, before)))
    }
  }

  #end(arrival: Arrival, message: Message, outcome: Outcome): void {
    handlersEnded()
    if (outcome.is === 'succeeded') return this.#owner.handled(arrival)
    if (outcome.is === 'not started') return this.#owner.notStarted(arrival)
    const action = this.#actionFor(outcome.error, message)
    if (action.is === 'acknowledge') this.#owner.handled(arrival)
    else this.#owner.failed(arrival, message, action.is, action.error)
  }

  /** What to do with a message whose handler failed. If `onHandlerError` throws, the client ends with the error of `onHandlerError`. */
  #actionFor(error: unknown, message: Message): { readonly is: HandlerErrorAction; readonly error: unknown } {
    try {
      const is = requireAction(this.#onHandlerError?.(error, message), error) ?? this.#defaultAction(error, message)
      return { is, error: is === 'close' ? new HandlerError(message.topic, error) : error }
    } catch (thrown) {
      return { is: 'close', error: thrown }
    }
  }

  /** A message that the program cannot know how to avoid must not end the client at each start. */
  #defaultAction(error: unknown, { topic, topicFault }: Message): HandlerErrorAction {
    if (topicFault === undefined) return 'close'
    this.#owner.failedOnFault(topic, topicFault, error)
    return 'acknowledge'
  }
}

/** Checks what `onHandlerError` returned; undefined means the default. @throws UsageError */
function requireAction(returned: unknown, cause: unknown): HandlerErrorAction | undefined {
  if (returned === undefined) return undefined
  if (returned === 'acknowledge' || returned === 'redeliver' || returned === 'close') return returned
  let shown = typeof returned === 'string' ? quote(returned) : outline(returned)
  if (isPromiseLike(returned)) {
    shown = 'a promise'
    // The client ends in any case, so a rejection of this promise must not be unhandled.
    Promise.resolve(returned).catch(() => {})
  }
  const text = `onHandlerError has to return 'acknowledge', 'redeliver' or 'close', not ${shown}`
  throw new UsageError(text, { cause })
}
