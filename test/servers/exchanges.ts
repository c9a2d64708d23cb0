/** What a program does with every server, whatever else the server does otherwise. */
import { once } from 'node:events'
import { type ClientOptions, connect, type Message, type MqttClient } from 'mqtt311'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Inbox } from '../mosquitto/client.js'
import { profiles } from './kinds/profiles.js'
import type { ServerKind } from './kinds/server-kind.js'
import type { ServerProcess } from './process/server-process.js'
import { fresh } from './questions/raw-peer.js'

const vias = ['TCP', 'TLS'] as const
type Via = (typeof vias)[number]

export function describeExchanges(kind: ServerKind, serverOf: () => ServerProcess): void {
  /** A connected client, destroyed when the test is over. */
  async function connected(options: ClientOptions = {}, via: Via = 'TCP'): Promise<MqttClient> {
    const reconnect = { minDelayMs: 10, maxDelayMs: 50 }
    const client = await connect({ ...serverOf().address(via), profile: profiles[kind.name], reconnect, ...options })
    onTestFinished(() => client.destroy())
    return client
  }

  describe.each(vias)('over %s', (via) => {
    it.each(kind.publishes)('a message at QoS %d comes back as it went', async (qos) => {
      const topic = fresh('back/')
      const client = await connected({}, via)
      const inbox = new Inbox()
      await client.subscribe(topic, { qos }, inbox.handle)
      await client.publish(topic, Uint8Array.of(0, 255, 10, 13), { qos })
      await client.publish(topic, '温度', { qos })
      const messages = await inbox.take(2)
      expect(messages.map((message) => message.payload)).toEqual([Buffer.from([0, 255, 10, 13]), Buffer.from('温度')])
      expect(messages.map((message) => message.qos)).toEqual([qos, qos])
      expect(client.stats).toMatchObject({ inFlight: 0, queued: 0, anomalies: 0 })
    })

    it.each(kind.publishes.filter((qos) => qos > 0))(
      'a session brings at QoS %d what was published meanwhile, to the handlers of the options',
      async (qos) => {
        const topic = fresh('night/')
        const options = { clientId: fresh('sleeper'), cleanSession: false }
        const before = await connected(options, via)
        await before.subscribe(topic, { qos })
        await before.end()
        const publisher = await connected({}, via)
        for (const number of numbers(10)) await publisher.publish(topic, String(number), { qos })
        const inbox = new Inbox()
        await connected({ ...options, handlers: { [topic]: inbox.handle } }, via)
        expect(texts(await inbox.take(10))).toEqual(numbers(10).map(String))
      },
    )

    it('a will is published when the connection breaks off, and not after end()', async () => {
      const topic = fresh('will/')
      const watcher = await connected({}, via)
      const inbox = new Inbox()
      await watcher.subscribe(`${topic}/+`, { qos: 1 }, inbox.handle)
      const will = (name: string) => ({ topic: `${topic}/${name}`, payload: 'gone', qos: 1 as const })
      const first = await connected({ will: will('ended') }, via)
      await first.end()
      const second = await connected({ will: will('broken') }, via)
      second.destroy()
      expect((await inbox.next()).topic).toBe(`${topic}/broken`)
    })
  })

  it('a retained message reaches a later subscriber, marked, until an empty one clears it', async () => {
    const topic = fresh('kept/')
    const client = await connected()
    await client.publish(topic, 'on', { qos: 1, retain: true })
    const [first, second] = [new Inbox(), new Inbox()]
    await (await connected()).subscribe(topic, { qos: 1 }, first.handle)
    expect(await first.next()).toMatchObject({ topic, retain: true })
    await client.publish(topic, '', { qos: 1, retain: true })
    await (await connected()).subscribe(topic, { qos: 1 }, second.handle)
    await client.publish(topic, 'live', { qos: 1 })
    expect((await second.next()).text()).toBe('live')
  })

  it('a second client with the same Client Identifier takes the connection, and the first one says so', async () => {
    const clientId = fresh('same')
    const first = await connected({ clientId, reconnect: false })
    const closed = once(first, 'close')
    const second = await connected({ clientId })
    const [{ error }] = await closed
    expect(error).toMatchObject({ code: 'MQTT_CONNECTION_LOST' })
    await second.ping()
  })

  it('a wrong password is refused with a reason', async () => {
    const refused = connected({ username: 'u1', password: 'wrong' })
    await expect(refused).rejects.toMatchObject({ code: 'MQTT_CONNECTION_REFUSED' })
  })

  it('a thousand messages at QoS 1 in one turn arrive in order', async () => {
    const topic = fresh('turn/')
    const [sender, receiver] = [await connected(), await connected()]
    const inbox = new Inbox()
    await receiver.subscribe(topic, { qos: 1 }, inbox.handle)
    await Promise.all(numbers(1_000).map((number) => sender.publish(topic, String(number), { qos: 1 })))
    expect(texts(await inbox.take(1_000))).toEqual(numbers(1_000).map(String))
  })
}

function texts(messages: readonly Message[]): string[] {
  return messages.map((message) => message.text())
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}
