import { ConnectionLostError, UsageError } from '../../errors.js'
import type { HandlerErrorAction, Message } from '../surface/client-surface.js'
import { asError } from '../waiting/promises.js'

/** What has to happen because the handlers of a message have failed. */
export type Consequence =
  | { readonly is: 'handled' }
  | { readonly is: 'forgotten' }
  | { readonly is: 'connection ends' | 'client ends'; readonly error: Error }

/** `session`: whether the server keeps it, and whether the connection that brought the message may still be there. */
export function consequenceOf(
  action: HandlerErrorAction,
  { qos }: Message,
  session: { readonly isClean: boolean; readonly isConnected: boolean },
  error: unknown,
): Consequence {
  if (action !== 'redeliver') return { is: 'client ends', error: asError(error) }
  // At QoS 0 nobody would send it again: the failure is reported by `onHandlerError`, and the message is over.
  if (qos === 0) return { is: 'handled' }
  if (session.isClean) {
    const text =
      "onHandlerError answered 'redeliver', which needs a session that the server resumes: set cleanSession to false"
    return { is: 'client ends', error: new UsageError(text, { cause: error }) }
  }
  // Its connection has ended already: the next one brings the message, and must not pay for it.
  if (!session.isConnected) return { is: 'forgotten' }
  const text = 'a handler failed, and onHandlerError asked for the message to be sent again'
  return { is: 'connection ends', error: new ConnectionLostError(text, { reason: 'redelivery', cause: error }) }
}
