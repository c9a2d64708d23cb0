import { randomBytes } from 'node:crypto'
import type { QoS } from 'mqtt311/codec'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Broker, roomy } from './broker.js'
import { connected, Inbox } from './client.js'
import { MosquittoSub, publishWithMosquitto, type Via } from './mosquitto-programs.js'

let broker: Broker
beforeAll(async () => {
  broker = await Broker.start({ settings: roomy })
})
afterAll(() => broker?.close())

const levels: readonly QoS[] = [0, 1, 2]
const vias: readonly Via[] = ['TCP', 'TLS']
const combinations = vias.flatMap((via) => levels.map((qos) => ({ via, qos })))

describe.each(combinations)('over $via at QoS $qos', ({ via, qos }) => {
  it('mosquitto_sub gets what we publish, at the QoS that we asked for [MQTT-4.3.1-1] [MQTT-4.3.2-1] [MQTT-4.3.3-1]', async () => {
    const subscriber = await MosquittoSub.start(broker, via, `out/${via}/${qos}/#`, 2)
    const client = await connected(broker, {}, via)
    await client.publish(`out/${via}/${qos}/a`, 'twenty degrees', { qos })
    await client.publish(`out/${via}/${qos}/b`, Uint8Array.of(0, 255, 10, 13), { qos })
    await client.publish(`out/${via}/${qos}/c`, '', { qos })
    expect(await subscriber.take(3)).toEqual([
      { topic: `out/${via}/${qos}/a`, qos, retain: false, payload: Buffer.from('twenty degrees') },
      { topic: `out/${via}/${qos}/b`, qos, retain: false, payload: Buffer.from([0, 255, 10, 13]) },
      { topic: `out/${via}/${qos}/c`, qos, retain: false, payload: Buffer.alloc(0) },
    ])
    expect(client.stats).toMatchObject({ inFlight: 0, queued: 0, anomalies: 0 })
  })

  it('we get what mosquitto_pub publishes [MQTT-4.3.2-2] [MQTT-4.3.3-2]', async () => {
    const client = await connected(broker, {}, via)
    const inbox = new Inbox()
    const subscription = await client.subscribe(`in/${via}/${qos}/+`, { qos }, inbox.handle)
    expect(subscription.granted).toEqual([{ filter: `in/${via}/${qos}/+`, qos }])
    await publishWithMosquitto(broker, via, { topic: `in/${via}/${qos}/a`, payload: 'off', qos: 2 })
    const message = await inbox.next()
    expect(message).toMatchObject({ topic: `in/${via}/${qos}/a`, qos, retain: false, dup: false })
    expect(message.text()).toBe('off')
  })

  it('ten thousand messages go from one of our clients to another, each once and in order [MQTT-4.6.0-6]', async () => {
    const [sender, receiver] = [await connected(broker, {}, via), await connected(broker, {}, via)]
    const inbox = new Inbox()
    await receiver.subscribe(`many/${via}/${qos}`, { qos }, inbox.handle)
    await Promise.all(numbers(10_000).map((number) => sender.publish(`many/${via}/${qos}`, String(number), { qos })))
    const seen = (await inbox.take(10_000)).map((message) => Number(message.text()))
    expect(seen).toEqual(numbers(10_000))
    expect(sender.stats).toMatchObject({ inFlight: 0, queued: 0, rejected: 0, resent: 0, anomalies: 0 })
  })

  it('a message of one mebibyte comes back as it went', async () => {
    const client = await connected(broker, {}, via)
    const inbox = new Inbox()
    await client.subscribe(`large/${via}/${qos}`, { qos }, inbox.handle)
    const payload = randomBytes(1_048_576)
    await client.publish(`large/${via}/${qos}`, payload, { qos })
    expect((await inbox.next()).payload.equals(payload)).toBe(true)
  })
})

