import { MqttClient } from 'mqtt311'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { Broker, roomy } from './broker.js'
import { connected, eager, Inbox, onceOffline, onceOnline } from './client.js'
import { MosquittoSub, publishWithMosquitto, type Via } from './mosquitto-programs.js'

let broker: Broker
beforeAll(async () => {
  broker = await Broker.start({ settings: roomy })
})
afterAll(() => broker?.close())

describe('a will', () => {
  const vias: readonly Via[] = ['TCP', 'TLS']
  it.each(vias)('is published when the %s connection is gone without DISCONNECT [MQTT-3.1.2-8]', async (via) => {
    const watcher = await MosquittoSub.start(broker, 'TCP', `will/${via}`, 2)
    const will = { topic: `will/${via}`, payload: 'gone', qos: 2, retain: false } as const
    const client = await connected(broker, { will }, via)
    client.destroy()
    expect(await watcher.next()).toEqual({ topic: `will/${via}`, qos: 2, retain: false, payload: Buffer.from('gone') })
  })

  it('is dropped by the DISCONNECT of end() [MQTT-3.1.2-10]', async () => {
    const watcher = await connected(broker)
    const inbox = new Inbox()
    await watcher.subscribe('will/+', { qos: 1 }, inbox.handle)
    const client = await connected(broker, { will: { topic: 'will/dropped', payload: 'gone', qos: 1 } })
    await client.end()
    // The broker publishes the will of the second client after it would have published that of the first.
    const other = await connected(broker, { will: { topic: 'will/kept', payload: 'gone', qos: 1 } })
    other.destroy()
    expect((await inbox.next()).topic).toBe('will/kept')
  })

  it('is retained if that was asked [MQTT-3.1.2-17]', async () => {
    const watcher = await connected(broker)
    const inbox = new Inbox()
    await watcher.subscribe('status', { qos: 1 }, inbox.handle)
    const client = await connected(broker, { will: { topic: 'status', payload: 'lost', qos: 1, retain: true } })
    client.destroy()
    await inbox.next()
    const later = await connected(broker)
    await later.subscribe('status', { qos: 1 }, inbox.handle)
    expect(await inbox.next()).toMatchObject({ topic: 'status', retain: true })
  })
})

