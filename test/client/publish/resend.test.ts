import { describe, expect, test } from 'vitest'
import { event, online, quiet } from '../peers/client-on-pipe.js'
import { message } from '../peers/fake-server.js'

const quick = { reconnect: { minDelayMs: 1, maxDelayMs: 1 } }
const persistent = { cleanSession: false, clientId: 'c', ...quick }

describe('messages', () => {
  test('in flight are sent again on the resumed session, in order, with DUP 1, and before what is new [MQTT-4.4.0-1]', async () => {
    const { client, connection, server } = await online(persistent)
    const published = [1, 2, 3].map((n) => client.publish('a', String(n), { qos: 1 }))
    await connection.next('publish')
    connection.cut()
    await event(client, 'offline')
    published.push(client.publish('a', '4', { qos: 2 }))
    server.serve()
    const again = await server.admitted(true)
    await Promise.all(published)
    expect(again.all('publish').map((packet) => [packet.payload.toString(), packet.qos !== 0 && packet.dup])).toEqual([
      ['1', true],
      ['2', true],
      ['3', true],
      ['4', false],
    ])
    expect(client.stats.resent).toBe(3)
  })

  test('of a clean session become new messages: DUP 0, same order [MQTT-3.1.2-6]', async () => {
    const { client, connection, server } = await online(quick)
    const published = [1, 2, 3].map((n) => client.publish('a', String(n), { qos: 1 }))
    await connection.next('publish')
    connection.cut()
    server.serve()
    const again = await server.admitted()
    await Promise.all(published)
    expect(again.all('publish').map((packet) => [packet.payload.toString(), packet.qos !== 0 && packet.dup])).toEqual([
      ['1', false],
      ['2', false],
      ['3', false],
    ])
  })

  test('sent again and cut a second time survive', async () => {
    const { client, connection, server } = await online({ ...persistent, maxInFlight: 3 })
    const published = Array.from({ length: 10 }, (_, n) => client.publish('a', String(n), { qos: 1 }))
    await connection.next('publish')
    connection.cut()
    const second = await server.admitted(true)
    await second.next('publish')
    second.cut()
    server.serve()
    const third = await server.admitted(true)
    await Promise.all(published)
    expect(third.all('publish').map(({ payload }) => Number(payload.toString()))).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ])
  })

  test('held behind PUBREC are released by PUBREL on the next connection, never published again [MQTT-4.3.3-1]', async () => {
    const { client, connection, server } = await online(persistent)
    const published = client.publish('a', 'x', { qos: 2 })
    const publish = await connection.next('publish')
    const packetId = publish.qos === 0 ? 0 : publish.packetId
    connection.send({ type: 'pubrec', packetId })
    await connection.next('pubrel')
    connection.cut()
    server.serve()
    const again = await server.admitted(true)
    await published
    expect(again.names).toEqual(['connect', 'pubrel'])
  })

  test('a resend of 100 messages does not delay online, and takes no round trip each', async () => {
    const { client, connection, server } = await online({ ...persistent, maxInFlight: 100 })
    for (let n = 0; n < 100; n++) client.publish('a', String(n), { qos: 1 })
    await connection.next('publish')
    connection.cut()
    const again = await server.admitted(true)
    await event(client, 'online')
    await quiet()
    expect(again.all('publish')).toHaveLength(100)
  })
})

test('a message in hand does not come twice because its QoS 2 exchange spans two connections', async () => {
  const got: string[] = []
  const { client, connection, server } = await online(persistent)
  client.handle('a', ({ topic }) => got.push(topic))
  connection.send(message('a', 2, 9))
  await connection.next('pubrec')
  connection.cut()
  const again = await server.admitted(true)
  again.send(message('a', 2, 9, true))
  await again.next('pubrec')
  again.send({ type: 'pubrel', packetId: 9 })
  await again.next('pubcomp')
  expect(got).toEqual(['a'])
})
