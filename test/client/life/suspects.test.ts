/** A server that refuses by closing the connection: what the program sees of it, at the default back-off with the longest waits. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { ControlPacket } from '../../../src/codec/index.js'
import type { MqttClient } from '../../../src/index.js'
import { emptySession, type JournalRecord } from '../../../src/store/index.js'
import { clientOf, fakeTime, outcomeOf, pass, rejectionOf } from '../peers/client-on-pipe.js'
import { FakeServer } from '../peers/fake-server.js'

const isForbidden = (packet: ControlPacket): boolean =>
  (packet.type === 'publish' && packet.topic.startsWith('forbidden')) ||
  (packet.type === 'subscribe' && packet.subscriptions.some(({ filter }) => filter.startsWith('forbidden')))

/** Answers all packets, and cuts the connection at each message and Topic Filter whose name begins with `forbidden`. */
function strictServer(): FakeServer {
  fakeTime()
  const longest = vi.spyOn(Math, 'random').mockReturnValue(0.999_999)
  onTestFinished(() => longest.mockRestore())
  const server = new FakeServer()
  server.refuse(isForbidden, (connection) => connection.cut())
  return server
}

/** Milliseconds until the promise settles, in steps of a tenth of a second. */
async function timeOf(promise: Promise<unknown>): Promise<number> {
  let isOpen = true
  outcomeOf(promise).then(() => {
    isOpen = false
  })
  const begin = performance.now()
  while (isOpen && performance.now() - begin < 300_000) await pass(100)
  return performance.now() - begin
}

const offlineTexts = (client: MqttClient) => {
  const texts: { readonly at: number; readonly text: string }[] = []
  client.on('offline', ({ error }) => texts.push({ at: performance.now(), text: error.message }))
  return texts
}

