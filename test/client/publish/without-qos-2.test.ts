/** A server without QoS 2 that answers such a message with PUBACK, as RabbitMQ does. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { ClientOptions, MqttClient } from '../../../src/index.js'
import { connect } from '../../../src/index.js'
import { fileStore } from '../../../src/store/index.js'
import { type TestServer, testServer } from '../../../src/testing/index.js'
import { rejectionOf } from '../peers/client-on-pipe.js'

async function rabbit(): Promise<TestServer> {
  const server = await testServer({ habits: 'rabbitmq' })
  onTestFinished(() => server.close())
  return server
}

async function clientOf({ stream }: TestServer, options: ClientOptions = {}): Promise<MqttClient> {
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
    const client = await clientOf(await rabbit())
    await client.publish('a', '1', { qos: 2 })
    await client.publish('a', '2', { qos: 2 })
    expect(told()).toEqual([expect.stringMatching(/QoS 2 with PUBACK.*publish at QoS 1, or set profile\.maxQos to 1/)])
    expect(client.state).toBe('online')
    expect(client.stats.anomalies).toBe(2)
  })

  test('settles it with strict: true too, and ends the client', async () => {
    const client = await clientOf(await rabbit(), { strict: true })
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
    const start = () => clientOf(server, { clientId: 'c', cleanSession: false, store: fileStore(directory), strict })
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
