import { afterEach, expect, it } from 'vitest'
import { startPlatform } from '../../fixtures/platform/index.js'
import { ca } from '../../fixtures/tls/index.js'
import { aliyun, aliyunProfile } from '../../src/aliyun/index.js'
import { ConnectionLostError, connect, type MqttClient, type OfflineEvent } from '../../src/index.js'

const lamp = { productKey: 'a1Pk', deviceName: 'lamp', deviceSecret: 'the secret of the lamp' }
const open: AsyncDisposable[] = []

afterEach(async () => {
  for (const resource of open.splice(0).reverse()) await resource[Symbol.asyncDispose]()
})

/** Two clients of one device, each of which reconnects at once, and what they report until both have understood. */
async function twins() {
  const platform = await startPlatform({ devices: [lamp], limits: 'off' })
  open.push(platform)
  const endpoint = { host: platform.host, port: platform.port }
  const { connectsPerMinute: _, ...profile } = aliyunProfile
  const make = (clientId: string) =>
    connect(
      aliyun(
        { ...lamp, clientId },
        { endpoint, tls: { ca }, profile, reconnect: { minDelayMs: 1, maxDelayMs: 5, maxAttemptsPerMinute: Infinity } },
      ),
    )
  const first = await make('first')
  open.push(first)
  const reports = { first: reportsUntilUnderstood(first), second: Promise.resolve<OfflineEvent[]>([]) }
  const second = await make('second')
  open.push(second)
  reports.second = reportsUntilUnderstood(second)
  return { platform, first: await reports.first, second: await reports.second }
}

function reportsUntilUnderstood(client: MqttClient): Promise<OfflineEvent[]> {
  const reports: OfflineEvent[] = []
  return new Promise((resolve) => {
    client.on('offline', (event) => {
      reports.push(event)
      if (event.error instanceof ConnectionLostError && event.error.reason === 'short-lived') resolve(reports)
    })
  })
}

it('two clients of one device that throw each other out both say so, at the third connection in a row', async () => {
  const { platform, first, second } = await twins()
  for (const reports of [first, second]) {
    const error = reports.at(-1)?.error
    expect(error).toMatchObject({ code: 'MQTT_CONNECTION_LOST', reason: 'short-lived' })
    expect(error?.message).toMatch(/^3 connections in a row were cut within 30 s of CONNACK/)
    expect(error?.message).toContain('another client uses the same Client Identifier')
    expect(reports.slice(0, -1).filter(({ error }) => error.message.includes('in a row'))).toEqual([])
  }
  expect(platform.seen.evictions).toBeGreaterThanOrEqual(5)
})
