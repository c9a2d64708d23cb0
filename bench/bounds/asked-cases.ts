/** What a program asks. */
import type { Subscription } from 'mqtt311'
import { both, type Case, inTurns, nothing, oursAlone, Settling, type Work } from './case.js'
import { ourClient } from './clients.js'

const MB = 1_000_000
const long = 3_600_000
const patient = {
  ...{ operationTimeoutMs: long, ackTimeoutMs: long, maxInFlight: 65_535 },
  ...{ queue: { maxMessages: 1_000_000 }, reconnect: { minDelayMs: 1, maxDelayMs: 1 } },
}
/** Until the first of many time-outs runs out: all has to be prepared by then, which takes a busy machine longer. */
const patienceMs = { forTimeouts: 300 }
const many = { full: [1_000, 10_000, 65_000], quick: [1_000, 10_000] } as const

const filters = (count: number) => Array.from({ length: count }, (_, index) => `a/${index}`)

/** N SUBSCRIBEs wait for their answers when the work begins. */
function answered(command: 'refuse' | 'backwards'): Case['prepare'] {
  return both(async (open, size): Promise<Work> => {
    const client = await open('collects', nothing, patient)
    const settling = new Settling(size)
    await inTurns(size, (index) => settling.add(client.subscribe(`a/${index}`)))
    const run = () => Promise.all([client.command(command), settling.all])
    return { entries: size, run, end: () => client.destroy() }
  })
}

