/** Warns the program, once for each kind, about messages that were not treated as it asked. */
import type { ClientCounters } from '../surface/counters.js'

/** There is no route for a message on this topic; the message was acknowledged. */
export function warnOfUnclaimed(counters: ClientCounters, topic: string): void {
  counters.unclaimed += 1
  if (counters.unclaimed > 1) return
  warn(
    `a message on ${JSON.stringify(topic)} matches no handler; give onMessage, or subscribe with a handler (said once)`,
  )
}

/** There is no room for a message on this topic. */
export function warnOfDropped(counters: ClientCounters, topic: string, fate: 'comes again' | 'is lost'): void {
  counters.dropped += 1
  if (counters.dropped > 1) return
  const what = fate === 'comes again' ? 'the server sends it again' : 'it is lost'
  warn(
    `a message on ${JSON.stringify(topic)} was not kept (${what}): receiveBufferMaxBytes were full, and no handler ended (said once)`,
  )
}

/** The server answered a message at QoS 2 as if it had QoS 1. */
export function warnOfMissingQos2(counters: ClientCounters): void {
  counters.settledAtQos1 += 1
  if (counters.settledAtQos1 > 1) return
  warn(
    'the server answered a message at QoS 2 with PUBACK: it seems to have no QoS 2, and the message counts as delivered at QoS 1; publish at QoS 1, or set profile.maxQos to 1 (said once)',
  )
}

function warn(text: string): void {
  process.emitWarning(text, 'Mqtt311Warning')
}
