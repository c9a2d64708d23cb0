/** Against aedes, a server that knows only the standard: a client may not need more than the standard promises. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { connect, MqttClient } from '../../src/index.js'
import { aedesServer } from './peers/aedes-server.js'
import { outcomeOf } from './peers/client-on-pipe.js'
import { FakeServer } from './peers/fake-server.js'

describe('a client without a profile', () => {
  test('connects, subscribes, publishes and is answered at every QoS by a plain server [MQTT-7.0.0-2]', async () => {
    const url = await aedesServer()
    const client = await connect(url)
    const stream = await client.messages('plain/+', { qos: 2 })
    expect(stream.granted).toEqual([{ filter: 'plain/+', qos: 2 }])
    for (const qos of [0, 1, 2] as const) await client.publish(`plain/${qos}`, 'payload', { qos })
    const got: string[] = []
    for await (const message of stream) {
      got.push(`${message.topic} at ${message.qos}: ${message.text()}`)
      if (got.length === 3) break
    }
    expect(got).toEqual(['plain/0 at 0: payload', 'plain/1 at 1: payload', 'plain/2 at 2: payload'])
    expect(await client.ping()).toBeGreaterThanOrEqual(0)
    await client.end()
  })

  test('refuses nothing that the standard allows [MQTT-7.0.0-2]', async () => {
    const server = new FakeServer()
    server.serve()
    const client = new MqttClient({
      stream: server.stream,
      keepAlive: 65_535,
      will: { topic: 'w', payload: '', qos: 2, retain: true },
    })
    onTestFinished(() => client.destroy())
    const connected = client.connect()
    const connection = await server.admitted()
    await connected
    expect(connection.received[0]).toMatchObject({ keepAlive: 65_535, will: { qos: 2, retain: true } })
    const deep = '/'.repeat(1_000)
    for (const topic of [deep, ' ', 'ä'.repeat(1_000)])
      expect(await outcomeOf(client.publish(topic, Buffer.alloc(300_000), { qos: 2, retain: true }))).toEqual({
        value: undefined,
      })
    expect(
      await outcomeOf(client.subscribe(Array.from({ length: 200 }, (_, index) => `${deep}${index}`))),
    ).toHaveProperty('value')
  })
})
