import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { event, type Online, online, quiet } from '../peers/client-on-pipe.js'
import { encode, message } from '../peers/fake-server.js'

const patient = { reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 } }

/** A client with a handler for everything, and a list of what it got. */
async function listening(options: Parameters<typeof online>[0] = {}): Promise<Online & { readonly got: string[] }> {
  const got: string[] = []
  const pair = await online({ ...patient, ...options, onMessage: ({ topic }) => got.push(topic) })
  return { ...pair, got }
}

const bytes = (...values: number[]) => Buffer.from(values)

describe('a fault of the server ends the connection without DISCONNECT [MQTT-4.8.0-1]', () => {
  test.each([
    ['a packet type of 0', bytes(0x00, 0), { code: 'MQTT_MALFORMED_PACKET', fault: 'packet-type' }],
    ['a PUBLISH at QoS 3', bytes(0x36, 5, 0, 1, 97, 0, 1), { code: 'MQTT_MALFORMED_PACKET', fault: 'qos' }],
    ['a topic with a wildcard', bytes(0x30, 3, 0, 1, 0x23), { code: 'MQTT_MALFORMED_PACKET', fault: 'topic-name' }],
    ['a second CONNACK', bytes(0x20, 2, 0, 0), { code: 'MQTT_PROTOCOL_VIOLATION', violation: 'second-connack' }],
    ['a PINGREQ', bytes(0xc0, 0), { code: 'MQTT_PROTOCOL_VIOLATION', violation: 'client-only-packet' }],
    [
      'the first byte of a SUBSCRIBE',
      bytes(0x82),
      {
        code: 'MQTT_PROTOCOL_VIOLATION',
        violation: 'client-only-packet',
        message: 'the server sent SUBSCRIBE, which only a client may send [MQTT-4.8.0-1]',
      },
    ],
    ['a SUBACK for nothing', bytes(0x90, 3, 0, 9, 0), { code: 'MQTT_PROTOCOL_VIOLATION', violation: 'unknown-suback' }],
  ])('%s; what came before it was handled, nothing behind it is looked at', async (_, fault, expected) => {
    const { client, connection, got } = await listening({ strict: true })
    const offline = event(client, 'offline')
    connection.sendBytes(Buffer.concat([encode(message('before')), fault, encode(message('behind', 1, 1))]))
    expect((await offline).error).toMatchObject(expected)
    await connection.closed
    expect(got).toEqual(['before'])
    expect(connection.names).toEqual(['connect'])
  })

  test('a SUBACK of the wrong length [MQTT-3.8.4-5]', async () => {
    const { client, connection, got } = await listening()
    client.subscribe(['a', 'b'])
    const { packetId } = await connection.next('subscribe')
    const offline = event(client, 'offline')
    connection.send({ type: 'suback', packetId, returnCodes: [0] }, message('behind'))
    expect((await offline).error).toMatchObject({ violation: 'suback-length' })
    await quiet()
    expect(got).toEqual([])
  })

  test('an identifier of QoS 2 that is used at QoS 1, and the next connection is not held to it', async () => {
    const { client, connection, server, got } = await listening({
      strict: true,
      cleanSession: false,
      clientId: 'c',
      reconnect: { minDelayMs: 1, maxDelayMs: 1 },
    })
    connection.send(message('first', 2, 7))
    await connection.next('pubrec')
    const offline = event(client, 'offline')
    connection.send(message('second', 1, 7))
    expect((await offline).error).toMatchObject({ violation: 'identifier-in-use' })
    const again = await server.admitted(true)
    again.send(message('second', 1, 7))
    await again.next('puback')
    expect(got).toEqual(['first', 'second'])
  })

  test('Session Present 1 after a clean session was asked [MQTT-3.2.2-1]', async () => {
    const { client, connection, server } = await listening({
      strict: true,
      reconnect: { minDelayMs: 1, maxDelayMs: 1 },
    })
    connection.cut()
    await event(client, 'offline')
    const offline = event(client, 'offline')
    await server.admitted(true)
    expect((await offline).error).toMatchObject({ violation: 'session-present-after-clean-session' })
  })
})

describe('a packet over maxPacketBytes', () => {
  test('is refused at its header: 256 MiB are declared, five bytes are sent', async () => {
    const { client, connection } = await listening()
    const offline = event(client, 'offline')
    connection.sendBytes(bytes(0x30, 0xff, 0xff, 0xff, 0x7f))
    expect((await offline).error).toMatchObject({ code: 'MQTT_MALFORMED_PACKET', fault: 'packet-too-large' })
    await connection.closed
  })

  test('is one byte too long; without that byte it is taken', async () => {
    const { client, connection, got } = await listening({ maxPacketBytes: 100 })
    const packet = (payloadBytes: number) =>
      ({ type: 'publish', topic: 'a', payload: Buffer.alloc(payloadBytes), retain: false, qos: 0 }) as const
    connection.send(packet(95))
    await quiet()
    expect(got).toEqual(['a'])
    const offline = event(client, 'offline')
    connection.send(packet(96))
    expect((await offline).error).toMatchObject({ fault: 'packet-too-large' })
  })
})

describe('a server without QoS 2', () => {
  test('that answers with PUBACK has the message: it is settled, and the program is warned once', async () => {
    const { client, connection } = await listening()
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue()
    onTestFinished(() => warned.mockRestore())
    for (const payload of ['one', 'two']) {
      const published = client.publish('a', payload, { qos: 2 })
      const packet = await connection.next('publish')
      if (packet.qos !== 0) connection.send({ type: 'puback', packetId: packet.packetId })
      await published
    }
    expect(warned.mock.calls.map(([text]) => text)).toEqual([expect.stringContaining('set profile.maxQos to 1')])
    expect(client.stats).toMatchObject({ anomalies: 2, inFlight: 0 })
    expect(client.state).toBe('online')
  })
})

describe('what is odd but harmless', () => {
  test.each([
    ['PUBACK for nothing', { type: 'puback', packetId: 9 }],
    ['PUBCOMP for nothing', { type: 'pubcomp', packetId: 9 }],
    ['UNSUBACK for nothing', { type: 'unsuback', packetId: 9 }],
    ['PUBREC for nothing', { type: 'pubrec', packetId: 9 }],
    ['PUBREL for nothing', { type: 'pubrel', packetId: 9 }],
    ['PINGRESP for nothing', { type: 'pingresp' }],
    ['SUBACK for nothing', { type: 'suback', packetId: 9, returnCodes: [0] }],
  ] as const)('%s is counted, and the connection goes on', async (_, packet) => {
    const { client, connection, got } = await listening()
    connection.send(packet, message('behind'))
    await quiet()
    expect(got).toEqual(['behind'])
    expect(client.stats.anomalies).toBe(1)
    expect(client.state).toBe('online')
  })
})
