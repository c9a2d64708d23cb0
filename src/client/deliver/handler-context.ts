/**
 * The asynchronous context in which a handler runs: that of the call that gave it, and the mark of its client.
 *
 * Without it a handler would run in the context of whatever call happened to set a timer or to write, so that a program which uses
 * AsyncLocalStorage found the data of one request in the handler of another. The mark tells `end()` that a handler or a loop of
 * the same client has called it, also after an await: `end()` must not wait for that one. The context is made once for each
 * handler, and entering it costs some 10 ns a message.
 */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import type { MessageHandler } from '../surface/client-surface.js'

/** The client in one of whose handlers or loops the program is. */
const surroundingClient = new AsyncLocalStorage<object | undefined>()

/** True if this is called by a handler or a loop of the client, or by what either of them awaits. */
export function isWithinHandlerOf(client: object): boolean {
  return surroundingClient.getStore() === client
}

/** The same handler, which runs in the context of this call whoever calls it. */
export function inContextOfNow(client: object, handler: MessageHandler): MessageHandler {
  const context = surroundingClient.run(client, () => new AsyncResource('mqtt311.handler'))
  return (message) => context.runInAsyncScope(handler, undefined, message)
}

/** From here on the program is in a loop of the client: `next()` is called by the loop itself. Returns what ends that. */
export function enterLoopOf(client: object): () => void {
  const before = surroundingClient.getStore()
  surroundingClient.enterWith(client)
  return () => {
    if (surroundingClient.getStore() === client) surroundingClient.enterWith(before)
  }
}
