/**
 * The asynchronous context of a handler: the context of the call that added the handler, with a mark of the client.
 *
 * Without this file a handler would run in the context of the call that happened to set a timer or to write. A program that uses
 * AsyncLocalStorage would then find the data of one request in the handler of another. The mark shows `end()` that a handler or a
 * loop of the same client calls it, also after an `await`: `end()` must not wait for that handler or loop. The context is made once
 * for each handler; to enter it costs about 10 ns a message.
 */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import type { MessageHandler } from '../surface/client-surface.js'

/** The client whose handler or loop is running. */
const surroundingClient = new AsyncLocalStorage<object | undefined>()

/** True in a handler or a loop of the client, and in a function that one of them awaits. */
export function isWithinHandlerOf(client: object): boolean {
  return surroundingClient.getStore() === client
}

/** A wrapper of the handler. The handler runs in the context of this call of `inContextOfNow`, wherever the wrapper is called. */
export function inContextOfNow(client: object, handler: MessageHandler): MessageHandler {
  const context = surroundingClient.run(client, () => new AsyncResource('mqtt311.handler'))
  return (message) => context.runInAsyncScope(handler, undefined, message)
}

/** Marks the context of the caller, a loop that calls `next()`. Returns a function that removes the mark. */
export function enterLoopOf(client: object): () => void {
  const before = surroundingClient.getStore()
  surroundingClient.enterWith(client)
  return () => {
    if (surroundingClient.getStore() === client) surroundingClient.enterWith(before)
  }
}
