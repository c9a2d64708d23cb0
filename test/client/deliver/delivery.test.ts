import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Message, MqttClient } from '../../../src/index.js'
import { clientOf, gate, online, quiet } from '../peers/client-on-pipe.js'
import { FakeServer, message } from '../peers/fake-server.js'

const persistent = { cleanSession: false, clientId: 'c', reconnect: { minDelayMs: 1, maxDelayMs: 1 } } as const

describe('a message', () => {
  test('goes once to each handler whose filter matches, for each PUBLISH', async () => {
    const got: string[] = []
    const { client, connection } = await online({ handlers: { 'a/b': () => got.push('option') } })
    const wide = () => got.push('wide')
    client.handle('a/+', wide)
    client.handle('#', wide)
    client.handle('a/b', () => got.push('exact'))
    client.handle('a/c', () => got.push('other'))
    connection.send(message('a/b'))
    await quiet()
    expect(got.sort()).toEqual(['exact', 'option', 'wide'])
  })

  test('does not reach a wildcard at the first level when its topic begins with $ [MQTT-4.7.2-1]', async () => {
    const got: string[] = []
    const { client, connection } = await online({ onMessage: () => got.push('rest') })
    client.handle('#', () => got.push('all'))
    client.handle('+/x', () => got.push('level'))
    client.handle('$SYS/#', () => got.push('system'))
    connection.send(message('$SYS/x'))
    await quiet()
    expect(got).toEqual(['system'])
  })

  test('carries what PUBLISH says', async () => {
    const got: Message[] = []
    const { client, connection } = await online()
    client.handle('#', (message) => got.push(message))
    const payload = Buffer.from('{"n":1}')
    connection.send({ type: 'publish', topic: 'a', payload, retain: true, qos: 1, packetId: 3, dup: true })
    await connection.next('puback')
    expect(got).toMatchObject([{ topic: 'a', payload, qos: 1, retain: true, dup: true }])
  })

  test('owns its payload, and not the memory that the socket is read into', async () => {
    const got: Message[] = []
    const server = new FakeServer()
    const client = new MqttClient({ url: await server.listen(), onMessage: (message) => got.push(message) })
    onTestFinished(() => client.destroy())
    const connected = client.connect()
    const connection = await server.admitted()
    await connected
    for (const topic of ['first', 'other']) {
      connection.send(message(topic, 1))
      await connection.next('puback')
    }
    expect(got.map(({ payload }) => payload.toString())).toEqual(['first', 'other'])
    for (const { payload } of got) expect(payload.buffer.byteLength).toBeLessThan(65_536)
  })

  test('of a resumed session finds options.handlers right behind CONNACK', async () => {
    const server = new FakeServer()
    const got: string[] = []
    const client = clientOf(server, { ...persistent, handlers: { 'a/#': ({ topic }) => got.push(topic) } })
    const connected = client.connect()
    const connection = await server.accepted()
    await connection.next('connect')
    connection.send({ type: 'connack', sessionPresent: true, returnCode: 0 }, message('a/b', 1, 5))
    await connected
    expect(await connection.next('puback')).toEqual({ type: 'puback', packetId: 5 })
    expect(got).toEqual(['a/b'])
  })

  test('that nobody claims goes to onMessage', async () => {
    const got: string[] = []
    const { client, connection } = await online({ onMessage: ({ topic }) => got.push(topic) })
    client.handle('a', () => {})
    connection.send(message('a'), message('b', 1))
    await connection.next('puback')
    expect(got).toEqual(['b'])
    expect(client.stats.unclaimed).toBe(0)
  })

  test('that nobody claims at all is acknowledged, counted, and warned of once [MQTT-4.5.0-2] [4.5 unasked messages]', async () => {
    const warnings = watchWarnings()
    const { client, connection } = await online()
    connection.send(message('a', 1, 1), message('b', 2, 2), message('c'))
    await connection.next('puback')
    await connection.next('pubrec')
    await quiet()
    expect(client.stats.unclaimed).toBe(3)
    expect(warnings).toHaveLength(1)
    expect(String(warnings[0])).toContain('"a"')
    // A program tells our warnings from others by this name.
    expect(process.emitWarning).toHaveBeenCalledWith(warnings[0], 'Mqtt311Warning')
  })
})

