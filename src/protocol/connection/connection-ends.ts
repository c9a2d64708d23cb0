/** The errors with which the engine ends a connection, and what was unanswered when somebody else ended it. */
import { TimeoutError } from '../../errors.js'
import type { OutgoingMessage } from '../exchange/outgoing-message.js'
import type { SessionState } from '../session-state.js'

/** The answer that has been waited for longest did not come. A server without QoS 2 may be silent about a message at QoS 2. */
export function acknowledgementTimedOut<P, R>({ table, settings }: SessionState<P, R>): TimeoutError {
  const exchange = table.oldestSent()
  const timeoutMs = settings.ackTimeoutMs
  const missing =
    exchange === undefined
      ? 'an acknowledgement'
      : `${exchange.awaits.toUpperCase()} for the ${nameOf(exchange.message)}`
  const advice =
    exchange?.message.qos === 2
      ? ': perhaps this server does not have QoS 2; then publish at QoS 1, or set profile.maxQos to 1'
      : ''
  const text = `the server has not sent ${missing} within ${timeoutMs} ms (ackTimeoutMs)${advice}`
  return new TimeoutError(text, { operation: 'acknowledgement', timeoutMs })
}

/** What was sent and is unanswered: the oldest SUBSCRIBE and the oldest message. */
export function unansweredOf<P, R>({ table, requests }: SessionState<P, R>): readonly string[] {
  const filters = requests.oldestUnanswered
  const message = table.oldestSent()?.message
  const subscribe =
    filters.length === 0
      ? []
      : [
          `SUBSCRIBE of ${filters
            .slice(0, 3)
            .map((filter) => JSON.stringify(filter))
            .join(', ')}${filters.length > 3 ? ` and ${filters.length - 3} more` : ''}`,
        ]
  return message === undefined ? subscribe : [...subscribe, `a ${nameOf(message)}`]
}

function nameOf({ qos, topic }: OutgoingMessage<unknown>): string {
  return `message (QoS ${qos}, topic ${JSON.stringify(topic)})`
}
