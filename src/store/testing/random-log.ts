import type { JournalRecord } from '../../protocol/journal/journal-record.js'
import { emptySession } from '../../protocol/journal/session-reducer.js'

/**
 * A log of `length` records that a real session could have written. The same seed gives the same log. The suite cannot use
 * a property-testing library, because this package has no dependencies.
 */
export function randomLog(seed: number, length: number): JournalRecord[] {
  const below = generator(seed)
  const log: JournalRecord[] = []
  const unbound: Message[] = []
  const bound: Message[] = []
  const received: Message[] = []
  const held: number[] = []
  let nextSequence = emptySession.nextSequence
  let nextPacketId = 65_500

  const steps: readonly (() => JournalRecord | undefined)[] = [
    () => {
      const message: Message = { sequence: nextSequence, qos: below(2) === 0 ? 1 : 2 }
      // A QoS 0 message takes a sequence number but has no record.
      nextSequence += 1 + below(2)
      unbound.push(message)
      const payload = Buffer.alloc(below(300), message.sequence)
      return { kind: 'queued', ...message, topic: `t/${below(9)}`, payload, retain: below(2) === 0 }
    },
    () => {
      const message = unbound.shift()
      if (message === undefined) return undefined
      bound.push(message)
      const record: JournalRecord = { kind: 'bound', sequence: message.sequence, packetId: nextPacketId }
      nextPacketId = nextPacketId === 65_535 ? 1 : nextPacketId + 1
      return record
    },
    () => {
      const message = takeAny(bound, below)
      if (message === undefined) return undefined
      if (message.qos === 1) return { kind: 'settled', sequence: message.sequence }
      received.push(message)
      return { kind: 'received', sequence: message.sequence }
    },
    () => {
      const message = takeAny(received, below)
      return message === undefined ? undefined : { kind: 'settled', sequence: message.sequence }
    },
    () => {
      const message = below(4) === 0 ? takeAny(unbound, below) : undefined
      return message === undefined ? undefined : { kind: 'withdrawn', sequence: message.sequence }
    },
    () => {
      const message = below(8) === 0 ? takeAny(bound, below) : undefined
      return message === undefined ? undefined : { kind: 'abandoned', sequence: message.sequence }
    },
    () => {
      const packetId = 1 + below(65_535)
      if (held.includes(packetId)) return undefined
      held.push(packetId)
      return { kind: 'held', packetId }
    },
    () => {
      const packetId = takeAny(held, below)
      return packetId === undefined ? undefined : { kind: 'released', packetId }
    },
    () => {
      if (below(20) !== 0) return undefined
      held.length = 0
      bound.push(...received.splice(0))
      return { kind: 'forgotten' }
    },
  ]
  while (log.length < length) {
    const record = steps[below(steps.length)]?.()
    if (record !== undefined) log.push(record)
  }
  return log
}

interface Message {
  readonly sequence: number
  readonly qos: 1 | 2
}

function takeAny<T>(from: T[], below: (bound: number) => number): T | undefined {
  return from.splice(below(from.length), 1)[0]
}

/** Makes whole numbers below a bound by a linear congruential generator: simple, and the same on every machine. */
function generator(seed: number): (bound: number) => number {
  let state = seed
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
}
