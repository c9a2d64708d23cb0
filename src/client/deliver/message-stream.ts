/**
 * `messages()`: an async iterator over what a subscription brings.
 *
 * The loop acknowledges by going on: the message in hand is acknowledged when the next one is asked for, or when the loop is
 * left. Where the next one was asked for ahead, that is as soon as the message is handed out, as with any async generator. So at most `limit` messages wait here unacknowledged; those behind them stay in the client's backlog, which
 * stops reading the socket when it is full, and so the loop's pace reaches the server.
 */
import { ClosedError } from '../../errors.js'
import type { GrantedFilter, Message, Subscription } from '../surface/client-surface.js'
import { markHandled, rejection } from '../waiting/promises.js'
import { enterLoopOf } from './handler-context.js'

/** What the handler of a loop resolves with if the loop never got the message. */
export const notStarted = Symbol('not started')

interface Entry {
  readonly message: Message
  /** Ends the handler's promise, and so acknowledges the message. */
  readonly acknowledge: () => void
  /** Ends it as well, without that. */
  readonly giveBack: () => void
}

interface Waiting {
  readonly resolve: (result: IteratorResult<Message, undefined>) => void
  readonly reject: (reason: unknown) => void
}

type End = { readonly is: 'open' } | { readonly is: 'finished' } | { readonly is: 'failed'; readonly error: unknown }

export class MessageStream implements AsyncIterableIterator<Message, undefined>, Subscription {
  readonly #client: object
  readonly #limit: number
  readonly #roomMade: () => void
  readonly #entries: Entry[] = []
  readonly #waiting: Waiting[] = []
  /** What `next` has given out and no later `next` has acknowledged. */
  readonly #inHand: Entry[] = []
  #end: End = { is: 'open' }
  /** Leaves the context of the loop. Absent before the loop has begun, and once it has ended. */
  #leaveContext: (() => void) | undefined
  #subscription: Subscription | undefined
  #released: (() => void) | undefined

  constructor(client: object, limit: number, roomMade: () => void) {
    this.#client = client
    this.#limit = limit
    this.#roomMade = roomMade
  }

  /** The handler that the router calls. Its promise settles when the loop has gone on. */
  readonly handle = (message: Message): Promise<unknown> =>
    new Promise<unknown>((resolve) => {
      if (this.#end.is !== 'open') return resolve(undefined)
      const entry = { message, acknowledge: () => resolve(undefined), giveBack: () => resolve(notStarted) }
      const waiting = this.#waiting.shift()
      if (waiting === undefined) this.#entries.push(entry)
      else this.#hand(entry, waiting)
    })

  /** True if a loop reads this stream. If the client ends with an error, the loop throws it. */
  get hasLoop(): boolean {
    return this.#leaveContext !== undefined && this.#end.is === 'open'
  }

  get isFull(): boolean {
    return this.#end.is === 'open' && this.#entries.length + this.#inHand.length >= this.#limit
  }

  /** `released` is called when the stream has ended, however that came about. */
  attach(subscription: Subscription, released: () => void): void {
    this.#subscription = subscription
    this.#released = released
  }

  get granted(): readonly GrantedFilter[] {
    return this.#subscription?.granted ?? []
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    if (this.#end.is === 'open') this.#leaveContext ??= enterLoopOf(this.#client)
    else this.#leaveLoop()
    this.#acknowledgeInHand()
    const entry = this.#entries.shift()
    if (entry !== undefined) {
      return new Promise((resolve, reject) => this.#hand(entry, { resolve, reject }))
    }
    if (this.#end.is === 'failed') return rejection(this.#end.error)
    if (this.#end.is === 'finished') return Promise.resolve({ done: true, value: undefined })
    return markHandled(new Promise((resolve, reject) => this.#waiting.push({ resolve, reject })))
  }

  return(): Promise<IteratorResult<Message, undefined>> {
    return markHandled(this.unsubscribe().then(() => ({ done: true, value: undefined })))
  }

  throw(error?: unknown): Promise<IteratorResult<Message, undefined>> {
    return markHandled(this.unsubscribe().then(() => rejection(error)))
  }

  #leaveLoop(): void {
    this.#leaveContext?.()
    this.#leaveContext = undefined
  }

  /** Leaves the loop: the message in hand is acknowledged, and so is what nobody will read any more. */
  unsubscribe(): Promise<void> {
    this.#leaveLoop()
    this.#acknowledgeInHand()
    this.finish()
    for (const { acknowledge } of this.#entries.splice(0)) acknowledge()
    return markHandled(this.#leave())
  }

  async #leave(): Promise<void> {
    try {
      await this.#subscription?.unsubscribe()
    } catch (error) {
      // A client that ends while the loop is being left has ended the subscription too.
      if (!(error instanceof ClosedError)) throw error
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The client ends: what waits here is given back, and the loop ends with the message in hand. */
  drain(): void {
    this.finish()
    for (const { giveBack } of this.#entries.splice(0)) giveBack()
  }

  /** The client has ended well: what has arrived can still be read, then the loop ends. */
  finish(): void {
    this.#close({ is: 'finished' })
  }

  /** The client has ended with an error: the loop throws it. */
  fail(error: unknown): void {
    this.#close({ is: 'failed', error })
  }

  #close(end: End): void {
    if (this.#end.is !== 'open') return
    this.#end = end
    this.#released?.()
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (end.is === 'failed') reject(end.error)
      else resolve({ done: true, value: undefined })
    }
  }

  #hand(entry: Entry, { resolve }: Waiting): void {
    // The `next` after this one may have been called already, ahead of its message: that acknowledges this one.
    if (this.#waiting.length > 0) entry.acknowledge()
    else this.#inHand.push(entry)
    resolve({ done: false, value: entry.message })
  }

  #acknowledgeInHand(): void {
    const wasFull = this.isFull
    for (let entry = this.#inHand.shift(); entry !== undefined; entry = this.#inHand.shift()) entry.acknowledge()
    // What is acknowledged makes room by itself, unless other handlers of the same message still run.
    if (wasFull) this.#roomMade()
  }
}
