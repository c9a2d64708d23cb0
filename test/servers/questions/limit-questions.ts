import { users } from '../kinds/server-kind.js'
import type { ServerProcess } from '../process/server-process.js'
import { fresh, RawPeer, settled } from './raw-peer.js'

/** A client that may use `ok/#` only. */
function restricted(server: ServerProcess): Promise<RawPeer> {
  return RawPeer.connected(server, { login: { username: 'u2', password: users.u2 } })
}

const levels = (count: number): string => Array(count).fill('l').join('/')

function codesText(codes: readonly number[] | 'closed'): string {
  if (codes === 'closed') return 'closed, no SUBACK'
  return codes.map((code) => (code > 2 ? `0x${code.toString(16).toUpperCase()}` : 'granted')).join(', ')
}

function filterOf(count: number) {
  return async (server: ServerProcess) => codesText(await (await RawPeer.connected(server)).subscribe(levels(count)))
}

function publishTo(count: number) {
  return async (server: ServerProcess): Promise<string> => {
    const answer = await (await RawPeer.connected(server)).publish(levels(count), 'deep')
    return answer === 'closed' ? 'closed' : 'acknowledged'
  }
}

export const limitQuestions = {
  'Topic Filter of 9 levels': filterOf(9),
  'Topic Filter of 101 levels': filterOf(101),
  'Topic Filter of 202 levels': filterOf(202),

  'PUBLISH to a topic of 101 levels': publishTo(101),
  'PUBLISH to a topic of 202 levels': publishTo(202),

  '100 QoS 1 filters in one Session': async (server: ServerProcess) => {
    const client = await RawPeer.connected(server)
    const prefix = fresh('many')
    let granted = 0
    for (let number = 0; number < 100; number += 1) {
      const codes = await client.subscribe(`${prefix}/${number}`)
      if (codes === 'closed') return `closed after ${granted}`
      if ((codes[0] ?? 128) <= 2) granted += 1
    }
    return granted === 100 ? 'all granted' : `${granted} granted`
  },

  'forbidden filter': async (server: ServerProcess) =>
    codesText(await (await restricted(server)).subscribe(fresh('no/'))),

  'forbidden filter beside an allowed one': async (server: ServerProcess) =>
    codesText(await (await restricted(server)).subscribe([fresh('no/'), fresh('ok/')])),

  'forbidden PUBLISH': async (server: ServerProcess) => {
    const topic = fresh('no/')
    const [subscriber, publisher] = [await RawPeer.connected(server), await restricted(server)]
    await subscriber.subscribe(topic)
    const answer = await publisher.publish(topic, 'forbidden')
    await settled(server, subscriber)
    const delivered = subscriber.messages('forbidden').length > 0 ? 'delivered' : 'not delivered'
    return answer === 'closed' ? 'closed' : `acknowledged, ${delivered}`
  },
} as const
