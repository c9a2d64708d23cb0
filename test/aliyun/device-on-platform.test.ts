import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Platform, type PlatformOptions, startPlatform } from '../../fixtures/platform/index.js'
import { ca, client as clientIdentity } from '../../fixtures/tls/index.js'
import { type AliyunOptions, aliyun, type Device, type DeviceIdentity } from '../../src/aliyun/index.js'
import { ConnectionLostError, ConnectionRefusedError, UsageError } from '../../src/errors.js'
import { connect, type Message, type MqttClient } from '../../src/index.js'

const lamp = { productKey: 'a1Pk', deviceName: 'lamp', deviceSecret: 'the secret of the lamp' }
const topic = '/a1Pk/lamp/user/get'
const open: AsyncDisposable[] = []

afterEach(async () => {
  for (const resource of open.splice(0).reverse()) await resource[Symbol.asyncDispose]()
})

async function platformWith(options: PlatformOptions = {}): Promise<Platform> {
  const platform = await startPlatform({ devices: [lamp], ...options })
  open.push(platform)
  return platform
}

async function online(platform: Platform, options: AliyunOptions = {}, device: Device = lamp): Promise<MqttClient> {
  const endpoint = { host: platform.host, port: platform.port }
  const tls = platform.url.startsWith('mqtts') ? { tls: { ca } } : {}
  const client = await connect(aliyun(device, { endpoint, ...tls, ...options }))
  open.push(client)
  return client
}

