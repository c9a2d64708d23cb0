/** Topic Names and Topic Filters (section 4.7): their rules, and which names a filter matches. */
import { UsageError } from '../errors.js'
import { quote, textLength } from './field-checks.js'

const HASH = 0x23
const DOLLAR = 0x24
const PLUS = 0x2b
const SLASH = 0x2f

/** The rule that a Topic Name or Topic Filter breaks, and the index of the character that breaks it. */
export interface TopicFault {
  readonly statement: string
  readonly index: number
  readonly reason: string
}

/** The first fault in the characters of a Topic Name. */
export function topicNameFault(topic: string): TopicFault | undefined {
  // [MQTT-4.7.3-1] a Topic Name has at least one character
  if (topic.length === 0) return { statement: 'MQTT-4.7.3-1', index: 0, reason: 'is empty' }
  // Two native searches take 20 ns at any length; a loop takes 60 ns for 35 characters.
  if (!topic.includes('#') && !topic.includes('+')) return undefined
  // [MQTT-4.7.1-1] wildcards are for Topic Filters, never for Topic Names
  const index = topic.search(/[#+]/)
  return { statement: 'MQTT-4.7.1-1', index, reason: `has the wildcard ${quote(topic.charAt(index))}` }
}

/** The first fault in the characters of a Topic Filter. */
export function topicFilterFault(filter: string): TopicFault | undefined {
  // [MQTT-4.7.3-1] a Topic Filter has at least one character
  if (filter.length === 0) return { statement: 'MQTT-4.7.3-1', index: 0, reason: 'is empty' }
  const last = filter.length - 1
  for (let index = 0; index <= last; index += 1) {
    const unit = filter.charCodeAt(index)
    if (unit !== HASH && unit !== PLUS) continue
    const opensLevel = index === 0 || filter.charCodeAt(index - 1) === SLASH
    // [MQTT-4.7.1-2] "#" is the whole last level
    if (unit === HASH && !(opensLevel && index === last)) {
      return { statement: 'MQTT-4.7.1-2', index, reason: 'has "#" elsewhere than alone in the last level' }
    }
    // [MQTT-4.7.1-3] "+" is a whole level
    if (unit === PLUS && !(opensLevel && (index === last || filter.charCodeAt(index + 1) === SLASH))) {
      return { statement: 'MQTT-4.7.1-3', index, reason: 'has "+" beside other characters of a level' }
    }
  }
  return undefined
}

/** Checks a Topic Name and returns its number of bytes; `statement` requires a string. @throws UsageError */
export function topicNameLength(topic: string, field = 'Topic Name', statement = 'MQTT-3.3.2-1'): number {
  return checkedLength(topic, field, statement, topicNameFault)
}

/** Checks a Topic Filter and returns its number of bytes; `statement` requires a string. @throws UsageError */
export function topicFilterLength(filter: string, statement = 'MQTT-3.8.3-1'): number {
  return checkedLength(filter, 'Topic Filter', statement, topicFilterFault)
}

function checkedLength(
  text: string,
  field: string,
  statement: string,
  faultOf: (text: string) => TopicFault | undefined,
): number {
  // [MQTT-4.7.3-3] a name or filter has at most 65,535 bytes
  const bytes = textLength(text, field, statement, 'MQTT-4.7.3-3', quote)
  const fault = faultOf(text)
  if (fault !== undefined) {
    throw new UsageError(`${field} ${quote(text)} ${fault.reason}`, { statement: fault.statement })
  }
  return bytes
}

/**
 * Control characters and non-characters. The standard allows them but advises senders against them (section 1.5.3),
 * because a receiver may close the connection when it gets one.
 */
const discouraged = /\p{Cc}|\p{Noncharacter_Code_Point}/u

/**
 * Refuses a Topic Name that this library does not publish to. Section 4.7 forbids an empty name, wildcards, more than
 * 65,535 bytes of UTF-8, U+0000 and lone surrogates. Section 1.5.3 advises against control characters and
 * non-characters; this function refuses them, but the encoder and the decoder accept them.
 *
 * @throws UsageError
 */
export function validateTopicName(topic: string): void {
  topicNameLength(topic)
  refuseDiscouraged(topic, 'Topic Name')
}

/** Refuses the same in a Topic Filter, but allows a wildcard that is a whole level. @throws UsageError */
export function validateTopicFilter(filter: string): void {
  topicFilterLength(filter)
  refuseDiscouraged(filter, 'Topic Filter')
}

function refuseDiscouraged(text: string, field: string): void {
  const found = discouragedIn(text)
  if (found === undefined) return
  throw new UsageError(
    `${field} ${quote(text)} ${found}, over which a receiver may close the connection: leave it out`,
    { statement: '1.5.3' },
  )
}

function discouragedIn(text: string): string | undefined {
  // [1.5.3 discouraged characters] accepted when received, but never sent
  const found = discouraged.exec(text)
  if (found === null) return undefined
  /* v8 ignore next -- @preserve the match is a character, so it has a code point */
  const code = found[0].codePointAt(0) ?? 0
  return `holds U+${code.toString(16).toUpperCase().padStart(4, '0')}`
}

/** Why `validateTopicName` refuses a Topic Name that was received: the end of a sentence. Undefined if it does not. */
export function receivedTopicFault(topic: string): string | undefined {
  return topicNameFault(topic)?.reason ?? discouragedIn(topic)
}

/**
 * Whether a Topic Filter matches a Topic Name (section 4.7). Characters are compared one by one, without case folding and
 * without normalisation. Neither string is validated here: for an invalid filter the answer says nothing.
 *
 * @example
 * ```ts
 * import { topicMatches } from 'mqtt311/codec'
 *
 * console.log(topicMatches('a/#', 'a'), topicMatches('#', '$SYS/uptime')) // prints: true false
 * ```
 */
export function topicMatches(filter: string, topic: string): boolean {
  const firstOfFilter = filter.charCodeAt(0)
  // [MQTT-4.7.2-1] a wildcard in the first level does not match names that begin with "$"
  if (topic.charCodeAt(0) === DOLLAR && (firstOfFilter === HASH || firstOfFilter === PLUS)) return false
  let inFilter = 0
  let inTopic = 0
  // Each turn compares one level; both indexes start at the first character of the level.
  for (;;) {
    const unit = filter.charCodeAt(inFilter)
    if (unit === HASH && inFilter === filter.length - 1) return true
    if (unit === PLUS) {
      inFilter += 1
      while (inTopic < topic.length && topic.charCodeAt(inTopic) !== SLASH) inTopic += 1
    } else {
      while (inFilter < filter.length && filter.charCodeAt(inFilter) !== SLASH) {
        // [MQTT-4.7.3-4] [4.7.3 free topics] the characters are compared as they are
        if (filter.charCodeAt(inFilter) !== topic.charCodeAt(inTopic)) return false
        inFilter += 1
        inTopic += 1
      }
    }
    if (inTopic < topic.length && topic.charCodeAt(inTopic) !== SLASH) return false
    if (inFilter === filter.length) return inTopic === topic.length
    // The filter has more levels. If the name has none, the filter can match only by "/#", which includes the parent level.
    if (inTopic === topic.length) return inFilter === filter.length - 2 && filter.charCodeAt(inFilter + 1) === HASH
    if (filter.charCodeAt(inFilter) !== SLASH) return false
    inFilter += 1
    inTopic += 1
  }
}
