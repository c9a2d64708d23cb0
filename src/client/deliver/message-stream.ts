/**
 * `messages()`: an async iterator over the messages of a subscription.
 *
 * The loop acknowledges a message when it asks for the next one with `next()`, or when it ends. If the program has called `next()`
 * ahead, before there was a message, the message is acknowledged as soon as the program gets it. At most `limit` messages wait
 * here. Later messages stay in the backlog of the client. When the backlog is full, the client stops reading the socket, so a slow
 * loop slows the server down.
 */
import { ClosedError } from '../../errors.js'
import { Fifo } from '../../protocol/lists/fifo.js'
import type { GrantedFilter, Message, Subscription } from '../surface/client-surface.js'
import { markHandled, rejection } from '../waiting/promises.js'
import { enterLoopOf } from './handler-context.js'

/** The handler of a stream resolves with this symbol if its loop does not read the message any more. */
export const notStarted = Symbol('not started')

interface Entry {
  readonly message: Message
  /** Resolves the promise of the handler, and so acknowledges the message. */
  readonly acknowledge: () => void
  /** Resolves the promise of the handler with `notStarted`, so that the message stays unacknowledged. */
  readonly skip: () => void
}

type Result = IteratorResult<Message, undefined>

/** Settles a call of `next` that waits for a message. */
type WaitingCall = (result: Result | Promise<Result>) => void

type End = { readonly is: 'open' } | { readonly is: 'finished' } | { readonly is: 'failed'; readonly error: unknown }

export class MessageStream implements AsyncIterableIterator<Message, undefined>, Subscription {
  readonly #client: object
  readonly #limit: number
  readonly #onRoom: () => void
  /** Messages that no call of `next` has returned. */
  readonly #entries = new Fifo<Entry>()
  readonly #waitingCalls = new Fifo<WaitingCall>()
  /** Messages that a call of `next` has returned and that are not acknowledged. */
  readonly #unacknowledged: Entry[] = []
  #end: End = { is: 'open' }
  #reader: 'none' | 'a loop' = 'none'
  /** Removes the mark from the context of the loop. Undefined while the loop has no message in hand. */
  #leaveContext: (() => void) | undefined
  #subscription: Subscription | undefined
  #onEnd: (() => void) | undefined

  /** `onRoom` is called when the stream was full and has room again. */
  constructor(client: object, limit: number, onRoom: () => void) {
    this.#client = client
    this.#limit = limit
    this.#onRoom = onRoom
  }

  /** The handler that the router calls. Its promise resolves when the message is acknowledged or skipped. */
  readonly handle = (message: Message): Promise<unknown> =>
    new Promise<unknown>((resolve) => {
      if (this.#end.is !== 'open') return resolve(undefined)
      const entry = { message, acknowledge: () => resolve(undefined), skip: () => resolve(notStarted) }
      const settle = this.#waitingCalls.shift()
      if (settle === undefined) return this.#entries.push(entry)
      // If another call of `next` waits already, that call acknowledges this message.
      if (this.#waitingCalls.size > 0) entry.acknowledge()
      else this.#unacknowledged.push(entry)
      settle(this.#resultOf(entry))
    })

  /** True if a loop reads this stream. If the client ends with an error, the loop throws it. */
  get hasLoop(): boolean {
    return this.#reader === 'a loop' && this.#end.is === 'open'
  }

  get isFull(): boolean {
    return this.#end.is === 'open' && this.#entries.size + this.#unacknowledged.length >= this.#limit
  }

  /** `onEnd` is called when the stream has ended, for whatever reason. */
  attach(subscription: Subscription, onEnd: () => void): void {
    this.#subscription = subscription
    this.#onEnd = onEnd
    if (this.#end.is !== 'open') onEnd()
  }

  get granted(): readonly GrantedFilter[] {
    return this.#subscription?.granted ?? []
  }

  next(): Promise<Result> {
    if (this.#end.is === 'open') this.#reader = 'a loop'
    this.#acknowledge()
    const entry = this.#entries.shift()
    if (entry !== undefined) {
      this.#unacknowledged.push(entry)
      return Promise.resolve(this.#resultOf(entry))
    }
    if (this.#end.is !== 'open') return this.#last
    return markHandled(new Promise((resolve) => this.#waitingCalls.push(resolve)))
  }

  return(): Promise<Result> {
    return markHandled(this.unsubscribe().then(() => ({ done: true, value: undefined })))
  }

  throw(error?: unknown): Promise<Result> {
    return markHandled(this.unsubscribe().then(() => rejection(error)))
  }

  /** Ends the loop: acknowledges every message of the stream, also the messages that the loop has not read. */
  unsubscribe(): Promise<void> {
    this.#reader = 'none'
    this.#acknowledge()
    this.finish()
    for (const { acknowledge } of this.#entries) acknowledge()
    this.#entries.clear()
    return markHandled(this.#unsubscribe())
  }

  async #unsubscribe(): Promise<void> {
    try {
      await this.#subscription?.unsubscribe()
    } catch (error) {
      // If the client ends at the same time, the subscription has ended too.
      if (!(error instanceof ClosedError)) throw error
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The program has called `end()`: skips the messages that the loop has not read; the loop ends after its present message. */
  drain(): void {
    this.finish()
    for (const { skip } of this.#entries) skip()
    this.#entries.clear()
  }

  /** No more messages will come: the loop can still read the messages that are here, then it ends. */
  finish(): void {
    this.#close({ is: 'finished' })
  }

  /** The client has ended with an error: the loop reads the messages that are here, then it throws the error. */
  fail(error: unknown): void {
    this.#close({ is: 'failed', error })
  }

  #close(end: End): void {
    if (this.#end.is !== 'open') return
    this.#end = end
    this.#onEnd?.()
    for (const settle of this.#waitingCalls) settle(this.#last)
    this.#waitingCalls.clear()
  }

  /** What `next` gives when the stream has ended and is read. */
  get #last(): Promise<Result> {
    return this.#end.is === 'failed' ? rejection(this.#end.error) : Promise.resolve({ done: true, value: undefined })
  }

  /**
   * Marks the context that reads `value`: that is the body of the loop. `next()` cannot do so, because the first call of it runs in the
   * context of the function that starts the loop, and `end()` called there has to wait for the loop.
   */
  #resultOf(entry: Entry): Result {
    const take = () => {
      if (this.#unacknowledged.includes(entry)) this.#leaveContext ??= enterLoopOf(this.#client)
      return entry.message
    }
    return {
      done: false,
      get value() {
        return take()
      },
    }
  }

  /** Acknowledges the messages that calls of `next` have returned: the loop has no message in hand any more. */
  #acknowledge(): void {
    this.#leaveContext?.()
    this.#leaveContext = undefined
    const wasFull = this.isFull
    for (const { acknowledge } of this.#unacknowledged.splice(0)) acknowledge()
    // Mostly the engine sees the room, because the arrival is handled. But other handlers of the same message may still run.
    if (wasFull) this.#onRoom()
  }
}
