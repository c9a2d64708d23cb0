import type { QoS } from 'mqtt311/codec'
import type { ServerProcess } from '../process/server-process.js'
import { fresh, type Packet, RawPeer, settled } from './raw-peer.js'

/** A client that has these filters, and one that publishes. */
async function pair(
  server: ServerProcess,
  filters: Readonly<Record<string, QoS>>,
): Promise<readonly [RawPeer, RawPeer]> {
  const [subscriber, publisher] = [await RawPeer.connected(server), await RawPeer.connected(server)]
  for (const [filter, qos] of Object.entries(filters)) await subscriber.subscribe(filter, qos)
  return [subscriber, publisher]
}

function answerName(answer: Packet | 'closed' | 'sent'): string {
  return typeof answer === 'string' ? answer : answer.type.toUpperCase()
}

/** What comes of a PUBLISH to a name that begins with `$`. */
function publishTo(prefix: string) {
  return async (server: ServerProcess): Promise<string> => {
    const topic = `${prefix}/${fresh('dollar')}`
    const [subscriber, publisher] = await pair(server, { [topic]: 1 })
    const answer = answerName(await publisher.publish(topic, 'dollar'))
    if (answer === 'closed') return 'closed'
    await settled(server, subscriber)
    return subscriber.messages('dollar').length > 0 ? 'delivered' : 'acknowledged, not delivered'
  }
}

/** The Packet Identifiers of what a client has received, in order. */
function identifiersOf(client: RawPeer, type: 'publish' | 'pubrel'): number[] {
  return client.received.flatMap((packet) => {
    if (packet.type === 'pubrel') return type === 'pubrel' ? [packet.packetId] : []
    return packet.type === 'publish' && type === 'publish' && packet.qos === 2 ? [packet.packetId] : []
  })
}

