/** The errors with which the engine ends a connection, and what was unanswered when somebody else ended it. */
import { TimeoutError } from '../../errors.js'
import { NOT_SENT } from '../exchange/exchange.js'
import type { OutgoingMessage } from '../exchange/outgoing-message.js'
import type { SessionState } from '../session-state.js'

/** The answer that has been waited for longest did not come. */
export function acknowledgementTimedOut<P, R>(session: SessionState<P, R>): TimeoutError {
  const exchange = session.table.oldestSent()
  const timeoutMs = session.settings.ackTimeoutMs
  const missing =
    exchange === undefined
      ? 'an acknowledgement'
      : `${exchange.awaits.toUpperCase()} for the ${nameOf(exchange.message)}`
  const hint = exchange?.awaits === 'pubrec' ? qos2Hint(session) : undefined
  const text = `the server has not sent ${missing} within ${timeoutMs} ms (ackTimeoutMs)${hint === undefined ? '' : `: ${hint}`}`
  return new TimeoutError(text, { operation: 'acknowledgement', timeoutMs })
}

/**
 * What a missing PUBREC may mean: servers without QoS 2 do not answer, or close the connection. Undefined if no PUBREC is missing, and if
 * the server has sent one before.
 */
export function qos2Hint<P, R>({ table, qos2 }: SessionState<P, R>): string | undefined {
  if (qos2 === 'answered' || table.publishesQos2 === 0) return undefined
  const isMissing = [...table.messages()].some(({ awaits, sentAt }) => awaits === 'pubrec' && sentAt !== NOT_SENT)
  if (!isMissing) return undefined
  const sign = qos2 === 'granted less' ? ' (it granted less in a SUBACK)' : ''
  return `perhaps this server does not have QoS 2${sign}; then publish at QoS 1, or set profile.maxQos to 1`
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

/** A message in the text of an error. */
export function nameOf({ qos, topic }: OutgoingMessage<unknown>): string {
  return `message (QoS ${qos}, topic ${JSON.stringify(topic)})`
}
