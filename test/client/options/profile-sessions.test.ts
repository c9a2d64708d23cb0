/** What a profile knows of sessions: of servers that lose a part of one (RabbitMQ), or go on with one that they deny (ActiveMQ). */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type ClientOptions, connect } from '../../../src/index.js'
import { activemq, rabbitmq } from '../../../src/servers/index.js'
import { fileStore } from '../../../src/store/index.js'
import { testServer } from '../../../src/testing/index.js'
import { clientOf, event, online } from '../peers/client-on-pipe.js'
import { type FakeConnection, type FakeServer, message } from '../peers/fake-server.js'

const persistent = { cleanSession: false, clientId: 'c', reconnect: { minDelayMs: 1, maxDelayMs: 1 } } as const

describe("a profile with resubscribe 'always'", () => {
  test.each([
    [rabbitmq, ['1', '2']],
    [undefined, ['1']],
  ])(
    'brings messages at QoS 0 in a session that the server has resumed without them: %o',
    async (profile, expected) => {
      const server = await testServer({ habits: 'rabbitmq' })
      onTestFinished(() => server.close())
      const client = await connect({ ...persistent, stream: server.stream, profile })
      onTestFinished(() => client.destroy())
      const got: string[] = []
      await client.subscribe('zero', { qos: 0 }, (received) => got.push(received.text()))
      await client.subscribe('one', { qos: 1 }, () => {})
      await server.publish('zero', '1')
      await client.ping()
      const back = event(client, 'online')
      server.cut()
      expect(await back).toEqual({ sessionPresent: true })
      await client.ping()
      await server.publish('zero', '2')
      await client.ping()
      expect(got).toEqual(expected)
    },
  )
})

describe("a profile with sessionPresent 'always-0'", () => {
  const denied = async (server: FakeServer, before: FakeConnection): Promise<FakeConnection> => {
    before.cut()
    return server.admitted(false)
  }

  test.each([
    [activemq, ['pubrel']],
    [undefined, ['publish']],
  ])('sends PUBREL again, where the PUBLISH would be delivered twice: %o', async (profile, expected) => {
    const { server, client, connection } = await online({ ...persistent, profile })
    const published = client.publish('a', 'x', { qos: 2 })
    await connection.next('publish')
    connection.send({ type: 'pubrec', packetId: 1 })
    await connection.next('pubrel')
    server.serve()
    const next = await denied(server, connection)
    await published
    expect(next.names.slice(1, 2)).toEqual(expected)
  })

  test('settles a message whose PUBREL stays unanswered on two connections, and warns', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue()
    onTestFinished(() => warned.mockRestore())
    const { server, client, connection } = await online({ ...persistent, profile: activemq })
    const published = client.publish('a', 'x', { qos: 2 })
    await connection.next('publish')
    connection.send({ type: 'pubrec', packetId: 1 })
    let last = connection
    for (let again = 0; again < 2; again += 1) {
      await last.until('pubrel')
      last = await denied(server, last)
    }
    await last.until('pubrel')
    await denied(server, last)
    await published
    expect(warned.mock.calls).toEqual([
      [expect.stringMatching(/^PUBREL 1 .*profile\.sessionPresent/), expect.anything()],
    ])
  })

  const copy = message('a', 2, 5, true)

  test.each([
    [activemq, 1],
    [undefined, 2],
  ])('knows a copy that comes two connections later: %o', async (profile, handled) => {
    const got: string[] = []
    const { server, connection } = await online({
      ...persistent,
      profile,
      handlers: { a: ({ topic }) => got.push(topic) },
    })
    connection.send(message('a', 2, 5))
    await connection.next('pubrec')
    const later = await denied(server, await denied(server, connection))
    later.send(copy)
    await later.until('pubrec')
    expect(got).toHaveLength(handled)
  })

  test.each([
    [activemq, 1],
    [undefined, 2],
  ])('knows it in the next process too: %o', async (profile, handled) => {
    const directory = mkdtempSync(join(tmpdir(), 'mqtt311-denied-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const got: string[] = []
    const options = (): ClientOptions => ({
      ...persistent,
      profile,
      store: fileStore(directory),
      handlers: { a: ({ topic }) => got.push(topic) },
    })
    const { server, client, connection } = await online(options())
    connection.send(message('a', 2, 5))
    await connection.next('pubrec')
    client.destroy()
    await client.closed.catch(() => {})
    const next = clientOf(server, options())
    next.connect()
    const later = await server.admitted(false)
    later.send(copy)
    await later.until('pubrec')
    expect(got).toHaveLength(handled)
  })
})