describe('a persistent session', () => {
  it('brings what was queued meanwhile to the handlers given in the options, before anything is subscribed [MQTT-3.1.2-5]', async () => {
    const options = { clientId: 'sleeper', cleanSession: false }
    const before = await connected(broker, options)
    await before.subscribe('night/#', { qos: 2 })
    await before.end()
    await publishWithMosquitto(broker, 'TCP', { topic: 'night/1', payload: 'a', qos: 1 })
    await publishWithMosquitto(broker, 'TCP', { topic: 'night/2', payload: 'b\nc\n', qos: 2, lines: true })

    const inbox = new Inbox()
    const after = await connected(broker, { ...options, handlers: { 'night/#': inbox.handle } })
    const messages = await inbox.take(3)
    expect(messages.map((message) => `${message.topic} at ${message.qos}: ${message.text()}`)).toEqual([
      'night/1 at 1: a',
      'night/2 at 2: b',
      'night/2 at 2: c',
    ])
    expect(after.stats).toMatchObject({ unclaimed: 0, anomalies: 0 })
  })

  it('is new, then present, and gone after a clean one [MQTT-3.1.2-6] [MQTT-3.2.2-2]', async () => {
    const sessionPresent: boolean[] = []
    for (const cleanSession of [false, false, true, false]) {
      const client = new MqttClient({ url: broker.url, clientId: 'again', cleanSession })
      sessionPresent.push((await client.connect()).sessionPresent)
      await client.end()
    }
    expect(sessionPresent).toEqual([false, true, false, false])
  })

  it('survives a connection that the broker throws out, and goes on without subscribing again', async () => {
    const client = await connected(broker, { clientId: 'pushed', cleanSession: false })
    const inbox = new Inbox()
    await client.subscribe('pushed', { qos: 1 }, inbox.handle)
    const offline = onceOffline(client)
    const online = onceOnline(client)
    // [MQTT-3.1.4-2] A second client with the same identifier ends the connection of the first.
    const intruder = await connected(broker, { clientId: 'pushed', cleanSession: false, reconnect: false })
    intruder.closed.catch(() => {})
    await offline
    expect((await online).sessionPresent).toBe(true)
    await publishWithMosquitto(broker, 'TCP', { topic: 'pushed', payload: 'x', qos: 1 })
    await inbox.next()
    expect(client.stats.packetsOut.subscribe).toBe(1)
  })

  it('whose broker has forgotten it is subscribed again, and what was unacknowledged is sent again [MQTT-3.2.2-3] [MQTT-4.4.0-1]', async () => {
    await using forgetful = await Broker.start()
    const client = await connected(forgetful, { clientId: 'c', cleanSession: false })
    const inbox = new Inbox()
    await client.subscribe('kept/+', { qos: 2 }, inbox.handle)
    const offline = onceOffline(client)
    await forgetful.stop()
    await offline
    const published = [1, 2].map((qos) => client.publish(`kept/${qos}`, '', { qos: qos === 1 ? 1 : 2 }))
    const online = onceOnline(client)
    await forgetful.start()
    expect((await online).sessionPresent).toBe(false)
    await Promise.all(published)
    expect((await inbox.take(2)).map(({ topic }) => topic)).toEqual(['kept/1', 'kept/2'])
    expect(client.stats.packetsOut.subscribe).toBe(2)
  })

  it('kept by a broker with persistence is present after its restart, messages included', async () => {
    await using persistent = await Broker.start({ persistence: true })
    const inbox = new Inbox()
    const options = { clientId: 'c', cleanSession: false, handlers: { '#': inbox.handle } }
    const before = await connected(persistent, options)
    await before.subscribe('a', { qos: 2 })
    await before.end()
    await publishWithMosquitto(persistent, 'TCP', { topic: 'a', payload: 'held over', qos: 2 })
    await persistent.restart('SIGTERM')
    const after = await connected(persistent, options)
    expect((await inbox.next()).text()).toBe('held over')
    expect(after.stats.packetsOut.subscribe).toBe(0)
  })
})

describe('a broker that stands still', () => {
  it('is noticed by the PINGREQ that nothing answers, and left for good when it comes back [MQTT-3.1.2-23]', async () => {
    await using frozen = await Broker.start()
    const client = await connected(frozen, { keepAlive: 1, pingTimeoutMs: 500, connectTimeoutMs: 500 })
    const offline = onceOffline(client)
    frozen.freeze()
    const { error } = await offline
    expect(error).toMatchObject({ code: 'MQTT_TIMEOUT', operation: 'ping' })
    const online = onceOnline(client)
    frozen.thaw()
    await online
  })

  it('is noticed by a steady sender of QoS 0 as well', async () => {
    await using frozen = await Broker.start()
    const client = await connected(frozen, { keepAlive: 1, pingTimeoutMs: 500, reconnect: eager })
    const offline = onceOffline(client)
    frozen.freeze()
    const timer = setInterval(() => client.publish('steady', 'x'), 50)
    onTestFinished(() => clearInterval(timer))
    expect((await offline).error).toMatchObject({ code: 'MQTT_TIMEOUT', operation: 'ping' })
  })

  it('ends a connect() that has no other attempt, with the time-out', async () => {
    await using frozen = await Broker.start()
    frozen.freeze()
    await expect(connected(frozen, { reconnect: false, connectTimeoutMs: 300 })).rejects.toMatchObject({
      code: 'MQTT_TIMEOUT',
      operation: 'connect',
    })
  })
})

describe('the end', () => {
  it('leaves nothing: end() waits for what is in flight, and the promise of each publish has settled', async () => {
    const client = await connected(broker)
    const published = Array.from({ length: 500 }, (_, n) =>
      client.publish('end', String(n), { qos: n % 2 === 0 ? 1 : 2 }),
    )
    await client.end()
    expect((await Promise.allSettled(published)).every(({ status }) => status === 'fulfilled')).toBe(true)
    await expect(client.closed).resolves.toBeUndefined()
  })
})