describe('between our client and mosquitto', () => {
  it('ten thousand lines of mosquitto_pub arrive once and in order, while each handler takes a turn [MQTT-4.6.0-2]', async () => {
    const client = await connected(broker)
    const inbox = new Inbox()
    await client.subscribe('lines', { qos: 2 }, async (message) => {
      await new Promise((resolve) => setImmediate(resolve))
      inbox.handle(message)
    })
    const payload = `${numbers(10_000).join('\n')}\n`
    await publishWithMosquitto(broker, 'TCP', { topic: 'lines', payload, qos: 2, lines: true })
    const texts = (await inbox.take(10_000)).map((message) => message.text())
    expect(texts).toEqual(numbers(10_000).map(String))
  })

  it.each(['温度/室内', 'ü ä/ß', '😀/🌡️', ' / leading and trailing ', '//', '\uFEFFmark'])(
    'the topic %j keeps every character, there and back [MQTT-1.5.3-1] [MQTT-1.5.3-3]',
    async (topic) => {
      const subscriber = await MosquittoSub.start(broker, 'TCP', topic, 1)
      const client = await connected(broker)
      const inbox = new Inbox()
      await client.subscribe(topic, { qos: 1 }, inbox.handle)
      await client.publish(topic, 'x', { qos: 1 })
      expect((await inbox.next()).topic).toBe(topic)
      expect((await subscriber.next()).topic).toBe(topic)
      await publishWithMosquitto(broker, 'TCP', { topic, payload: 'y', qos: 1 })
      expect(await inbox.next()).toMatchObject({ topic })
    },
  )

  it('a retained message reaches a later subscriber, marked, until an empty one clears it [MQTT-3.3.1-6] [MQTT-3.3.1-8]', async () => {
    const client = await connected(broker)
    await client.publish('kept', 'on', { qos: 1, retain: true })
    const inbox = new Inbox()
    const subscription = await client.subscribe('kept', { qos: 1 }, inbox.handle)
    expect(await inbox.next()).toMatchObject({ topic: 'kept', retain: true })
    await client.publish('kept', 'off', { qos: 1, retain: true })
    expect(await inbox.next()).toMatchObject({ topic: 'kept', retain: false })
    await subscription.unsubscribe()

    await publishWithMosquitto(broker, 'TCP', { topic: 'kept', payload: '', qos: 1, retain: true })
    await client.subscribe('kept', { qos: 1 }, inbox.handle)
    await client.publish('kept', 'live', { qos: 1 })
    expect((await inbox.next()).text()).toBe('live')
  })

  it('the QoS of a delivery is the lower of what was published and what was granted [MQTT-3.8.4-6]', async () => {
    const client = await connected(broker)
    const inbox = new Inbox()
    const granted = await client.subscribe(
      [{ filter: 'lower/0', qos: 0 }, { filter: 'lower/1', qos: 1 }, 'lower/2'],
      {
        qos: 2,
      },
      inbox.handle,
    )
    expect(granted.granted.map(({ qos }) => qos)).toEqual([0, 1, 2])
    for (const level of levels) await client.publish(`lower/${level}`, '', { qos: 2 })
    await client.publish('lower/2', '', { qos: 1 })
    expect((await inbox.take(4)).map(({ topic, qos }) => `${topic} at ${qos}`)).toEqual([
      'lower/0 at 0',
      'lower/1 at 1',
      'lower/2 at 2',
      'lower/2 at 1',
    ])
  })

  it('with maxInFlight 20 a mosquitto as it comes delivers all that we publish at QoS 2', async () => {
    await using untouched = await Broker.start()
    const [sender, receiver] = [await connected(untouched, { maxInFlight: 20 }), await connected(untouched)]
    const inbox = new Inbox()
    await receiver.subscribe('window', { qos: 2 }, inbox.handle)
    await Promise.all(numbers(500).map((number) => sender.publish('window', String(number), { qos: 2 })))
    expect((await inbox.take(500)).map((message) => Number(message.text()))).toEqual(numbers(500))
  })

  it('iterating over messages acknowledges one after the other, and leaving the loop unsubscribes', async () => {
    const client = await connected(broker)
    const stream = await client.messages('loop', { qos: 2, limit: 2 })
    await publishWithMosquitto(broker, 'TCP', { topic: 'loop', payload: '1\n2\n3\n4\n5\n', qos: 2, lines: true })
    const seen: string[] = []
    for await (const message of stream) {
      seen.push(message.text())
      if (seen.length === 5) break
    }
    expect(seen).toEqual(['1', '2', '3', '4', '5'])
    expect(client.stats.packetsIn.unsuback).toBe(1)
  })
})

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}