describe('a message at which the server closes', () => {
  test('is parked within 30 s, and given up within 90 s, while the others are acknowledged', async () => {
    const server = strictServer()
    const client = clientOf(server)
    await client.connect()
    const texts = offlineTexts(client)
    const poison = client.publish('forbidden/topic', 'x', { qos: 1 })
    const innocent = client.publish('innocent/topic', 'x', { qos: 1 })
    const rejected = rejectionOf(poison)
    const begin = performance.now()
    await timeOf(innocent)
    await innocent
    expect(client.stats.rejected).toBe(0)
    await timeOf(rejected)
    const parked = texts.find(({ text }) => text.includes('"forbidden/topic") and nothing else, 3 times: it seems to'))
    expect((parked?.at ?? Infinity) - begin).toBeLessThan(30_000)
    expect(performance.now() - begin).toBeLessThan(90_000)
    expect(await rejected).toMatchObject({
      code: 'MQTT_CONNECTION_LOST',
      reason: 'refused-by-closing',
      delivery: 'unknown',
      message: expect.stringContaining('"forbidden/topic"'),
    })
    expect(texts.map(({ text }) => text).join()).not.toContain('innocent')
    expect(client.stats.rejected).toBe(1)
  })

  test('is told by the event abandoned, and to its publish, when the store has a record of that, and not before', async () => {
    const server = strictServer()
    const log: string[] = []
    let save = () => {}
    const store = {
      durable: true,
      open: async () => emptySession,
      append: async (records: readonly JournalRecord[]) => {
        const abandoned = records.filter(({ kind }) => kind === 'abandoned')
        if (abandoned.length === 0) return
        log.push('record')
        await new Promise<void>((resolve) => {
          save = resolve
        })
      },
      close: async () => {},
    }
    const client = clientOf(server, { store, clientId: 'c' })
    client.on('abandoned', ({ topic, qos, payload }) => log.push(`event ${topic} ${qos} ${payload.toString()}`))
    await client.connect()
    client.publish('forbidden/topic', 'x', { qos: 2 }).catch(() => log.push('rejection'))
    client.publish('innocent/topic', 'x', { qos: 1 })
    while (log.length === 0 && performance.now() < 90_000) await pass(100)
    await pass(10_000)
    expect(log).toEqual(['record'])
    save()
    await pass(1)
    expect(log.toSorted()).toEqual(['event forbidden/topic 2 x', 'record', 'rejection'])
  })

  test('is told by one process warning, if nobody listens', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockReturnValue()
    onTestFinished(() => warning.mockRestore())
    const server = strictServer()
    const client = clientOf(server, { reconnect: { maxDelayMs: 1 }, abandonAfter: 4 })
    await client.connect()
    client.publish('forbidden/1', 'x', { qos: 1 })
    client.publish('forbidden/2', 'x', { qos: 1 })
    const good = () => client.publish('good', 'x', { qos: 1 })
    while (client.stats.rejected < 2 && performance.now() < 300_000) await Promise.race([good(), pass(1_000)])
    expect(warning.mock.calls).toEqual([
      [expect.stringMatching(/topic "forbidden\/1".*listen for 'abandoned'/), 'Mqtt311Warning'],
    ])
  })

  test('is never given up if abandonAfter is Infinity, and delivered when the server allows it', async () => {
    const server = strictServer()
    const client = clientOf(server, { abandonAfter: Infinity })
    await client.connect()
    const poison = client.publish('forbidden/topic', 'x', { qos: 1 })
    client.publish('good', 'x', { qos: 1 })
    for (let minutes = 0; minutes < 20; minutes += 1) await pass(60_000)
    expect(client.stats.inFlight).toBe(1)
    server.onConnection = (connection) => {
      connection.serve()
      const answer = connection.onPacket
      connection.onPacket = (packet) => {
        if (packet.type === 'connect') connection.send({ type: 'connack', sessionPresent: false, returnCode: 0 })
        else answer?.(packet)
      }
    }
    server.connections.at(-1)?.cut()
    for (let minutes = 0; minutes < 61 && client.stats.inFlight > 0; minutes += 1) await pass(60_000)
    await poison
  })

  test('is told on the diagnostics channel, with what followed', async () => {
    const seen: unknown[] = []
    const note = (message: unknown) => seen.push(message)
    subscribe('mqtt311:suspect', note)
    onTestFinished(() => void unsubscribe('mqtt311:suspect', note))
    const client = clientOf(strictServer())
    await client.connect()
    const poison = rejectionOf(client.publish('forbidden', 'x', { qos: 1 }))
    client.publish('good', 'x', { qos: 1 })
    await timeOf(poison)
    const unanswered = ['a message (QoS 1, topic "forbidden")']
    expect(seen).toEqual(
      ['struck', 'struck', 'parked', 'parked', 'abandoned'].map((verdict, index) => ({
        client,
        proves: 'strike',
        verdict,
        strikes: index + 1,
        unanswered,
      })),
    )
  })
})

