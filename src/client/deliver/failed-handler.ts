import { ConnectionLostError, UsageError } from '../../errors.js'
import type { HandlerErrorAction, Message } from '../surface/client-surface.js'
import { asError } from '../waiting/promises.js'

/** What has to happen after a handler of a message has failed. 'forgotten': nothing is left to do. */
export type Consequence =
  | { readonly is: 'handled' }
  | { readonly is: 'forgotten' }
  | { readonly is: 'connection ends' | 'client ends'; readonly error: Error }

/** `isClean`: the server does not keep the session. `isOwed`: the present connection has brought the message, and waits for an acknowledgement. */
export function consequenceOf(
  action: HandlerErrorAction,
  { qos }: Message,
  session: { readonly isClean: boolean; readonly isOwed: boolean },
  error: unknown,
): Consequence {
  if (action !== 'redeliver') return { is: 'client ends', error: asError(error) }
  // The server does not send a QoS 0 message again. `onHandlerError` has reported the failure, so the message counts as handled.
  if (qos === 0) return { is: 'handled' }
  if (session.isClean) {
    const text =
      "onHandlerError returned 'redeliver', which needs a session that the server resumes: set cleanSession to false"
    return { is: 'client ends', error: new UsageError(text, { cause: error }) }
  }
  // Either the connection of the message has ended: the server sends the message again on the next one, which must not be closed. Or the
  // server has used the identifier again, so nobody can ask for the old message.
  if (!session.isOwed) return { is: 'forgotten' }
  const text = 'a handler failed, and onHandlerError asked for the message to be sent again'
  return { is: 'connection ends', error: new ConnectionLostError(text, { reason: 'redelivery', cause: error }) }
}
