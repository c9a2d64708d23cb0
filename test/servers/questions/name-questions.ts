import type { ServerProcess } from '../process/server-process.js'
import { fresh, RawPeer, settled } from './raw-peer.js'

/** The names under which a message arrives that is published as `<prefix>/<name>`, with the prefix cut off. */
function published(name: string) {
  return async (server: ServerProcess): Promise<string> => {
    const prefix = fresh('name')
    const [subscriber, publisher] = [await RawPeer.connected(server), await RawPeer.connected(server)]
    await subscriber.subscribe('#', 0)
    const payload = fresh('named')
    const answer = await publisher.publish(`${prefix}/${name}`, payload)
    if (answer === 'closed') return 'closed'
    await settled(server, subscriber)
    const arrived = subscriber.messages(payload).map(({ topic }) => topic)
    const names = arrived.filter((topic) => !topic.startsWith('$')).map((topic) => topic.replace(`${prefix}/`, ''))
    if (names.length === 0) return 'acknowledged, not delivered'
    if (names.length === 1 && names[0] === name) return 'unchanged'
    return names
      .sort()
      .map((each) => `becomes "${each}"`)
      .join(' and ')
  }
}

/** Whether a level that is one character, and no wildcard of MQTT, matches another level too. */
function matched(level: string) {
  return async (server: ServerProcess): Promise<string> => {
    const prefix = fresh('level')
    const [subscriber, publisher] = [await RawPeer.connected(server), await RawPeer.connected(server)]
    const codes = await subscriber.subscribe(`${prefix}/${level}`)
    if (codes === 'closed' || (codes[0] ?? 128) > 2) return 'refused'
    for (const name of ['b', 'b/c', level]) await publisher.publish(`${prefix}/${name}`, `on a/${name}`)
    await settled(server, subscriber)
    const foreign = ['a/b', 'a/b/c'].filter((name) => subscriber.messages(`on ${name}`).length > 0)
    const itself = subscriber.messages(`on a/${level}`).length > 0 ? 'itself' : 'not itself'
    return `matches ${[itself, ...foreign].join(' and ')}`
  }
}

export const nameQuestions = {
  /**
   * What a client that has subscribed to `#` gets although no client has published it. Its name is cut off at the second slash, or at the
   * first one if the name begins with `$`. The server's own names for what clients have published are the next question.
   */
  'what # brings that nobody published': async (server: ServerProcess) => {
    const subscriber = await RawPeer.connected(server)
    await subscriber.subscribe('#', 0)
    const other = await RawPeer.connected(server)
    await other.subscribe(fresh('hash/'))
    await settled(server, subscriber)
    const names = subscriber.received.flatMap((packet) => (packet.type === 'publish' ? [packet.topic] : []))
    const foreign = names.filter((name) => !name.includes('ok/settled'))
    const prefixes = new Set(
      foreign.map((name) =>
        name
          .split('/')
          .slice(0, name.startsWith('$') ? 1 : 2)
          .join('/'),
      ),
    )
    return prefixes.size === 0 ? 'nothing' : `messages on ${[...prefixes].sort().join('/... and ')}/...`
  },

  /** Some servers have names of their own for a message, which `#` matches too. */
  'QoS 1 message on a/b for # at QoS 0': async (server: ServerProcess) => {
    const topic = fresh('hash/')
    const [subscriber, publisher] = [await RawPeer.connected(server), await RawPeer.connected(server)]
    await subscriber.subscribe('#', 0)
    await publisher.publish(topic, topic)
    await settled(server, subscriber)
    const names = subscriber.messages(topic).map((message) => message.topic.replace(topic, 'a/b'))
    return names.length === 1 ? 'once' : names.join(' and ')
  },

  'Topic Name with a dot, "a.b"': published('a.b'),
  'Topic Name with a star, "a*b"': published('a*b'),
  'Topic Name with a blank, "a b"': published('a b'),
  'Topic Name with a blank at its end, "a "': published('a '),
  'Topic Name with a comma, "a,b"': published('a,b'),
  'Topic Name with a question mark, "a?b"': published('a?b'),

  'Topic Filter "a/*"': matched('*'),
  'Topic Filter "a/>"': matched('>'),

  'Topic Filter with a dot': async (server: ServerProcess) => {
    const codes = await (await RawPeer.connected(server)).subscribe(`${fresh('filter')}/a.b`)
    return codes === 'closed' ? codes : (codes[0] ?? 128) > 2 ? `refused, 0x${codes[0]?.toString(16)}` : 'granted'
  },
} as const