export const askedCases: Readonly<Record<string, Case>> = {
  refused: {
    title: 'Many subscribes refused at once',
    how: 'N calls of one filter, whose SUBACKs come in one piece, all with Return Code 0x80.',
    sizes: many,
    memory: 'peak',
    boundBytes: 100 * MB,
    prepare: answered('refuse'),
  },
  'subscribed-backwards': {
    title: 'Many subscribes answered backwards',
    how: 'N calls of one filter, whose SUBACKs come in one piece, the last first.',
    sizes: many,
    memory: 'peak',
    boundBytes: 100 * MB,
    prepare: answered('backwards'),
  },
  'timed-out': {
    title: 'Many subscribes that time out together',
    how: 'N calls of one filter in one turn of the event loop, which nobody answers.',
    sizes: many,
    memory: 'peak',
    boundBytes: 100 * MB,
    prepare: oursAlone(async (open, size) => {
      const operationTimeoutMs = patienceMs.forTimeouts + size / 20
      const client = await open('unsubscribed', nothing, { ...patient, operationTimeoutMs })
      const settling = new Settling(size)
      for (let index = 0; index < size; index += 1) settling.add(client.subscribe(`a/${index}`))
      await client.client.ping().catch(nothing)
      const run = async () => {
        if (settling.rejected > 0) {
          patienceMs.forTimeouts *= 2
          return 'again'
        }
        return settling.all
      }
      return { entries: size, run, end: () => client.destroy() }
    }),
  },
  aborted: {
    title: 'Many subscribes aborted by one signal',
    how: 'N calls of one filter, which nobody answers.',
    sizes: many,
    memory: 'peak',
    boundBytes: 100 * MB,
    prepare: oursAlone(async (open, size) => {
      const client = await open('unsubscribed', nothing, patient)
      const [settling, controller] = [new Settling(size), new AbortController()]
      const { signal } = controller
      await inTurns(size, (index) => settling.add(client.client.subscribe(`a/${index}`, { signal }, nothing)))
      const run = () => {
        controller.abort()
        return settling.all
      }
      return { entries: size, run, end: () => client.destroy() }
    }),
  },
  'aborted-before-connack': {
    title: 'Many subscribes aborted before CONNACK',
    how: 'N calls of one filter, which wait for the connection, and one signal.',
    sizes: many,
    memory: 'peak',
    boundBytes: 100 * MB,
    prepare: {
      ours: async (port, size) => {
        const client = await ourClient(port, 'unconnected', nothing, patient)
        client.connect().catch(nothing)
        const [settling, controller] = [new Settling(size), new AbortController()]
        const { signal } = controller
        await inTurns(size, (index) => settling.add(client.subscribe(`a/${index}`, { signal }, nothing)))
        const run = () => {
          controller.abort()
          return settling.all
        }
        return { entries: size, run, end: () => client.destroy() }
      },
    },
  },
  'given-up': {
    title: 'Publishing beside SUBSCRIBEs that were given up',
    how: 'N calls of one filter, which nobody answers, are aborted; then 2,000 messages at QoS 1, one after the other. The time is that of a message.',
    sizes: { full: [600, 6_000, 60_000], quick: [900, 9_000] },
    memory: 'peak',
    boundBytes: 32 * MB,
    prepare: oursAlone(async (open, size) => {
      const messages = 2_000
      const client = await open('unsubscribed', nothing, patient)
      for (let left = size; left > 0; left -= 1_000) {
        const [settling, controller] = [new Settling(Math.min(left, 1_000)), new AbortController()]
        const { signal } = controller
        for (let index = Math.min(left, 1_000); index > 0; index -= 1)
          settling.add(client.client.subscribe(`a/${left}/${index}`, { signal }, nothing))
        await client.client.ping().catch(nothing)
        controller.abort()
        await settling.all
      }
      const run = async () => {
        for (let index = 0; index < messages; index += 1) await client.publish('a', 1)
      }
      return { entries: messages, run, end: () => client.destroy() }
    }),
  },
  'one-subscribe': {
    title: 'One subscribe of many filters',
    how: 'One call with N filters.',
    // Up to 1,000 a call is one part, and costs what the compiler of V8 happens to do meanwhile.
    sizes: { full: [1_000, 10_000, 100_000], quick: [2_000, 20_000] },
    memory: 'peak',
    boundBytes: 100 * MB,
    prepare: both(async (open, size) => {
      const [client, names] = [await open('answers', nothing, patient), filters(size)]
      return { entries: size, run: () => client.subscribe(names), end: () => client.destroy() }
    }),
  },
  'one-unsubscribe': {
    title: 'One unsubscribe of many filters',
    how: 'One call with N filters, which were subscribed in one call.',
    sizes: { full: [1_000, 10_000, 100_000], quick: [1_000, 10_000] },
    memory: 'peak',
    boundBytes: 100 * MB,
    prepare: both(async (open, size) => {
      const [client, names] = [await open('answers', nothing, patient), filters(size)]
      await client.subscribe(names)
      return { entries: size, run: () => client.unsubscribe(names), end: () => client.destroy() }
    }),
  },
  'one-filter': {
    title: 'Many handlers of one filter',
    how: 'N calls of the same filter, 500 in a turn of the event loop; then each is unsubscribed.',
    sizes: many,
    memory: 'peak',
    boundBytes: 100 * MB,
    prepare: oursAlone(async (open, size) => {
      const client = await open('answers', nothing, patient)
      const run = async () => {
        const calls: Promise<Subscription>[] = await inTurns(size, () => client.client.subscribe('a', () => {}))
        const settling = new Settling(size)
        const subscriptions = await Promise.all(calls)
        await inTurns(size, (index) => settling.add(subscriptions[index]?.unsubscribe() ?? Promise.resolve()))
        await settling.all
      }
      return { entries: size, run, end: () => client.destroy() }
    }),
  },
  'acknowledged-backwards': {
    title: 'Messages acknowledged backwards',
    how: 'N messages in flight at QoS 1, whose PUBACKs come in one piece, the last first.',
    sizes: many,
    memory: 'peak',
    boundBytes: 100 * MB,
    prepare: both(async (open, size) => {
      const client = await open('collects', nothing, patient)
      const settling = new Settling(size)
      await inTurns(size, () => settling.add(client.publish('a', 1)))
      const run = () => Promise.all([client.command('backwards'), settling.all])
      return { entries: size, run, end: () => client.destroy() }
    }),
  },
  'long-topics': {
    title: 'Long Topic Names that are remembered',
    how: 'N messages at QoS 0, each with a Topic Name of its own of 65,000 bytes.',
    sizes: { full: [100, 1_000, 10_000], quick: [100, 1_000] },
    memory: 'kept',
    boundBytes: 8 * MB,
    prepare: both(async (open, size) => {
      const client = await open('answers')
      const rest = 'x'.repeat(64_990)
      const run = async () => {
        for (let index = 0; index < size; index += 1) await client.publish(`a/${index}/${rest}`, 0)
      }
      return { entries: size, run, end: () => client.destroy() }
    }),
  },
  explained: {
    title: 'A SUBACK that is explained',
    how: 'A SUBACK with N Return Codes, explained and printed; the time is that of a Return Code.',
    sizes: { full: [10_000, 100_000, 1_000_000], quick: [1_000, 10_000] },
    memory: 'peak',
    boundBytes: 100 * MB,
    prepare: {
      ours: async (_port, size) => {
        const { encodePacket }: typeof import('mqtt311/codec') = await import(
          new URL('../../dist/codec.js', import.meta.url).href
        )
        const { explain, render }: typeof import('mqtt311/explain') = await import(
          new URL('../../dist/explain.js', import.meta.url).href
        )
        const bytes = encodePacket({ type: 'suback', packetId: 1, returnCodes: new Uint8Array(size) })
        return { entries: size, run: async () => render(explain(bytes)), end: nothing }
      },
    },
  },
}
