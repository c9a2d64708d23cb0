/**
 * The order in which PUBLISH packets are written, and what the engine may do to it. A message is first sent behind all that were
 * published before it, and sent again behind all that were first sent before it [MQTT-4.6.0-1]. Only suspects change that:
 *
 *   a parked message may be passed by all others
 *   as long as nothing is answered, messages of other topics may pass all messages of the topic of a parked one
 *
 * So the messages of one topic keep their order, but for the parked ones; and who is not parked any more is not passed any more.
 */
import type { Configuration } from '../configuration/configuration.js'
import { contentOf } from '../world/packet-name.js'
import { noneParked, type World } from '../world/world.js'

/** A message that had to be written before this one, and was not. */
export function passedBy(message: number, world: World, configuration: Configuration): number | undefined {
  const { outgoing, sendings, pubrecs, link } = world
  const rank = sendings.indexOf(message)
  const isEarlier = (other: number) =>
    rank < 0 ? other < message : sendings.includes(other) && sendings.indexOf(other) < rank
  const passed = outgoing.findIndex(
    ({ stage, qos, written }, other) =>
      stage === 'accepted' &&
      isEarlier(other) &&
      // After PUBREC a message is not published again.
      !pubrecs.includes(other) &&
      !(qos === 0 ? written : link?.published.includes(other)) &&
      !mayBePassed(other, message, world, configuration),
  )
  return passed < 0 ? undefined : passed
}

function mayBePassed(passed: number, by: number, { parked }: World, configuration: Configuration): boolean {
  if (parked.messages.includes(passed)) return true
  const topicOf = (message: number) => contentOf(message, configuration).topic
  const isPutOff = parked.messages.some((message) => topicOf(message) === topicOf(passed))
  return parked.since === 'no answer' && isPutOff && topicOf(by) !== topicOf(passed)
}

/** These messages are parked now. */
export function parkedNow(world: World, messages: readonly number[]): World {
  const { parked } = world
  if (messages.length === 0 && parked.messages.length === 0) return world
  if (messages.length === 0) return { ...world, parked: noneParked }
  const isOneMore = messages.some((message) => !parked.messages.includes(message))
  return { ...world, parked: { messages, since: isOneMore ? 'no answer' : parked.since } }
}