describe('a Topic Filter at which the server closes', () => {
  test('is refused within 30 s, and the filters beside it are asked and taken back', async () => {
    const server = strictServer()
    const client = clientOf(server, { operationTimeoutMs: 1_000 })
    await client.connect()
    const innocent = client.publish('innocent/topic', 'x', { qos: 1 })
    const refused = rejectionOf(client.subscribe(['ok/#', 'forbidden/#'], () => {}))
    expect(await timeOf(refused)).toBeLessThan(30_000)
    expect(await refused).toMatchObject({
      code: 'MQTT_SUBSCRIBE_REFUSED',
      filters: ['forbidden/#'],
      message: expect.stringMatching(/"forbidden\/#" \(it closed the connection each time/),
    })
    await timeOf(innocent)
    await innocent
    await pass(10_000)
    expect(
      server.connections
        .at(-1)
        ?.all('unsubscribe')
        .map(({ filters }) => filters),
    ).toEqual([['ok/#']])
  })

  test('whose permission is withdrawn later is told as refused, and the others are made again', async () => {
    const server = strictServer()
    const client = clientOf(server)
    await client.connect()
    await client.subscribe(['ok/#', 'later/#'], () => {})
    const refused = new Promise((resolve) => client.once('refused', resolve))
    const serve = server.onConnection
    server.onConnection = (connection) => {
      serve?.(connection)
      const answer = connection.onPacket
      connection.onPacket = (packet) => {
        const isLater = packet.type === 'subscribe' && packet.subscriptions.some(({ filter }) => filter === 'later/#')
        if (isLater) connection.cut()
        else answer?.(packet)
      }
    }
    server.connections.at(-1)?.cut()
    await timeOf(refused)
    expect(await refused).toEqual({ filters: ['later/#'] })
    await pass(100_000)
    const asked = server.connections.flatMap((connection) => connection.all('subscribe'))
    expect(asked.map(({ subscriptions }) => subscriptions)).toContainEqual([{ filter: 'ok/#', qos: 0 }])
  })
})

describe('subscribe() on a connection that asks for one thing at a time', () => {
  test('sends no other filter when it is aborted, and takes back what was granted', async () => {
    fakeTime()
    const server = new FakeServer()
    server.refuse(
      (packet) => packet.type === 'subscribe' && packet.subscriptions[0]?.filter === 'silence',
      () => {},
    )
    const profile = { name: 'a slow server', publishesPerSecond: { qos1: 0.1 } }
    const client = clientOf(server, { profile, reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
    await client.connect()
    for (let cuts = 0; cuts < 2; cuts += 1) {
      server.connections.at(-1)?.cut()
      await pass(10)
    }
    // The second message has to wait for ten seconds. Meanwhile a filter can be asked for at once.
    for (let count = 0; count < 2; count += 1) client.publish('innocent/topic', 'x', { qos: 1 })
    await pass(3_000)
    const connection = server.connections.at(-1)
    const aborter = new AbortController()
    const subscribing = rejectionOf(
      client.subscribe(['granted', 'silence', 'never sent'], { signal: aborter.signal }, () => {}),
    )
    await pass(10)
    aborter.abort(new Error('no longer needed'))
    await subscribing
    await pass(20_000)
    expect(connection?.all('unsubscribe').map(({ filters }) => filters)).toEqual([['granted']])
    expect(connection?.all('subscribe')).toHaveLength(2)
  })
})

describe('operationTimeoutMs', () => {
  test('counts the time in which a request was written and unanswered, over connections', async () => {
    fakeTime()
    const server = new FakeServer()
    const client = clientOf(server, { operationTimeoutMs: 10_000, reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
    client.connect()
    const first = await server.admitted()
    const failed = rejectionOf(client.subscribe('a'))
    await first.next('subscribe')
    await pass(6_000)
    first.cut()
    await pass(1)
    const second = await server.admitted()
    await second.next('subscribe')
    await pass(3_999)
    expect(client.state).toBe('online')
    await pass(1)
    expect(await failed).toMatchObject({ code: 'MQTT_TIMEOUT', operation: 'subscribe' })
  })
})

describe('an acknowledgement that does not come', () => {
  test.each([
    [1, /PUBACK for the message \(QoS 1, topic "a\/b"\) within 60000 ms \(ackTimeoutMs\)$/],
    [
      2,
      /PUBREC for the message \(QoS 2, topic "a\/b"\) .*perhaps this server does not have QoS 2; then publish at QoS 1/,
    ],
  ] as const)('is named with its topic, at QoS %d', async (qos, text) => {
    fakeTime()
    const server = new FakeServer()
    const client = clientOf(server)
    const connected = client.connect()
    await server.admitted()
    await connected
    const offline = new Promise<{ error: Error }>((resolve) => client.once('offline', resolve))
    client.publish('a/b', 'x', { qos }).catch(() => {})
    await pass(61_000)
    expect((await offline).error.message).toMatch(text)
  })
})