describe('an acknowledgement', () => {
  test('follows the end of the handlers, all of them', async () => {
    const { client, connection } = await online()
    const [slow, slower] = [gate(), gate()]
    client.handle('a', () => slow.promise)
    client.handle('a', () => slower.promise)
    connection.send(message('a', 1, 1))
    await quiet()
    expect(client.stats.running).toBe(1)
    slow.open()
    await quiet()
    expect(connection.names).toEqual(['connect'])
    slower.open()
    expect(await connection.next('puback')).toEqual({ type: 'puback', packetId: 1 })
    expect(client.stats.running).toBe(0)
  })

  test.each([
    ['puback', 1],
    ['pubrec', 2],
  ] as const)(
    'leaves in the order of arrival, whichever handler ends first: %s [MQTT-4.6.0-2] [MQTT-4.6.0-3]',
    async (type, qos) => {
      const { client, connection } = await online()
      const gates = [gate(), gate(), gate()]
      let next = 0
      client.handle('a', () => gates[next++]?.promise)
      connection.send(message('a', qos, 1), message('a', qos, 2), message('a', qos, 3))
      await quiet()
      for (const index of [2, 1]) gates[index]?.open()
      await quiet()
      expect(connection.names).toEqual(['connect'])
      gates[0]?.open()
      await quiet()
      expect(connection.received.slice(1)).toEqual([1, 2, 3].map((packetId) => ({ type, packetId })))
    },
  )

  test('at one QoS does not wait for a handler at the other', async () => {
    const { client, connection } = await online()
    client.handle('slow', () => new Promise(() => {}))
    client.handle('quick', () => {})
    connection.send(message('slow', 2, 1), message('quick', 1, 2))
    await quiet()
    expect(connection.received.slice(1)).toEqual([{ type: 'puback', packetId: 2 }])
  })

  test('of QoS 2 is PUBREC after the handler, PUBCOMP after PUBREL, and a copy is not delivered [MQTT-4.3.3-2]', async () => {
    const { client, connection } = await online()
    let calls = 0
    client.handle('a', () => {
      calls += 1
    })
    connection.send(message('a', 2, 7))
    await connection.next('pubrec')
    connection.send(message('a', 2, 7, true))
    await connection.next('pubrec')
    connection.send({ type: 'pubrel', packetId: 7 })
    expect(await connection.next('pubcomp')).toEqual({ type: 'pubcomp', packetId: 7 })
    expect(calls).toBe(1)
  })

  test('is not sent on a connection that did not carry the PUBLISH', async () => {
    const { client, connection, server } = await online(persistent)
    const slow = gate()
    let calls = 0
    client.handle('a', () => {
      calls += 1
      return slow.promise
    })
    connection.send(message('a', 1, 1))
    await quiet()
    connection.cut()
    const again = await server.admitted(true)
    await quiet()
    slow.open()
    await quiet()
    expect(again.names).toEqual(['connect'])
    expect(calls).toBe(1)
  })

  test('is one for a copy that joins a running handler, across a resumed connection too', async () => {
    const { client, connection, server } = await online(persistent)
    const slow = gate()
    let calls = 0
    client.handle('a', () => {
      calls += 1
      return slow.promise
    })
    connection.send(message('a', 2, 7))
    connection.send(message('a', 2, 7, true))
    await quiet()
    expect(calls).toBe(1)
    connection.cut()
    const again = await server.admitted(true)
    again.send(message('a', 2, 7, true))
    await quiet()
    expect(again.names).toEqual(['connect'])
    slow.open()
    expect(await again.next('pubrec')).toEqual({ type: 'pubrec', packetId: 7 })
    await quiet()
    expect(again.all('pubrec')).toHaveLength(1)
    expect(calls).toBe(1)
  })

  test('PUBREL that is unknown is answered with PUBCOMP, and never closes the connection [MQTT-4.3.3-2]', async () => {
    const { client, connection } = await online()
    connection.send({ type: 'pubrel', packetId: 99 })
    expect(await connection.next('pubcomp')).toEqual({ type: 'pubcomp', packetId: 99 })
    expect(client.state).toBe('online')
    expect(client.stats.anomalies).toBe(1)
  })
})

/** The warnings of the process from here to the end of the test. */
function watchWarnings(): (string | Error)[] {
  const warnings: (string | Error)[] = []
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(warning))
  onTestFinished(() => spy.mockRestore())
  return warnings
}

test('a payload that is transferred takes no other message with it, nor the connection', async () => {
  const got: Message[] = []
  const { client, connection } = await online()
  client.handle('#', (arrived) => {
    got.push(arrived)
    // `postMessage(payload, [payload.buffer])` does the same. Later releases of Node refuse the transfer.
    const { buffer } = arrived.payload
    try {
      if (buffer instanceof ArrayBuffer) structuredClone(arrived.payload, { transfer: [buffer] })
    } catch (error) {
      expect(error).toHaveProperty('name', 'DataCloneError')
    }
  })
  // Earlier tests of this process have used a part of the block of payloads.
  connection.send({ type: 'publish', topic: 'fill', payload: Buffer.alloc(4_000), retain: false, qos: 0 })
  connection.send({ type: 'publish', topic: 'fill', payload: Buffer.alloc(4_000), retain: false, qos: 0 })
  connection.send({ type: 'publish', topic: 'fill', payload: Buffer.alloc(4_000), retain: false, qos: 0 })
  connection.send(message('first'), message('second'), message('third'))
  await quiet()
  connection.send(message('fourth'))
  await quiet()
  expect(got.slice(-4).map((one) => one.text())).toEqual(['first', 'second', 'third', 'fourth'])
  expect(client.state).toBe('online')
})
