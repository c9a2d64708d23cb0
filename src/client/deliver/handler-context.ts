/**
 * The asynchronous context of a handler: the context of the call that added the handler, with a mark of the client.
 *
 * Without this file a handler would run in the context of the call that happened to set a timer or to write. A program that uses
 * AsyncLocalStorage would then find the data of one request in the handler of another. The mark shows `end()` that a handler or a
 * loop of the same client calls it, also after an `await`: `end()` must not wait for that handler or loop. The context is made once
 * for each handler. To enter it for each message costs 30 ns, a tenth of a message, so `inContextOf` enters it once for a whole read.
 *
 * Up to Node 22, a process with an AsyncLocalStorage in use pays some 100 ns for each promise that it makes (a publish at QoS 1 cost
 * 1.3 us of CPU time in place of 1.1). So the mark is in use only while a handler or the body of a loop runs.
 */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import type { MessageHandler } from '../surface/client-surface.js'
import { atNextTurn } from '../waiting/promises.js'

/** The client whose handler or loop is running. */
const surroundingClient = new AsyncLocalStorage<object | undefined>()

/** In newer releases of Node a mark costs nothing while nobody asks for it, and `disable` concerns one context only. */
const disablesEverywhere = probe()

/** How many messages have handlers that run, in the whole process. */
let running = 0
let marks: 'in use' | 'going out of use' | 'out of use' = 'out of use'

function probe(): boolean {
  const storage = new AsyncLocalStorage<true>()
  const context = storage.run(true, () => new AsyncResource('mqtt311.probe'))
  storage.disable()
  return context.runInAsyncScope(() => storage.getStore()) === undefined
}

/** The handlers of a message start. `handlersEnded` has to follow. */
export function handlersStart(): void {
  running += 1
  if (marks !== 'out of use' || !disablesEverywhere) return
  // To enter any context puts the storage into use. To leave it restores the present context.
  surroundingClient.run(surroundingClient, () => {})
  marks = 'in use'
}

/** The handlers of a message have ended. */
export function handlersEnded(): void {
  running -= 1
  if (running === 0 && marks === 'in use') goOutOfUse()
}

/** The turn of the event loop comes to its end first: what a loop or a new handler awaits in it is marked too. */
function goOutOfUse(): void {
  if (marks === 'going out of use' || !disablesEverywhere) return
  marks = 'going out of use'
  atNextTurn(() => {
    if (running > 0) {
      marks = 'in use'
      return
    }
    marks = 'out of use'
    surroundingClient.disable()
  })
}

/** True in a handler or a loop of the client, and in a function that one of them awaits. */
export function isWithinHandlerOf(client: object): boolean {
  return surroundingClient.getStore() === client
}

/** The contexts of the handlers by their wrappers. */
const contexts = new WeakMap<MessageHandler, AsyncResource>()

/** The context that `inContextOf` has entered. Undefined while a handler runs: what a handler calls may be in another context. */
let entered: AsyncResource | undefined

/** A wrapper of the handler. The handler runs in the context of this call of `inContextOfNow`, wherever the wrapper is called. */
export function inContextOfNow(client: object, handler: MessageHandler): MessageHandler {
  const context = surroundingClient.run(client, () => new AsyncResource('mqtt311.handler'))
  goOutOfUse()
  const wrapper: MessageHandler = (message) => {
    const around = entered
    entered = undefined
    try {
      return around === context ? handler(message) : context.runInAsyncScope(handler, undefined, message)
    } finally {
      entered = around
    }
  }
  contexts.set(wrapper, context)
  return wrapper
}

/**
 * Runs `action` in the context of a handler, so that this context is not entered for each message. In newer releases of Node it is
 * entered for each message: there, what a handler sets with `enterWith` ends with the handler.
 */
export function inContextOf(wrapper: MessageHandler, action: () => void): void {
  const context = disablesEverywhere ? contexts.get(wrapper) : undefined
  if (context === undefined || entered !== undefined) return action()
  entered = context
  try {
    context.runInAsyncScope(action)
  } finally {
    entered = undefined
  }
}

/** Marks the context of the caller, a loop that takes a message in hand. Returns a function that removes the mark. */
export function enterLoopOf(client: object): () => void {
  const before = surroundingClient.getStore()
  surroundingClient.enterWith(client)
  goOutOfUse()
  return () => {
    if (surroundingClient.getStore() === client) surroundingClient.enterWith(before)
  }
}
