import type { ServerProcess } from '../process/server-process.js'
import { fresh, type PeerOptions, RawPeer, settled } from './raw-peer.js'

async function answerTo(server: ServerProcess, options: PeerOptions): Promise<string> {
  const connack = await (await RawPeer.open(server, options)).connack()
  if (connack === 'closed') return 'closed, no CONNACK'
  return connack.returnCode === 0 ? 'accepted' : `Return Code ${connack.returnCode}`
}

export const connectQuestions = {
  'empty Client Identifier, Clean Session 1': (server: ServerProcess) => answerTo(server, { clientId: '' }),

  'empty Client Identifier, Clean Session 0': (server: ServerProcess) =>
    answerTo(server, { clientId: '', cleanSession: false }),

  'wrong password': (server: ServerProcess) => answerTo(server, { login: { username: 'u1', password: 'wrong' } }),

  /** Another client takes the Client Identifier over: is the will of the first one published? */
  'will of a client that is taken over': async (server: ServerProcess) => {
    const [topic, clientId] = [fresh('will/'), fresh('same')]
    const watcher = await RawPeer.connected(server)
    await watcher.subscribe(topic)
    const first = await RawPeer.connected(server, { clientId, will: { topic } })
    await RawPeer.connected(server, { clientId })
    await first.untilClosed()
    await settled(server, watcher)
    return watcher.messages('gone').length > 0 ? 'sent' : 'not sent'
  },

  /** A client with Keep Alive 1 that sends nothing. */
  'silence beyond Keep Alive': async (server: ServerProcess) => {
    const client = await RawPeer.connected(server, { keepAlive: 1 })
    await client.untilClosed()
    return 'closed'
  },
} as const
