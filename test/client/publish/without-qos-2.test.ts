/** A server without QoS 2: one that answers such a message with PUBACK (RabbitMQ), closes (NATS), or is silent (mosca). */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { ClientOptions, MqttClient } from '../../../src/index.js'
import { connect } from '../../../src/index.js'
import { fileStore } from '../../../src/store/index.js'
import { type TestServer, testServer } from '../../../src/testing/index.js'
import { clientOf, event, fakeTime, online, pass, rejectionOf } from '../peers/client-on-pipe.js'
import { FakeServer } from '../peers/fake-server.js'

async function rabbit(): Promise<TestServer> {
  const server = await testServer({ habits: 'rabbitmq' })
  onTestFinished(() => server.close())
  return server
}

async function clientOfRabbit({ stream }: TestServer, options: ClientOptions = {}): Promise<MqttClient> {
  const client = await connect({ stream, keepAlive: 0, nudge: false, ...options })
  onTestFinished(() => client.destroy())
  client.closed.catch(() => {})
  return client
}

function warnings(): () => string[] {
  const warned = vi.spyOn(process, 'emitWarning').mockReturnValue()
  onTestFinished(() => warned.mockRestore())
  return () => warned.mock.calls.map(([text]) => String(text))
}

const published = (server: TestServer) => server.received.filter(({ type }) => type === 'publish')

describe('PUBACK for a message at QoS 2', () => {
  test('settles it, with one warning that says what to do', async () => {
    const told = warnings()
    const client = await clientOfRabbit(await rabbit())
    await client.publish('a', '1', { qos: 2 })
    await client.publish('a', '2', { qos: 2 })
    expect(told()).toEqual([expect.stringMatching(/QoS 2 with PUBACK.*publish at QoS 1, or set profile\.maxQos to 1/)])
    expect(client.state).toBe('online')
    expect(client.stats.anomalies).toBe(2)
  })

  test('settles it with strict: true too, and ends the client', async () => {
    const client = await clientOfRabbit(await rabbit(), { strict: true })
    await client.publish('a', '1', { qos: 2 })
    expect(await rejectionOf(client.closed)).toMatchObject({
      code: 'MQTT_PROTOCOL_VIOLATION',
      violation: 'wrong-acknowledgement',
      message: expect.stringContaining('publish at QoS 1, or set profile.maxQos to 1'),
    })
  })

  test.each([false, true])('takes it out of a fileStore: four starts send it once, with strict: %s', async (strict) => {
    warnings()
    const server = await rabbit()
    const directory = mkdtempSync(join(tmpdir(), 'mqtt311-qos2-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const start = () =>
      clientOfRabbit(server, { clientId: 'c', cleanSession: false, store: fileStore(directory), strict })
    const first = await start()
    await first.publish('a', '1', { qos: 2, until: 'stored' })
    if (strict) await rejectionOf(first.closed)
    else await first.end()
    for (let later = 0; later < 3; later += 1) {
      const client = await start()
      expect(client.stats.inFlight).toBe(0)
      await client.publish('b', '', { qos: 1 })
      await client.end()
    }
    expect(published(server).map((packet) => (packet.type === 'publish' ? packet.topic : ''))).toEqual([
      'a',
      'b',
      'b',
      'b',
    ])
  })
})

const hint = 'perhaps this server does not have QoS 2; then publish at QoS 1, or set profile.maxQos to 1'
const grantedLess = hint.replace('QoS 2;', 'QoS 2 (it granted less in a SUBACK);')

async function grant(qos: 0 | 1 | 2): Promise<Awaited<ReturnType<typeof online>>> {
  const pair = await online()
  const subscribed = pair.client.subscribe('a', { qos: 2 })
  const { packetId } = await pair.connection.next('subscribe')
  pair.connection.send({ type: 'suback', packetId, returnCodes: [qos] })
  await subscribed
  return pair
}

describe('a server that closes at a message at QoS 2', () => {
  const closed = async ({ client, connection }: Awaited<ReturnType<typeof online>>, qos: 1 | 2 = 2) => {
    const offline = event(client, 'offline')
    client.publish('a', 'x', { qos }).catch(() => {})
    await connection.next('publish')
    connection.close()
    return (await offline).error
  }

  test('may not have QoS 2, says the first error', async () => {
    expect(await closed(await online())).toMatchObject({
      code: 'MQTT_CONNECTION_LOST',
      reason: 'closed',
      message: `the server closed the connection; a message at QoS 2 was unanswered: ${hint}`,
    })
  })

  test.each([
    [0, grantedLess],
    [1, grantedLess],
    [2, hint],
  ] as const)('and has granted QoS %d where 2 was asked: the error says so if that is less', async (qos, text) => {
    expect(await closed(await grant(qos))).toHaveProperty('message', expect.stringContaining(text))
  })

  test('may have another reason at QoS 1', async () => {
    expect(await closed(await online(), 1)).toHaveProperty('message', 'the server closed the connection')
  })

  test('has another reason if it has sent PUBREC before', async () => {
    const pair = await online()
    pair.client.publish('a', 'x', { qos: 2 }).catch(() => {})
    const first = await pair.connection.next('publish')
    pair.connection.send({ type: 'pubrec', packetId: first.qos === 0 ? 0 : first.packetId })
    await pair.connection.next('pubrel')
    expect(await closed(pair)).toHaveProperty('message', 'the server closed the connection')
  })

  test('is told so to the end: with each strike, and when the message is given up', async () => {
    warnings()
    fakeTime()
    const server = new FakeServer()
    server.refuse(
      (packet) => packet.type === 'publish' && packet.qos === 2,
      (connection) => connection.close(),
    )
    const client = clientOf(server, { reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
    await client.connect()
    const texts: string[] = []
    client.on('offline', ({ error }) => texts.push(error.message))
    const rejected = rejectionOf(client.publish('a', 'x', { qos: 2 }))
    client.publish('b', 'x', { qos: 1 }).catch(() => {})
    while (client.stats.rejected === 0 && performance.now() < 300_000) await pass(1_000)
    expect(await rejected).toMatchObject({ reason: 'refused-by-closing', message: expect.stringContaining(hint) })
    expect(texts).toHaveLength(7)
    for (const text of texts) expect(text).toContain(hint)
  })
})

describe('a server that is silent at a message at QoS 2', () => {
  const timedOut = async ({ client }: Awaited<ReturnType<typeof online>>) => {
    const offline = event(client, 'offline')
    client.publish('a', 'x', { qos: 2 }).catch(() => {})
    await pass(61_000)
    return (await offline).error
  }

  test('may not have QoS 2, and if it has granted less for a Topic Filter, the error says so', async () => {
    fakeTime()
    expect(await timedOut(await online())).toHaveProperty('message', expect.stringContaining(hint))
    expect(await timedOut(await grant(1))).toHaveProperty('message', expect.stringContaining(grantedLess))
  })

  test('has another reason if it has sent PUBREC before', async () => {
    fakeTime()
    const pair = await online()
    pair.client.publish('a', 'x', { qos: 2 }).catch(() => {})
    const first = await pair.connection.next('publish')
    pair.connection.send({ type: 'pubrec', packetId: first.qos === 0 ? 0 : first.packetId })
    await pair.connection.next('pubrel')
    pair.connection.send({ type: 'pubcomp', packetId: first.qos === 0 ? 0 : first.packetId })
    expect(await timedOut(pair)).toHaveProperty('message', expect.stringMatching(/PUBREC .* ms \(ackTimeoutMs\)$/))
  })
})