export const deliveryQuestions = {
  'SUBSCRIBE at QoS 2': async (server: ServerProcess) => {
    const codes = await (await RawPeer.connected(server)).subscribe(fresh('granted/'), 2)
    return codes === 'closed' ? codes : `QoS ${codes[0]} granted`
  },

  'PUBLISH at QoS 2': async (server: ServerProcess) => {
    const topic = fresh('twice/')
    const [subscriber, publisher] = await pair(server, { [topic]: 2 })
    const answer = await publisher.publish(topic, 'two', 2)
    if (answer === 'closed') return 'closed, no answer'
    if (answer !== 'sent' && answer.type === 'pubrec') {
      await settled(server, subscriber)
      const early = subscriber.messages('two').length > 0
      publisher.send({ type: 'pubrel', packetId: answer.packetId })
      const message = await subscriber.message('two')
      const at = message === 'closed' ? 'never' : `at QoS ${message.qos}`
      return `PUBREC, delivered ${at} ${early ? 'before' : 'after'} PUBREL`
    }
    const message = await subscriber.message('two')
    return `${answerName(answer)}, delivered at QoS ${message === 'closed' ? '?' : message.qos}`
  },

  /** The publisher loses its connection after the first answer, PUBREC as a rule, and sends PUBLISH again, with DUP 1. */
  'PUBLISH at QoS 2, sent again on the next connection': async (server: ServerProcess) => {
    const [topic, clientId] = [fresh('twice/'), fresh('publisher')]
    const [subscriber] = await pair(server, { [topic]: 2 })
    const message = { type: 'publish', topic, payload: Buffer.from('two'), retain: false, qos: 2, packetId: 1 } as const
    for (const dup of [false, true]) {
      const publisher = await RawPeer.connected(server, { clientId, cleanSession: false })
      publisher.send({ ...message, dup })
      const answer = await publisher.until(({ type }) => type === 'pubrec' || type === 'puback')
      if (answer === 'closed') return 'closed'
      if (dup && answer.type === 'pubrec') {
        publisher.send({ type: 'pubrel', packetId: 1 })
        await publisher.until(({ type }) => type === 'pubcomp')
      }
      await publisher.cut()
    }
    await settled(server, subscriber)
    const copies = subscriber.messages('two').length
    return copies === 1 ? 'delivered once' : `delivered ${copies} times`
  },

  /** Five, of which those that wait are answered in one write, in their order; then the connection is cut, and the Session resumed. */
  'QoS 2 messages to a persistent Session': async (server: ServerProcess) => {
    const [topic, clientId] = [fresh('five/'), fresh('five')]
    const client = await RawPeer.connected(server, { clientId, cleanSession: false, acknowledge: false })
    const codes = await client.subscribe(topic, 2)
    if (codes === 'closed' || codes[0] !== 2) return 'none, QoS 2 is not granted'
    const publisher = await RawPeer.connected(server)
    const numbers = ['one', 'two', 'three', 'four', 'five']
    for (const number of numbers) {
      const packetId = publisher.write(topic, number, 2)
      if (packetId === undefined) continue
      await publisher.until((packet) => packet.type === 'pubrec' && packet.packetId === packetId)
      publisher.send({ type: 'pubrel', packetId })
    }
    const taken: number[] = []
    const released: number[] = []
    while (taken.length < numbers.length) {
      await settled(server, client)
      const waiting = identifiersOf(client, 'publish').slice(taken.length)
      taken.push(...waiting)
      client.send(...waiting.map((packetId) => ({ type: 'pubrec', packetId }) as const))
      await settled(server, client)
      const ending = identifiersOf(client, 'pubrel').slice(released.length)
      released.push(...ending)
      client.send(...ending.map((packetId) => ({ type: 'pubcomp', packetId }) as const))
    }
    await settled(server, client)
    await client.cut()
    const resumed = await RawPeer.connected(server, { clientId, cleanSession: false })
    await settled(server, resumed)
    const right = taken.join() === released.join()
    const again = numbers.some((number) => resumed.messages(number).length > 0)
    return `${right ? 'each released once' : 'PUBREL with wrong Packet Identifiers'}, ${again ? 'some again' : 'none again'}`
  },

  /** `a/#` at QoS 0 and `a/b` at QoS 1 match one PUBLISH at QoS 1. */
  'two filters match': async (server: ServerProcess) => {
    const prefix = fresh('overlap')
    const [subscriber, publisher] = await pair(server, { [`${prefix}/#`]: 0, [`${prefix}/b`]: 1 })
    await publisher.publish(`${prefix}/b`, 'both')
    await settled(server, subscriber)
    const levels = subscriber
      .messages('both')
      .map(({ qos }) => qos)
      .sort()
    return `${levels.length} ${levels.length === 1 ? 'copy' : 'copies'}, QoS ${levels.join(' and ')}`
  },

  'retained message, filter with a wildcard': async (server: ServerProcess) => {
    const prefix = fresh('kept')
    const [subscriber, publisher] = await pair(server, {})
    await publisher.publish(`${prefix}/a`, 'kept', 1, true)
    await subscriber.subscribe(`${prefix}/a`)
    await subscriber.message('kept')
    const later = await RawPeer.connected(server)
    await later.subscribe(`${prefix}/+`)
    await settled(server, later)
    await publisher.publish(`${prefix}/a`, '', 1, true)
    return later.messages('kept').some(({ retain }) => retain) ? 'delivered' : 'not delivered'
  },

  'retained message, after a restart': async (server: ServerProcess) => {
    const topic = fresh('restart/')
    await (await RawPeer.connected(server)).publish(topic, 'kept', 1, true)
    await server.restart()
    const [subscriber, publisher] = await pair(server, { [topic]: 1 })
    await settled(server, subscriber)
    await publisher.publish(topic, '', 1, true)
    return subscriber.messages('kept').length > 0 ? 'kept' : 'lost'
  },

  /** A subscription with a retained message, twenty times. */
  'first packet after SUBSCRIBE': async (server: ServerProcess) => {
    const topic = fresh('first/')
    const [, publisher] = await pair(server, {})
    await publisher.publish(topic, 'kept', 1, true)
    const firsts = new Set<string>()
    for (let round = 0; round < 20; round += 1) {
      const subscriber = await RawPeer.connected(server)
      await subscriber.subscribe(topic)
      await subscriber.message('kept')
      firsts.add(answerName(subscriber.received[1] ?? 'closed'))
      await subscriber.end()
    }
    await publisher.publish(topic, '', 1, true)
    return firsts.has('PUBLISH') ? 'PUBLISH at times, then SUBACK' : 'SUBACK'
  },

  /** 300 messages at QoS 1, to three topics of which one has a subscriber. */
  'order of PUBACKs': async (server: ServerProcess) => {
    const topic = fresh('order/')
    const [, publisher] = await pair(server, { [`${topic}/0`]: 1 })
    const identifiers: number[] = []
    for (let number = 0; number < 300; number += 1) {
      identifiers.push(publisher.write(`${topic}/${number % 3}`, 'x', 1) ?? 0)
    }
    const acknowledged = () => publisher.received.flatMap((each) => (each.type === 'puback' ? [each.packetId] : []))
    await publisher.until(() => acknowledged().length === identifiers.length)
    const order = acknowledged()
    return order.every((packetId, index) => packetId === identifiers[index]) ? 'that of PUBLISH' : 'any'
  },

  'PUBLISH to $x/a': publishTo('$x'),
  'PUBLISH to $SYS/a': publishTo('$SYS'),

  '# and $x/a': async (server: ServerProcess) => {
    const [subscriber, publisher] = await pair(server, { '#': 0 })
    const payload = fresh('hash')
    await publisher.publish(`$x/${fresh('dollar')}`, payload)
    await settled(server, subscriber)
    return subscriber.messages(payload).length > 0 ? 'match' : 'do not match'
  },

  'SUBSCRIBE to $share/g/t': async (server: ServerProcess) => {
    const topic = fresh('shared')
    const [subscriber, publisher] = await pair(server, {})
    const codes = await subscriber.subscribe(`$share/g/${topic}`)
    if (codes === 'closed') return 'closed'
    if ((codes[0] ?? 128) > 2) return 'refused'
    await publisher.publish(topic, 'shared')
    await publisher.publish(`$share/g/${topic}`, 'literal')
    await settled(server, subscriber)
    if (subscriber.messages('shared').length > 0) return 'shared'
    return subscriber.messages('literal').length > 0 ? 'granted, an ordinary name' : 'granted, nothing comes'
  },
} as const
