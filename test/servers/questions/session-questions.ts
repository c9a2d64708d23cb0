import type { ServerProcess } from '../process/server-process.js'
import { fresh, type Packet, RawPeer, settled } from './raw-peer.js'

type Connack = Exclude<Awaited<ReturnType<RawPeer['connack']>>, 'closed'>

function flag(connack: Connack | 'closed'): string {
  return connack === 'closed' ? 'closed' : `Session Present ${connack.sessionPresent ? 1 : 0}`
}

const isMessage = (packet: Packet) => packet.type === 'publish'

/** What comes back when a Session with one subscription is resumed. */
async function resumed(server: ServerProcess, qos: 0 | 1): Promise<string> {
  const [topic, clientId] = [fresh('resumed/'), fresh('sleeper')]
  const before = await RawPeer.connected(server, { clientId, cleanSession: false })
  await before.subscribe(topic, qos)
  await before.end()
  const publisher = await RawPeer.connected(server)
  await publisher.publish(topic, 'meanwhile')
  const after = await RawPeer.open(server, { clientId, cleanSession: false })
  const present = flag(await after.connack())
  await publisher.publish(topic, 'later')
  await settled(server, after)
  const [meanwhile, later] = [after.messages('meanwhile').length > 0, after.messages('later').length > 0]
  if (!later) return `${present}, subscription lost`
  return `${present}, ${qos === 0 ? 'subscription kept' : meanwhile ? 'messages kept' : 'messages lost'}`
}

export const sessionQuestions = {
  'Session with a QoS 1 subscription, resumed': (server: ServerProcess) => resumed(server, 1),
  'Session with a QoS 0 subscription, resumed': (server: ServerProcess) => resumed(server, 0),

  'Session with both, resumed': async (server: ServerProcess) => {
    const [zero, one, clientId] = [fresh('resumed/'), fresh('resumed/'), fresh('sleeper')]
    const before = await RawPeer.connected(server, { clientId, cleanSession: false })
    await before.subscribe(zero, 0)
    await before.subscribe(one, 1)
    await before.end()
    const after = await RawPeer.open(server, { clientId, cleanSession: false })
    const present = flag(await after.connack())
    const publisher = await RawPeer.connected(server)
    for (const topic of [zero, one]) await publisher.publish(topic, topic)
    await settled(server, after)
    const lost = [zero, one].flatMap((topic, qos) => (after.messages(topic).length > 0 ? [] : [`QoS ${qos}`]))
    return `${present}, ${lost.length === 0 ? 'both kept' : `${lost.join(' and ')} lost`}`
  },

  'Session without a subscription, resumed': async (server: ServerProcess) => {
    const options = { clientId: fresh('bare'), cleanSession: false }
    await (await RawPeer.connected(server, options)).end()
    return flag(await (await RawPeer.open(server, options)).connack())
  },

  /** Two messages arrive, the first is acknowledged, the connection is cut: how does the second one come back, and when? */
  'QoS 1 message sent again': async (server: ServerProcess) => {
    const [topic, clientId] = [fresh('again/'), fresh('again')]
    const before = await RawPeer.connected(server, { clientId, cleanSession: false, acknowledge: false })
    await before.subscribe(topic)
    const publisher = await RawPeer.connected(server)
    await publisher.publish(topic, 'one')
    const one = await before.message('one')
    if (one === 'closed' || one.qos === 0) return 'not at QoS 1'
    before.send({ type: 'puback', packetId: one.packetId })
    await publisher.publish(topic, 'two')
    const first = await before.message('two')
    await before.cut()
    const after = await RawPeer.connected(server, { clientId, cleanSession: false })
    await publisher.publish(topic, 'three')
    const [second, newer] = [await after.message('two'), await after.message('three')]
    if (first === 'closed' || second === 'closed' || newer === 'closed') return 'closed'
    if (first.qos === 0 || second.qos === 0) return 'not at QoS 1'
    const order = after.received.filter(isMessage).indexOf(second) < after.received.filter(isMessage).indexOf(newer)
    const identifier = first.packetId === second.packetId ? 'same Packet Identifier' : 'another Packet Identifier'
    return `DUP ${second.dup ? 1 : 0}, ${identifier}${order ? '' : ', after newer messages'}`
  },

  /** Of many messages at QoS 1 that a client does not acknowledge, so many arrive. */
  'QoS 1 messages under way to a client': async (server: ServerProcess) => {
    const topic = fresh('window/')
    const slow = await RawPeer.connected(server, { acknowledge: false })
    await slow.subscribe(topic)
    const publisher = await RawPeer.connected(server)
    for (let number = 0; number < manyMessages; number += 1) publisher.write(topic, `message ${number}`, 1)
    await publisher.until((packet) => packet.type === 'puback' && packet.packetId === manyMessages)
    await settled(server, slow)
    const count = slow.received.filter(isMessage).length
    return count === manyMessages ? 'all' : String(count)
  },

  'QoS 0 message behind an unacknowledged one': async (server: ServerProcess) => {
    const [blocked, free] = [fresh('blocked/'), fresh('free/')]
    const slow = await RawPeer.connected(server, { acknowledge: false })
    await slow.subscribe(blocked, 1)
    await slow.subscribe(free, 0)
    const publisher = await RawPeer.connected(server)
    await publisher.publish(blocked, 'first')
    await slow.message('first')
    await publisher.publish(free, 'second', 0)
    await settled(server, slow)
    return slow.messages('second').length > 0 ? 'delivered' : 'waits'
  },
} as const

/** More than the largest window that was seen, 1,024. */
const manyMessages = 1_100