describe('a device on the platform', () => {
  it('connects over TLS and IPv6 with a signature and a Keep Alive of 360 seconds', async () => {
    const platform = await platformWith()
    await online(platform)
    expect(platform.seen.connects).toMatchObject([{ returnCode: 0, keepAlive: 360, family: 'IPv6' }])
    expect(platform.seen.connects[0]?.tls?.version).toBe('TLSv1.3')
  })

  it('publishes at QoS 0 and 1, and handles a command that comes at QoS 1 on a filter of QoS 0', async () => {
    const platform = await platformWith()
    const device = await online(platform)
    const commands: Message[] = []
    await device.subscribe(topic, (message) => commands.push(message))
    await device.publish('/a1Pk/lamp/user/update', 'zero')
    await device.publish('/a1Pk/lamp/user/update', 'one', { qos: 1 })
    await platform.send(topic, '{"on":true}')
    await platform.until((seen) => seen.acknowledgements === 1)
    expect(commands.map((command) => [command.qos, command.json()])).toEqual([[1, { on: true }]])
    expect(platform.seen.publishesWith(1)).toBe(1)
    expect(platform.seen.violations).toEqual([])
    await device.end()
    await platform.until((seen) => seen.disconnects === 1 && seen.online === 0)
  })

  it('acknowledges what comes on a topic that it never subscribed', async () => {
    const platform = await platformWith()
    const onMessage = vi.fn()
    await online(platform, { onMessage })
    await platform.push(lamp, '/ext/anything', 'unasked')
    await platform.until((seen) => seen.acknowledgements === 1)
    expect(onMessage).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ topic: '/ext/anything', qos: 1 }))
  })

  it('acknowledges it as well when nothing here wants it, and counts it', async () => {
    const platform = await platformWith()
    const device = await online(platform)
    await platform.push(lamp, '/ext/anything', 'unasked')
    await platform.until((seen) => seen.acknowledgements === 1)
    expect(device.stats.unclaimed).toBe(1)
  })

  it('subscribes more filters than the platform takes in one SUBSCRIBE', async () => {
    const platform = await platformWith()
    const device = await online(platform)
    const { granted } = await device.subscribe(Array.from({ length: 100 }, (_, index) => `${topic}/${index}`))
    expect(granted).toHaveLength(100)
    expect(platform.seen.subscribes.map(({ filters }) => filters.length)).toEqual([...Array(12).fill(8), 4])
    await expect(device.subscribe(`${topic}/100`)).rejects.toThrow(/101 subscriptions.*at most 100/)
    expect(platform.seen).toMatchObject({ violations: [] })
  })

  it('heals by itself from a storm in which the platform is unavailable', async () => {
    const platform = await platformWith({ limits: 'off' })
    const device = await online(platform, { reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
    const back = new Promise((resolve) => device.once('online', resolve))
    platform.storm(2)
    platform.cut()
    await back
    expect(platform.seen.connects.map(({ returnCode }) => returnCode)).toEqual([0, 3, 3, 0])
  })

  it('signs anew and subscribes again when the connection was cut, although no session is reported', async () => {
    let nowMs = 0
    vi.spyOn(Date, 'now').mockImplementation(() => ++nowMs)
    try {
      const platform = await platformWith()
      const device = await online(platform, { cleanSession: false, reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
      const commands: string[] = []
      await device.subscribe(topic, (message) => commands.push(message.text()))
      platform.cut(lamp)
      await platform.until((seen) => seen.subscribes.length === 2)
      await platform.send(topic, 'after the cut')
      await platform.until((seen) => seen.acknowledgements === 1)
      expect(commands).toEqual(['after the cut'])
      const [first, second] = platform.seen.connects
      expect(second?.clientId).not.toBe(first?.clientId)
      expect(second?.returnCode).toBe(0)
    } finally {
      vi.restoreAllMocks()
    }
  })

  it('connects without TLS if it asks for secure mode 3', async () => {
    const platform = await platformWith({ tls: false })
    await online(platform, {}, { ...lamp, secureMode: 3 })
    expect(platform.seen.connects).toMatchObject([{ returnCode: 0, tls: undefined }])
  })

  it('is refused by name and number when its secret is wrong', async () => {
    const platform = await platformWith()
    const refused = online(platform, {}, { ...lamp, deviceSecret: 'wrong' })
    await expect(refused).rejects.toThrow(ConnectionRefusedError)
    await expect(refused).rejects.toMatchObject({ returnCode: 4 })
  })

  it('does not accept the certificate of another authority: the roots of the platform are not replaced by hope', async () => {
    const platform = await platformWith()
    const refused = online(platform, { tls: true })
    await expect(refused).rejects.toThrow(ConnectionLostError)
    await expect(refused).rejects.toMatchObject({ reason: 'certificate-untrusted' })
    expect(platform.seen.connects).toEqual([])
  })

  it.each<[string, (device: MqttClient) => Promise<unknown>]>([
    ['QoS 2', (device) => device.publish('a', 'x', { qos: 2 })],
    ['a retained message', (device) => device.publish('a', 'x', { retain: true })],
    ['a payload of more than 256 KiB', (device) => device.publish('a', Buffer.alloc(262_145))],
    ['a topic of 129 bytes', (device) => device.publish('x'.repeat(129), 'x')],
    ['a topic with 8 slashes', (device) => device.publish('x/'.repeat(8), 'x')],
  ])('refuses %s before the platform sees it', async (_, publish) => {
    const platform = await platformWith()
    const device = await online(platform)
    await expect(publish(device)).rejects.toThrow(UsageError)
    await expect(publish(device)).rejects.toThrow(/Alibaba Cloud IoT Platform/)
    expect(platform.seen.publishes).toEqual([])
  })

  it('publishes what is just within the limits', async () => {
    const platform = await platformWith()
    const device = await online(platform)
    await device.publish('a', Buffer.alloc(262_144), { qos: 1 })
    await device.publish('x'.repeat(128), 'x', { qos: 1 })
    await device.publish('x/'.repeat(7), 'x', { qos: 1 })
    expect(platform.seen.publishes.map(({ fate }) => fate)).toEqual(['taken', 'taken', 'taken'])
  })

  it('refuses a will before it connects', async () => {
    const platform = await platformWith()
    await expect(online(platform, { will: { topic: 'a', payload: 'x' } })).rejects.toThrow(UsageError)
    expect(platform.seen.connects).toEqual([])
  })
})

describe('a device with a token', () => {
  it('connects with it', async () => {
    const token = { productKey: 'a1Pk', deviceName: 'bulb', clientId: 'given', deviceToken: 'the token' }
    const platform = await platformWith({ devices: [token] })
    await online(platform, {}, token)
    expect(platform.seen.connects).toMatchObject([{ clientId: 'given|securemode=-2,authType=connwl|', returnCode: 0 }])
  })
})

describe('a device with a certificate', () => {
  const devices = [{ productKey: 'a1Pk', deviceName: 'cert', certificate: clientIdentity.cert }]

  it('is told its names once, and shows them when it connects again', async () => {
    const platform = await platformWith({ devices })
    const told: DeviceIdentity[] = []
    const anonymous = { ...clientIdentity, onIdentity: (identity: DeviceIdentity) => told.push(identity) }
    const device = await online(platform, { reconnect: { minDelayMs: 1, maxDelayMs: 1 } }, anonymous)
    await platform.until((seen) => seen.acknowledgements === 1)
    expect(told).toEqual([{ productKey: 'a1Pk', deviceName: 'cert' }])
    const back = new Promise((resolve) => device.once('online', resolve))
    platform.cut()
    await back
    expect(platform.seen.connects.map((connect) => connect.username)).toEqual(['', 'cert&a1Pk'])
    expect(told).toHaveLength(1)
  })

  it('connects with a certificate that functions give', async () => {
    const platform = await platformWith({ devices })
    const { cert, key } = clientIdentity
    await online(platform, {}, { productKey: 'a1Pk', deviceName: 'cert', cert: () => cert, key: async () => key })
    expect(platform.seen.connects).toMatchObject([{ username: 'cert&a1Pk', returnCode: 0 }])
  })
})
