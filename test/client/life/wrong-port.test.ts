/** What a program reads when the other end is no MQTT server, or one that closes before CONNACK. */
import { describe, expect, test } from 'vitest'
import { clientOf, event, rejectionOf } from '../peers/client-on-pipe.js'
import { FakeServer } from '../peers/fake-server.js'

describe('before CONNACK', () => {
  const attempt = async (options: Parameters<typeof clientOf>[1] = {}) => {
    const server = new FakeServer()
    const client = clientOf(server, options)
    const connected = client.connect()
    connected.catch(() => {})
    const connection = await server.accepted()
    await connection.next('connect')
    return { client, connected, connection, server }
  }

  test('an alert of TLS is told as TLS', async () => {
    const { connected, connection } = await attempt()
    connection.sendBytes(Buffer.from('1503010002020a', 'hex'))
    expect(await rejectionOf(connected)).toMatchObject({
      code: 'MQTT_CONNECTION_LOST',
      reason: 'tls',
      message: 'the server answers in TLS, where this connection is plain: connect with mqtts://, or set tls to true',
      cause: { code: 'MQTT_MALFORMED_PACKET' },
    })
  })

  test('HTTP is told as a web server', async () => {
    const { connected, connection } = await attempt()
    connection.sendBytes(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))
    expect(await rejectionOf(connected)).toMatchObject({
      code: 'MQTT_MALFORMED_PACKET',
      message: expect.stringMatching(/^this is a web server/),
      offset: 0,
    })
  })

  test.each([
    ['an alert of another version', '150a010002'],
    ['a word that is not HTTP', Buffer.from('HELLO').toString('hex')],
    ['PUBREL with wrong flags', '60020001'],
  ])('%s is malformed, and told as that', async (_, hex) => {
    const { connected, connection } = await attempt()
    connection.sendBytes(Buffer.from(hex, 'hex'))
    expect(await rejectionOf(connected)).toMatchObject({
      code: 'MQTT_MALFORMED_PACKET',
      message: expect.stringMatching(/^received /),
    })
  })

  test('the end of the connection is told as an answer that did not come', async () => {
    const { connected, connection } = await attempt()
    connection.close()
    expect(await rejectionOf(connected)).toMatchObject({
      reason: 'closed',
      message:
        'the server closed the connection instead of answering CONNECT: perhaps it expects TLS (mqtts://), is no server of MQTT 3.1.1, or refuses this client',
    })
  })

  test('so is the break of the connection', async () => {
    const { connected, connection } = await attempt()
    connection.cut()
    expect(await rejectionOf(connected)).toHaveProperty(
      'message',
      expect.stringContaining('instead of answering CONNECT: perhaps'),
    )
  })

  test('behind CONNACK the same bytes are a fault like any other, and the same end is a lost connection', async () => {
    const { client, connected, connection, server } = await attempt({ reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
    connection.send({ type: 'connack', sessionPresent: false, returnCode: 0 })
    await connected
    const malformed = event(client, 'offline')
    connection.sendBytes(Buffer.from('1503010002020a', 'hex'))
    expect((await malformed).error).toMatchObject({ code: 'MQTT_MALFORMED_PACKET' })
    const again = await server.admitted()
    const lost = event(client, 'offline')
    again.close()
    expect((await lost).error).toMatchObject({ reason: 'closed', message: 'the server closed the connection' })
  })
})
