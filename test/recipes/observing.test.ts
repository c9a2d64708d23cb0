/** Prometheus, OpenTelemetry and pino: what they tell of a client that was online, and whose connection was cut. */
import { once } from 'node:events'
import { type BatchObservableCallback, createNoopMeter, metrics } from '@opentelemetry/api'
import { connect, type MqttClient } from 'mqtt311'
import { TestServer } from 'mqtt311/testing'
import pino from 'pino'
import { Registry } from 'prom-client'
import { expect, onTestFinished, test } from 'vitest'
import { watchClient as watchForOpenTelemetry } from '../../docs/recipes/opentelemetry.js'
import { logClients } from '../../docs/recipes/pino.js'
import { watchClient as watchForPrometheus } from '../../docs/recipes/prometheus.js'

async function online(): Promise<{ server: TestServer; client: MqttClient }> {
  const server = new TestServer()
  const client = await connect({ stream: server.stream, reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
  onTestFinished(() => client.end())
  return { server, client }
}

async function cutOnce({ server, client }: { server: TestServer; client: MqttClient }): Promise<void> {
  const back = once(client, 'online')
  server.cut()
  await back
}

test('Prometheus gets gauges, totals that do not double, and losses by code', async () => {
  const both = await online()
  const registry = new Registry()
  watchForPrometheus(both.client, registry)
  await both.client.publish('a', 'x', { qos: 1 })
  await cutOnce(both)
  await registry.metrics()
  const text = await registry.metrics()
  for (const line of [
    'mqtt_online 1',
    'mqtt_queued_messages 0',
    'mqtt_published_total 1',
    'mqtt_losses_total{code="MQTT_CONNECTION_LOST"} 1',
  ]) {
    expect(text.split('\n')).toContain(line)
  }
  expect(() => watchForPrometheus(both.client, registry)).toThrow('already been registered')
})

test('OpenTelemetry gets what is asked for when it exports, and each loss, of what was watched after its SDK started', async () => {
  const both = await online()
  watchForOpenTelemetry(both.client, 'too early')
  const names = new Map<unknown, string>()
  const callbacks: BatchObservableCallback[] = []
  const losses: unknown[] = []
  const observable = (name: string) => {
    const made = { addCallback() {}, removeCallback() {} }
    names.set(made, name)
    return made
  }
  const meter = Object.assign(createNoopMeter(), {
    createObservableGauge: observable,
    createObservableCounter: observable,
    createCounter: () => ({ add: (value: number, attributes: unknown) => losses.push({ value, attributes }) }),
    addBatchObservableCallback: (callback: BatchObservableCallback) => callbacks.push(callback),
  })
  metrics.setGlobalMeterProvider({ getMeter: () => meter })
  onTestFinished(() => metrics.disable())
  watchForOpenTelemetry(both.client, 'lamp')
  expect(callbacks).toHaveLength(1)
  await both.client.publish('a', 'x', { qos: 1 })
  await cutOnce(both)
  const seen = new Map<string | undefined, number>()
  for (const callback of callbacks) {
    callback({ observe: (instrument, value) => seen.set(names.get(instrument), value) })
  }
  expect(Object.fromEntries(seen)).toMatchObject({
    'mqtt.client.online': 1,
    'mqtt.client.queued': 0,
    'mqtt.client.published': 1,
  })
  expect(losses).toMatchObject([
    { value: 1, attributes: { 'messaging.client.id': 'lamp', 'error.type': 'MQTT_CONNECTION_LOST' } },
  ])
})

test('pino gets the life of a client, and no password', async () => {
  const lines: string[] = []
  logClients(pino({ level: 'debug' }, { write: (line) => lines.push(line) }))
  const server = new TestServer()
  const login = { username: 'lamp', password: 'a secret' }
  const client = await connect({ stream: server.stream, ...login, reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
  await cutOnce({ server, client })
  await client.end()
  const entries = lines.map((line): { msg: string } => JSON.parse(line))
  expect(entries.map(({ msg }) => msg)).toEqual(['online', 'offline', 'online', 'ended'])
  expect(entries[1]).toMatchObject({ err: { type: 'ConnectionLostError', code: 'MQTT_CONNECTION_LOST' } })
  expect(lines.join('')).not.toContain('a secret')
})
