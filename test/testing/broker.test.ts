/** The server as a server: what MQTT 3.1.1 asks of one. */
import { describe, expect, test, vi } from 'vitest'
import { encodePacket } from '../../src/codec/index.js'
import { fakeTime, pass } from '../client/peers/client-on-pipe.js'
import { admitted, connectPacket, publish, RawClient, serverInMemory, subscribed } from './raw-client.js'

const summary = (packet: unknown) => {
  const { type, topic, qos, packetId, dup } = Object(packet)
  return [type, topic, qos, packetId, dup].filter((value) => value !== undefined).join(' ')
}

describe('a client', () => {
  test('is admitted, and gets an identifier where it has none [MQTT-3.1.3-6]', async () => {
    const server = serverInMemory()
    const accepted = server.accepts()
    await admitted(server, { clientId: '' })
    expect((await accepted).clientId).toMatch(/^unnamed-/)
  })

  test('without an identifier gets no Session that is kept [MQTT-3.1.3-8]', async () => {
    const client = new RawClient(serverInMemory())
    const bytes = encodePacket(connectPacket({ clientId: '' }))
    // The flag Clean Session; the encoder refuses to leave it out.
    bytes[9] = 0
    client.sendBytes(bytes)
    expect(await client.next()).toMatchObject({ returnCode: 2 })
    await client.closed
  })

  test('that sends something else first is cut [MQTT-3.1.0-1]', async () => {
    const server = serverInMemory()
    const accepted = server.accepts()
    const client = new RawClient(server)
    client.send({ type: 'pingreq' })
    await client.closed
    expect(await (await accepted).closed).toMatchObject({
      violation: 'before-connect',
      message: 'the client sent PINGREQ before its CONNECT was accepted [MQTT-3.1.0-1]',
    })
  })

  test('that sends CONNECT twice is cut [MQTT-3.1.0-2]', async () => {
    const server = serverInMemory()
    const client = await admitted(server)
    const [connection] = server.connections
    client.send(connectPacket())
    expect(await connection?.closed).toMatchObject({ violation: 'second-connect' })
  })

  test('that sends the first byte of what only a server may send is cut [MQTT-4.8.0-1]', async () => {
    const server = serverInMemory()
    const client = await admitted(server)
    client.sendBytes(Buffer.of(0x90))
    await client.closed
    const message = 'the client sent SUBACK, which only a server may send [MQTT-4.8.0-1]'
    expect(server.faults).toMatchObject([{ violation: 'server-only-packet', statement: 'MQTT-4.8.0-1', message }])
  })

  test('that speaks another version of the protocol is told so [MQTT-3.1.2-2]', async () => {
    const client = new RawClient(serverInMemory())
    const bytes = encodePacket(connectPacket())
    bytes[8] = 5
    client.sendBytes(bytes)
    expect(await client.next()).toMatchObject({ type: 'connack', returnCode: 1 })
    await client.closed
  })

  test('that speaks another version after it was admitted is cut: one CONNACK is all it gets [MQTT-3.1.0-2]', async () => {
    const server = serverInMemory()
    const client = await admitted(server)
    const bytes = encodePacket(connectPacket())
    bytes[8] = 5
    client.sendBytes(bytes)
    await client.closed
    expect(client.received.map(({ type }) => type)).toEqual(['connack'])
    expect(server.faults).toMatchObject([{ statement: 'MQTT-3.1.2-2' }])
  })

  test('that sends bytes which are no packet is cut, and the fault is told', async () => {
    const server = serverInMemory()
    const client = await admitted(server)
    client.sendBytes(Buffer.of(0, 0))
    await client.closed
    expect(server.faults).toMatchObject([{ code: 'MQTT_MALFORMED_PACKET', fault: 'packet-type' }])
  })

  test('that is silent for one and a half times Keep Alive is cut; any packet counts [MQTT-3.1.2-24]', async () => {
    fakeTime()
    const server = serverInMemory()
    const client = await admitted(server, { keepAlive: 2 })
    await pass(2_999)
    client.send({ type: 'pingreq' })
    await pass(2_999)
    expect(server.connections).toHaveLength(1)
    await pass(1)
    expect(server.connections).toHaveLength(0)
    expect(server.faults).toMatchObject([{ reason: 'timed-out' }])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('throws out the one before with its identifier, whose will is published [MQTT-3.1.4-2]', async () => {
    const server = serverInMemory()
    const watcher = await subscribed(server, { gone: 0 }, { clientId: 'watcher' })
    const will = { topic: 'gone', payload: Buffer.from('w'), qos: 0, retain: false } as const
    const first = await admitted(server, { will })
    await admitted(server)
    await first.closed
    expect(await watcher.next()).toMatchObject({ topic: 'gone' })
    expect(server.faults).toEqual([])
  })
})

describe('a message', () => {
  test.each([0, 1, 2] as const)('of a client at QoS %i is acknowledged and delivered', async (qos) => {
    const server = serverInMemory()
    const receiver = await subscribed(server, { 'a/+': 2 }, { clientId: 'receiver' })
    const sender = await admitted(server)
    sender.send(publish('a/b', qos, 7))
    const answers = await sender.allUntilPing()
    expect(answers.map(summary)).toEqual([[], ['puback 7'], ['pubrec 7']][qos])
    expect(await receiver.next()).toMatchObject({ type: 'publish', topic: 'a/b', qos, retain: false })
  })

  test('has the lower one of the two QoS, and comes once where several filters match', async () => {
    const server = serverInMemory()
    const receiver = await subscribed(server, { 'a/#': 0, 'a/b': 1 }, { clientId: 'receiver' })
    await admitted(server).then((sender) => sender.send(publish('a/b', 2, 1)))
    await server.receives('publish')
    expect((await receiver.allUntilPing()).map(summary)).toEqual(['publish a/b 1 1 false'])
  })

  test('at QoS 2 is published once, however often it comes before PUBREL [MQTT-4.3.3-2]', async () => {
    const server = serverInMemory()
    const receiver = await subscribed(server, { a: 0 }, { clientId: 'receiver' })
    const sender = await admitted(server)
    sender.send(publish('a', 2, 7), publish('a', 2, 7, true))
    sender.send({ type: 'pubrel', packetId: 7 }, { type: 'pubrel', packetId: 7 }, publish('a', 2, 7))
    expect((await sender.allUntilPing()).map(summary)).toEqual([
      'pubrec 7',
      'pubrec 7',
      'pubcomp 7',
      'pubcomp 7',
      'pubrec 7',
    ])
    expect(await receiver.allUntilPing()).toHaveLength(2)
  })

  test('that is retained comes to those who subscribe later, until an empty one removes it [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]', async () => {
    const server = serverInMemory()
    const sender = await admitted(server)
    const retained = { ...publish('a/b', 1, 1), retain: true }
    sender.send(retained)
    await sender.next()
    expect([...server.retained]).toEqual([['a/b', Buffer.from('a/b')]])
    const receiver = await subscribed(server, { '#': 0 }, { clientId: 'receiver' })
    expect(await receiver.next()).toMatchObject({ topic: 'a/b', retain: true, qos: 0 })
    sender.send({ ...retained, payload: Buffer.alloc(0) })
    expect(await receiver.next()).toMatchObject({ topic: 'a/b', retain: false })
    const later = await subscribed(server, { '#': 0 }, { clientId: 'later' })
    expect(await later.allUntilPing()).toEqual([])
  })

  test('goes no longer to a Session that has unsubscribed [MQTT-3.10.4-5]', async () => {
    const server = serverInMemory()
    const client = await subscribed(server, { a: 1 })
    expect([...server.subscriptions('raw')]).toEqual([['a', 1]])
    client.send({ type: 'unsubscribe', packetId: 2, filters: ['a', 'never'] })
    expect(await client.next()).toEqual({ type: 'unsuback', packetId: 2 })
    expect(await server.publish('a', 'x')).toBe(0)
  })
})

describe('a Session', () => {
  test('that is kept gets what came meanwhile, and what it has not acknowledged, with DUP 1 [MQTT-4.4.0-1]', async () => {
    const server = serverInMemory()
    const kept = { cleanSession: false, clientId: 'kept' }
    const before = await subscribed(server, { '#': 2 }, kept)
    server.publish('first', '1', { qos: 1 })
    server.publish('second', '2', { qos: 2 })
    const [one, two] = [await before.next(), await before.next()]
    expect([one, two].map(summary)).toEqual(['publish first 1 1 false', 'publish second 2 2 false'])
    before.send({ type: 'pubrec', packetId: 2 })
    expect(await before.next()).toEqual({ type: 'pubrel', packetId: 2 })
    before.cut()
    await server.connections[0]?.closed
    server.publish('third', '3', { qos: 1 })
    const after = new RawClient(server)
    after.send(connectPacket(kept))
    expect((await after.allUntilPing()).map(summary)).toEqual([
      'connack',
      'publish first 1 1 true',
      'pubrel 2',
      'publish third 1 3 false',
    ])
    expect(after.received[0]).toMatchObject({ sessionPresent: true })
  })

  test('that is clean starts empty, and ends with its connection', async () => {
    const server = serverInMemory()
    const before = await subscribed(server, { '#': 2 }, { cleanSession: false })
    before.send({ type: 'disconnect' })
    await before.closed
    expect(server.subscriptions('raw').size).toBe(1)
    await admitted(server, { cleanSession: true })
    expect(server.subscriptions('raw').size).toBe(0)
    server.cut()
    const after = new RawClient(server)
    after.send(connectPacket({ cleanSession: false }))
    expect(await after.next()).toMatchObject({ sessionPresent: false })
  })
})

describe('a will', () => {
  const will = { topic: 'gone', payload: Buffer.from('w'), qos: 1, retain: true } as const

  test('is published, and retained, when the connection breaks [MQTT-3.1.2-8]', async () => {
    const server = serverInMemory()
    const watcher = await subscribed(server, { gone: 1 }, { clientId: 'watcher' })
    const client = await admitted(server, { will })
    client.cut()
    expect(await watcher.next()).toMatchObject({ topic: 'gone', qos: 1 })
    expect([...server.retained.keys()]).toEqual(['gone'])
  })

  test('is not published after DISCONNECT [MQTT-3.14.4-3]', async () => {
    const server = serverInMemory()
    const client = await admitted(server, { will })
    client.send({ type: 'disconnect' })
    await client.closed
    expect([...server.retained]).toEqual([])
  })
})
