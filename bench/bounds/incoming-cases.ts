/** What a server sends. */
import { both, type Case, nothing, OneSlowHandler, oursAlone, type Work } from './case.js'
import type { Client } from './clients.js'

const MB = 1_000_000

/** One message of each identifier has come, and its handler has run; only the first handler goes on. */
function afterMessages(
  command: (size: number) => string,
  work: (size: number) => string,
  options: { readonly receiveWindow?: number; readonly receiveBufferBytes?: number } = {},
): Case['prepare'] {
  return both(async (open, size): Promise<Work> => {
    const client = await open('answers', new OneSlowHandler().handle, options)
    await client.command(command(size))
    return workOf(client, size, work(size))
  })
}

function workOf(client: Client, entries: number, command: string): Work {
  return { entries, run: () => client.command(command), end: () => client.destroy() }
}

const unasked = (command: string) =>
  both(async (open, size) => workOf(await open('answers'), size, `${command}/${size}`))

export const incomingCases: Readonly<Record<string, Case>> = {
  'slow-handler': {
    title: 'Messages handled behind a slow handler',
    how: 'N messages of 1 MB at QoS 1; the first handler does not end, and the others are done. With receiveBufferBytes 65,536 and receiveWindow 4.',
    sizes: { full: [150, 500, 1_500], quick: [10, 120] },
    memory: 'peak',
    boundBytes: 80 * MB,
    prepare: oursAlone(async (open, size) => {
      const handler = new OneSlowHandler()
      const client = await open('answers', handler.handle, { receiveBufferBytes: 65_536, receiveWindow: 4 })
      const run = async () => {
        await client.command(`publish/1/${size}/1000000`)
        if (handler.called < size) throw new Error(`${handler.called} of ${size} messages were handled`)
      }
      return { entries: size, run, end: () => client.destroy() }
    }),
  },
  suback: {
    title: 'A SUBACK that nobody asked for',
    how: 'A body of N bytes; the time is that of a byte.',
    sizes: { full: [160_000, 1_600_000, 16_000_000], quick: [160_000, 16_000_000] },
    memory: 'peak',
    boundBytes: 64 * MB,
    prepare: unasked('suback'),
  },
  subscribe: {
    title: 'A SUBSCRIBE from the server',
    how: 'A body of N bytes, full of filters of one character; the time is that of a byte.',
    sizes: { full: [160_000, 1_600_000, 16_000_000], quick: [160_000, 16_000_000] },
    memory: 'peak',
    boundBytes: 64 * MB,
    prepare: unasked('subscribe'),
  },
  pubrel: {
    title: 'PUBREL for messages that are due',
    how: 'N messages at QoS 2; the handler of the first does not end. Then PUBREL for all the others.',
    sizes: { full: [1_000, 8_000, 64_000], quick: [1_000, 10_000] },
    memory: 'peak',
    boundBytes: 64 * MB,
    prepare: afterMessages(
      (size) => `publish/2/${size}/0`,
      (size) => `pubrel/${size}`,
    ),
  },
  'copies-of-due': {
    title: 'Copies of messages that are due',
    how: 'N messages at QoS 2; the handler of the first does not end. Then all of them again, with DUP 1.',
    sizes: { full: [1_000, 8_000, 64_000], quick: [1_000, 10_000] },
    memory: 'peak',
    boundBytes: 64 * MB,
    prepare: afterMessages(
      (size) => `publish/2/${size}/0`,
      (size) => `again/2/${size}/0`,
    ),
  },
  'copies-of-backlog': {
    title: 'Copies of messages in the backlog',
    how: 'N messages at QoS 1 behind a handler that does not end, with receiveWindow 1. Then all of them again, with DUP 1.',
    sizes: { full: [1_000, 8_000, 64_000], quick: [1_000, 10_000] },
    memory: 'peak',
    boundBytes: 64 * MB,
    prepare: afterMessages(
      (size) => `publish/1/${size}/0`,
      (size) => `again/1/${size}/0`,
      { receiveWindow: 1, receiveBufferBytes: 100 * MB },
    ),
  },
  'remembered-handlers': {
    title: 'Handlers of remembered Topic Names',
    how: 'N handlers of one filter, and 512 messages of different Topic Names; the time is that of a call of a handler.',
    sizes: { full: [200, 2_000, 20_000], quick: [400, 4_000] },
    memory: 'kept',
    boundBytes: 8 * MB,
    prepare: oursAlone(async (open, size) => {
      const topics = 512
      const client = await open('answers')
      const called = { times: 0 }
      for (let index = 0; index < size; index += 1) {
        client.client.handle('in/+', () => {
          called.times += 1
        })
      }
      const run = () =>
        new Promise<void>((resolve) => {
          client.client.handle('in/done', () => resolve())
          client.publish(`do/one-by-one/${topics}`, 0).catch(nothing)
        })
      return { entries: size * topics, run, end: () => client.destroy() }
    }),
  },
  levels: {
    title: 'Topic Names of many levels',
    how: '1,000 messages whose Topic Name has N levels, and a filter with a wildcard in each place; the time is that of a level.',
    sizes: { full: [24, 240, 2_400], quick: [24, 240] },
    memory: 'peak',
    boundBytes: 64 * MB,
    prepare: oursAlone(async (open, size) => {
      const messages = 1_000
      const client = await open('answers')
      const filter = (level: string) => Array(size).fill(level).join('/')
      for (const name of [filter('+'), filter('a'), `${filter('+')}/#`]) client.client.handle(name, nothing)
      return workOf(client, messages * size, `levels/${size}/${messages}`)
    }),
  },
}
