/** What a program sees of the packets that a client reads without `strict: true`, with the bytes of the servers that send them. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { cell, expandHex, readVectors } from '../../../fixtures/vectors/vector-file.js'
import type { ClientOptions, Message } from '../../../src/index.js'
import { event, type Online, online, quiet, rejectionOf } from '../peers/client-on-pipe.js'
import { message } from '../peers/fake-server.js'

const rows = readVectors('readings.csv')
const vector = (name: string) => expandHex(cell(rows.find((row) => cell(row, 'name') === name) ?? {}, 'hex'))
const publishes = rows.filter((row) => JSON.parse(cell(row, 'read_as')).type !== 'suback')

function warnings() {
  const warned = vi.spyOn(process, 'emitWarning').mockReturnValue()
  onTestFinished(() => warned.mockRestore())
  return () => warned.mock.calls.map(([text]) => String(text))
}

function anomalies(): unknown[] {
  const told: unknown[] = []
  const listener = (anomaly: unknown) => void told.push(anomaly)
  subscribe('mqtt311:anomaly', listener)
  onTestFinished(() => void unsubscribe('mqtt311:anomaly', listener))
  return told
}

async function listening(options: ClientOptions = {}): Promise<Online & { readonly got: Message[] }> {
  const got: Message[] = []
  const pair = await online({ reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 }, ...options })
  pair.client.handle('#', (received) => got.push(received))
  return { ...pair, got }
}

describe('a PUBLISH that is misformed', () => {
  test.each(publishes.map((row) => [cell(row, 'name'), row] as const))(
    '%s: the connection goes on, and with strict: true it ends',
    async (_, row) => {
      warnings()
      const told = anomalies()
      const { client, connection, got } = await listening()
      const bytes = expandHex(cell(row, 'hex'))
      connection.sendBytes(bytes)
      connection.send(message('behind'))
      await quiet()
      const { type, topic, qos, packetId } = JSON.parse(cell(row, 'read_as'))
      const names = cell(row, 'anomalies').split(' ')
      expect(got.map((received) => received.topic)).toEqual(type === 'publish' ? [topic, 'behind'] : ['behind'])
      expect(connection.names).toEqual(['connect', ...([[], ['puback'], ['pubrec']][qos] ?? [])])
      expect(client.stats).toMatchObject({ anomalies: names.length, packetsIn: { publish: 2 } })
      expect(told).toMatchObject(names.map((anomaly) => ({ client, anomaly, packetId, bytes })))

      const strict = await listening({ strict: true })
      const offline = event(strict.client, 'offline')
      strict.connection.sendBytes(bytes)
      expect((await offline).error).toMatchObject({ fault: cell(row, 'strict'), statement: cell(row, 'statement') })
      expect(strict.got).toEqual([])
      expect(strict.client.stats.anomalies).toBe(0)
    },
  )

  test('before CONNACK is still a violation', async () => {
    const { client, connection, server } = await listening({ reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
    connection.cut()
    await event(client, 'offline')
    const again = await server.accepted()
    const offline = event(client, 'offline')
    again.sendBytes(vector('latin1-name'))
    expect((await offline).error).toMatchObject({ violation: 'before-connack' })
  })
})

describe('a Topic Name with a fault', () => {
  test('reaches the filters that match it, and its wildcards match nothing', async () => {
    const { client, connection } = await online()
    const got: string[] = []
    for (const filter of ['v/#', 'v/+', '+/+', 'v/a', 'v/ab', '#', '+', 'v/+/b']) {
      client.handle(filter, ({ topic }) => got.push(`${filter} ${topic}`))
    }
    connection.sendBytes(vector('rabbitmq-star-becomes-plus'))
    await quiet()
    expect(got.sort()).toEqual(['# v/a+b', '+/+ v/a+b', 'v/# v/a+b', 'v/+ v/a+b'])
  })

  test('is told as topicFault, of a message that is shown with it', async () => {
    const { connection, got } = await listening()
    connection.sendBytes(vector('rabbitmq-star-becomes-plus'))
    connection.sendBytes(vector('empty-name-qos0'))
    connection.send(message('plain'), message('bell\u0007'))
    await quiet()
    expect(got.map(({ topicFault }) => topicFault)).toEqual([
      'has the wildcard "+"',
      'is empty',
      undefined,
      'holds U+0007',
    ])
    const [first, , third] = got
    expect(inspect(first)).toContain(`topicFault: 'has the wildcard "+"'`)
    expect(inspect(third)).not.toContain('topicFault')
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('not a topic')
      },
    ],
    ['rejects', () => Promise.reject(new Error('not a topic'))],
  ])(
    'does not end the client when its handler %s: the message is acknowledged, with one warning',
    async (_, handler) => {
      const told = warnings()
      const { client, connection } = await online({ cleanSession: false, clientId: 'c' })
      client.handle('v/#', handler)
      for (let copy = 0; copy < 2; copy += 1) {
        connection.sendBytes(vector('rabbitmq-star-becomes-plus'))
        await connection.next('puback')
      }
      expect(client.state).toBe('online')
      expect(told()).toEqual([
        expect.stringMatching(/"v\/a\+b".*has the wildcard "\+".*\(not a topic\).*onHandlerError/),
      ])
    },
  )

  test('does not end the client either when its handler rejects with what has no text', async () => {
    const told = warnings()
    const { client, connection } = await online({ cleanSession: false, clientId: 'c' })
    client.handle('v/#', () => Promise.reject(Object.create(null)))
    connection.sendBytes(vector('rabbitmq-star-becomes-plus'))
    await connection.next('puback')
    expect(client.state).toBe('online')
    expect(told()).toEqual([expect.stringContaining('failed (something was thrown that is no Error and has no text)')])
  })

  test('leaves the decision to onHandlerError, if there is one', async () => {
    const { client, connection } = await online({ onHandlerError: () => 'close' })
    client.handle('#', () => Promise.reject(new Error('no')))
    connection.sendBytes(vector('rabbitmq-star-becomes-plus'))
    expect(await rejectionOf(client.closed)).toMatchObject({ code: 'MQTT_HANDLER' })
  })
})

describe('a Topic Name that is no text', () => {
  test('is acknowledged, and told once, escaped', async () => {
    const told = warnings()
    const { client, connection, got } = await listening()
    connection.sendBytes(vector('latin1-name'))
    connection.sendBytes(vector('nul-in-name'))
    await connection.next('puback')
    await connection.next('pubrec')
    expect(got).toEqual([])
    expect(told()).toEqual([
      'a message was acknowledged and given to no handler: its Topic Name is a string that is ill-formed UTF-8: "v/caf\\xe9" (said once)',
    ])
    expect(client.stats).toMatchObject({ anomalies: 2, unclaimed: 0, running: 0, backlogBytes: 0 })
  })
})

describe('a SUBACK with a code of MQTT 5', () => {
  test('refuses the Topic Filter, and says the code; the granted one is unsubscribed', async () => {
    const { client, connection } = await online()
    const subscribed = rejectionOf(client.subscribe(['a/b/c/d/e/f/g/h/i', 'a']))
    await connection.next('subscribe')
    connection.sendBytes(vector('ejabberd-filter-too-deep'))
    expect(await subscribed).toMatchObject({
      code: 'MQTT_SUBSCRIBE_REFUSED',
      filters: ['a/b/c/d/e/f/g/h/i'],
      returnCodes: [0x8f],
      message: 'the server refused to subscribe "a/b/c/d/e/f/g/h/i" (0x8f: Topic Filter invalid)',
    })
    expect((await connection.next('unsubscribe')).filters).toEqual(['a'])
    expect(client.stats.anomalies).toBe(1)
  })

  test('refuses a subscription that is made again after a lost session, and the event says so', async () => {
    const { client, connection, server } = await online({ reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
    const subscribed = client.subscribe('a')
    await connection.next('subscribe')
    connection.send({ type: 'suback', packetId: 1, returnCodes: [0] })
    await subscribed
    connection.cut()
    const refused = event(client, 'refused')
    const again = await server.admitted()
    const { packetId } = await again.next('subscribe')
    again.sendBytes(Buffer.of(0x90, 3, packetId >> 8, packetId & 0xff, 0x97))
    expect(await refused).toEqual({ filters: ['a'] })
  })

  test('ends a strict client', async () => {
    const { client, connection } = await online({ strict: true, reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 } })
    client.subscribe(['a/b/c/d/e/f/g/h/i', 'a']).catch(() => {})
    await connection.next('subscribe')
    const offline = event(client, 'offline')
    connection.sendBytes(vector('ejabberd-filter-too-deep'))
    expect((await offline).error).toMatchObject({ fault: 'return-code', statement: 'MQTT-3.9.3-2' })
  })
})

describe('the warning of a message that nobody claims', () => {
  async function subscribed(filter: string, options: ClientOptions = {}): Promise<Online> {
    const pair = await online({ unclaimedAfterMs: 1, ...options })
    const granted = pair.client.subscribe(filter)
    const { packetId } = await pair.connection.next('subscribe')
    pair.connection.send({ type: 'suback', packetId, returnCodes: [0] })
    await granted
    return pair
  }

  test('says that no handler has the filter that matches', async () => {
    const told = warnings()
    const { connection } = await subscribed('$share/g/a/+')
    connection.send(message('a/b'))
    await quiet()
    expect(told()).toEqual([expect.stringMatching(/^a message on "a\/b" matches no handler.*; give onMessage/)])
  })

  test('says that the server has changed a topic that no filter matches, and what servers do', async () => {
    const told = warnings()
    const { connection } = await subscribed('a.b')
    connection.send(message('a/b'), message('c'))
    await quiet()
    expect(told()).toEqual([
      expect.stringMatching(
        /^a message on "a\/b" matches no Topic Filter .* the server changed the topic, as docs\/servers.md tells; give onMessage/,
      ),
    ])
  })

  test('names an older subscription too, where there may be one', async () => {
    const told = warnings()
    const { client, connection } = await subscribed('b')
    const unsubscribed = client.unsubscribe('b')
    connection.send({ type: 'unsuback', packetId: (await connection.next('unsubscribe')).packetId })
    await unsubscribed
    const granted = client.subscribe('c')
    const { packetId } = await connection.next('subscribe')
    connection.send({ type: 'suback', packetId, returnCodes: [0] }, message('b'))
    await granted
    await quiet()
    expect(told()).toEqual([
      expect.stringMatching(/, or an older subscription of this Session brings it; give onMessage/),
    ])
  })

  test('names it in a session that is kept, which another process may have filled', async () => {
    const told = warnings()
    const { connection } = await subscribed('a', { cleanSession: false, clientId: 'c' })
    await vi.waitFor(() => {
      connection.send(message('b'))
      expect(told()).toEqual([expect.stringContaining('or an older subscription of this Session')])
    })
  })
})

describe('a Packet Identifier of a held message at QoS 2', () => {
  test('on which another message comes after a resumption brings that one to its handler', async () => {
    const { client, connection, server, got } = await listening({
      cleanSession: false,
      clientId: 'c',
      reconnect: { minDelayMs: 1, maxDelayMs: 1 },
    })
    connection.send(message('first', 2, 7))
    await connection.next('pubrec')
    connection.cut()
    const again = await server.admitted(true)
    again.send(message('first', 2, 7))
    await again.until('pubrec')
    again.cut()
    const third = await server.admitted(true)
    third.send(message('second', 2, 7))
    await third.until('pubrec')
    expect(got.map(({ topic }) => topic)).toEqual(['first', 'second'])
    expect(client.stats.anomalies).toBe(1)
  })
})
