import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import mqtt, { type IClientOptions, type IClientPublishOptions, type IConnackPacket, type MqttClient } from 'mqtt'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Platform, type PlatformOptions, startPlatform } from '../../fixtures/platform/index.js'
import { client as clientIdentity, unknownIssuer } from '../../fixtures/tls/index.js'
import { type SignConnectInput, signConnect } from '../../src/aliyun/index.js'
import { sign } from '../../src/aliyun/signature.js'
import { wireClientId } from '../../src/aliyun/wire-client-id.js'
import { DeviceSessions } from '../../src/cli/platform/device-sessions.js'
import { checkIPv6Identity } from '../../src/transport/tls-context.js'
import { signatureVectors } from './signature-vectors.js'

/** The emulator is tried with a client that is not ours: a misunderstanding of ours would be in both. */

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

/** A client that is connecting. It never tries twice. */
function foreign(platform: Platform, options: IClientOptions): MqttClient {
  const { host, port, ca } = platform
  const protocol = platform.url.startsWith('mqtts') ? 'mqtts' : 'mqtt'
  const all: IClientOptions & Pick<ConnectionOptions, 'checkServerIdentity'> = {
    host,
    port,
    ca,
    protocol,
    // Some releases of Node refuse the certificate of every IPv6 address.
    checkServerIdentity: checkIPv6Identity,
    keepalive: 60,
    reconnectPeriod: 0,
    protocolVersion: 4,
    ...options,
  }
  const client = mqtt.connect(all)
  client.on('error', () => {})
  open.push({ [Symbol.asyncDispose]: () => client.endAsync(true) })
  return client
}

/** Resolves with the CONNACK that accepts; rejects with the error that refuses. */
function connected(client: MqttClient): Promise<IConnackPacket> {
  return new Promise((resolve, reject) => {
    client.once('connect', resolve)
    client.once('error', reject)
  })
}

async function online(platform: Platform, options: IClientOptions = {}): Promise<MqttClient> {
  const client = foreign(platform, { ...signConnect(lamp), ...options })
  await connected(client)
  return client
}

/** The Return Code of a refusal. */
async function refusal(platform: Platform, options: IClientOptions): Promise<unknown> {
  return connected(foreign(platform, options)).then(() => 0, returnCodeOf)
}

function returnCodeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : error
}

function closed(client: MqttClient): Promise<void> {
  return new Promise((resolve) => client.once('close', () => resolve()))
}

interface Arrival {
  readonly topic: string
  readonly text: string
  readonly qos: number
}

function nextMessage(client: MqttClient): Promise<Arrival> {
  return new Promise((resolve, reject) => {
    client.once('message', (arrivedOn, payload, { qos }) => resolve({ topic: arrivedOn, text: String(payload), qos }))
    client.once('error', reject)
  })
}

describe('a device is let in', () => {
  it('with a signature, over TLS 1.3 on IPv6, and all of it is noted', async () => {
    const platform = await platformWith()
    await online(platform, { keepalive: 300 })
    expect(platform.url).toBe(`mqtts://[::1]:${platform.port}`)
    expect(platform.seen.online).toBe(1)
    expect(platform.seen.connectsWith(0)).toBe(1)
    expect(platform.seen.connects).toMatchObject([
      { username: 'lamp&a1Pk', keepAlive: 300, cleanSession: true, returnCode: 0, address: '::1', family: 'IPv6' },
    ])
    expect(platform.seen.connects[0]?.tls).toMatchObject({ version: 'TLSv1.3', resumed: false })
  })

  it.each(signatureVectors.filter((vector) => vector.wireClientId !== ''))(
    'with the published signature $name',
    async ({ productKey, deviceName, secret, wireClientId: clientId, password, secureMode }) => {
      const devices = [{ productKey, deviceName, deviceSecret: secret }]
      const platform = await platformWith({ devices, ...(secureMode === 3 ? { tls: false } : {}) })
      await online(platform, { clientId, username: `${deviceName}&${productKey}`, password: password.toLowerCase() })
    },
  )

  it('without TLS only if it says so', async () => {
    const platform = await platformWith({ tls: false })
    expect(await refusal(platform, signConnect(lamp))).toBe(2)
    await online(platform, signConnect({ ...lamp, secureMode: 3 }))
  })

  it('with a token under the client id of the token', async () => {
    const token = { productKey: 'a1Pk', deviceName: 'bulb', clientId: 'given', deviceToken: 'token' }
    const platform = await platformWith({ devices: [token] })
    const clientId = 'given|securemode=-2,authType=connwl|'
    await online(platform, { clientId, username: 'bulb&a1Pk', password: 'token' })
    expect(await refusal(platform, { clientId, username: 'bulb&a1Pk', password: 'other' })).toBe(4)
    expect(await refusal(platform, { clientId: `x${clientId}`, username: 'bulb&a1Pk', password: 'token' })).toBe(4)
  })
})

describe('a device is refused', () => {
  const signed = (change: Partial<SignConnectInput>) => signConnect({ ...lamp, ...change })

  it.each<[string, number, IClientOptions]>([
    ['a signature with another secret', 4, signed({ deviceSecret: 'other' })],
    ['a signature of another client id', 4, { ...signed({}), password: signed({ clientId: 'other' }).password }],
    ['a signature of another timestamp', 4, { ...signed({}), password: signed({ timestamp: 1 }).password }],
    ['no password', 4, { clientId: signed({}).clientId, username: signed({}).username }],
    ['a device that does not exist', 4, signed({ deviceName: 'other' })],
    ['a user name without product key', 4, { ...signed({}), username: 'lamp' }],
    ['no user name', 4, { clientId: signed({}).clientId }],
    ['a client id without parameters', 2, { ...signed({}), clientId: 'lamp' }],
    ['a client id without its last bar', 2, { ...signed({}), clientId: signed({}).clientId.slice(0, -1) }],
    [
      'a client id of 65 characters',
      2,
      { ...signed({}), clientId: wireClientId('x'.repeat(65), [['securemode', '2']]) },
    ],
    ['a parameter given twice', 2, { ...signed({}), clientId: 'a|securemode=2,securemode=2|' }],
    ['a parameter without value', 2, { ...signed({}), clientId: 'a|securemode|' }],
    ['a secure mode of plain TCP over TLS', 2, signed({ secureMode: 3 })],
    ['an unknown method', 2, { ...signed({}), clientId: 'a|securemode=2,signmethod=crc32|' }],
    ['a Keep Alive of 29 seconds', 2, { ...signed({}), keepalive: 29 }],
    ['a Keep Alive of 1201 seconds', 2, { ...signed({}), keepalive: 1201 }],
    ['no Keep Alive', 2, { ...signed({}), keepalive: 0 }],
    ['a will', 5, { ...signed({}), will: { topic: 'a', payload: Buffer.from('x'), qos: 0, retain: false } }],
  ])('with %s: Return Code %d', async (_, returnCode, options) => {
    const platform = await platformWith()
    expect(await refusal(platform, options)).toBe(returnCode)
    expect(platform.seen.connects).toMatchObject([{ returnCode, reason: expect.any(String) }])
    expect(platform.seen.online).toBe(0)
  })

  it('when it is disabled', async () => {
    const platform = await platformWith({ devices: [{ ...lamp, disabled: true }] })
    expect(await refusal(platform, signConnect(lamp))).toBe(5)
  })

  it('in a storm, until that is over', async () => {
    const platform = await platformWith()
    platform.storm(2)
    expect(await refusal(platform, signConnect(lamp))).toBe(3)
    expect(await refusal(platform, signConnect(lamp))).toBe(3)
    await online(platform)
  })

  it('when it tries more than 5 times within a minute', async () => {
    let nowMs = 0
    const platform = await platformWith({ now: () => nowMs })
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect(await refusal(platform, signConnect({ ...lamp, deviceSecret: 'wrong' }))).toBe(4)
    }
    expect(await refusal(platform, signConnect({ ...lamp, deviceName: 'other' }))).toBe(4)
    expect(await refusal(platform, signConnect({ ...lamp, deviceSecret: 'wrong' }))).toBe(3)
    expect(platform.seen.connects.at(-1)?.reason).toMatch(
      /^more than 5 attempts in a minute; besides, the signature is wrong/,
    )
    nowMs = 60_000
    await online(platform)
  })
})

describe('one device has one connection', () => {
  it('the second throws out the first, whatever its client id', async () => {
    const platform = await platformWith()
    const first = await online(platform, signConnect({ ...lamp, clientId: 'first' }))
    const thrownOut = closed(first)
    const second = await online(platform, signConnect({ ...lamp, clientId: 'second' }))
    await thrownOut
    expect(platform.seen).toMatchObject({ evictions: 1, online: 1 })
    await second.subscribeAsync(topic)
    const arrives = nextMessage(second)
    await platform.send(topic, 'still here')
    expect((await arrives).text).toBe('still here')
  })

  it('is cut when nothing comes for 1.5 times Keep Alive', async () => {
    const platform = await platformWith({ keepAlive: { min: 1, max: 1 } })
    const { clientId, username, password } = signConnect(lamp)
    // A socket that says CONNECT and then nothing, as the foreign client would ping.
    const socket = connectTls({
      host: platform.host,
      port: platform.port,
      ca: platform.ca,
      checkServerIdentity: checkIPv6Identity,
    })
    socket.on('error', () => {}).resume()
    const body = [Buffer.from([0, 4]), Buffer.from('MQTT'), Buffer.from([4, 0xc2, 0, 1])]
    for (const text of [clientId, username, password])
      body.push(Buffer.from([0, Buffer.byteLength(text)]), Buffer.from(text))
    const length = Buffer.concat(body).length
    socket.write(Buffer.concat([Buffer.from([0x10, (length & 0x7f) | 0x80, length >> 7]), ...body]))
    await once(socket, 'close')
    expect(platform.seen).toMatchObject({ cuts: 1, online: 0, pings: 0 })
  })
})

describe('a connection that is used, or over,', () => {
  it('is not cut while the device pings', async () => {
    const platform = await platformWith({ keepAlive: { min: 1, max: 1 } })
    await online(platform, { keepalive: 1 })
    await platform.until((seen) => seen.pings === 3)
    expect(platform.seen).toMatchObject({ cuts: 0, online: 1 })
  })

  it('is not cut a second time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const platform = await platformWith()
      await online(platform)
      const timers = vi.getTimerCount()
      platform.cut(lamp)
      expect(vi.getTimerCount()).toBe(timers - 1)
      expect(platform.seen).toMatchObject({ cuts: 0, online: 0 })
      await expect(platform.push(lamp, topic, 'x')).rejects.toThrow('lamp&a1Pk is not connected')
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('messages', () => {
  it.each([0, 1] as const)(
    'come with the QoS of their publisher, although QoS %d was asked for and granted',
    async (qos) => {
      const platform = await platformWith()
      const device = await online(platform)
      expect(await device.subscribeAsync(topic, { qos })).toMatchObject([{ topic, qos }])
      for (const published of [0, 1] as const) {
        const arrives = nextMessage(device)
        await platform.send(topic, 'command', { qos: published })
        expect(await arrives).toEqual({ topic, text: 'command', qos: published })
      }
      await platform.until((seen) => seen.acknowledgements === 1)
      expect(platform.seen.deliveries).toBe(2)
    },
  )

  it('come on topics that nobody subscribed', async () => {
    const platform = await platformWith()
    const device = await online(platform)
    const arrives = nextMessage(device)
    await platform.push(lamp, '/ext/anything', 'unasked')
    expect(await arrives).toEqual({ topic: '/ext/anything', text: 'unasked', qos: 1 })
    await platform.until((seen) => seen.acknowledgements === 1)
    await expect(platform.push({ ...lamp, deviceName: 'other' }, 'x', '')).rejects.toThrow(
      'other&a1Pk is not connected',
    )
  })

  it('go up at QoS 0 and 1, and are noted with topic, QoS and payload', async () => {
    const platform = await platformWith()
    const device = await online(platform)
    await device.publishAsync('/a1Pk/lamp/user/update', 'zero')
    await device.publishAsync('/a1Pk/lamp/user/update', 'one', { qos: 1 })
    expect([platform.seen.publishesWith(0), platform.seen.publishesWith(1)]).toEqual([1, 1])
    expect(platform.seen.publishesOn('/a1Pk/lamp/user/update').map((seen) => String(seen.payload))).toEqual([
      'zero',
      'one',
    ])
    expect(platform.seen.publishes).toMatchObject([
      { fate: 'taken', dup: false },
      { fate: 'taken', dup: false },
    ])
  })

  it.each<[string, string, string, IClientPublishOptions, RegExp]>([
    ['QoS 2', 'a', 'x', { qos: 2 }, /QoS 2 is not supported/],
    ['retain', 'a', 'x', { retain: true, qos: 1 }, /retained messages are not supported/],
    ['a payload of more than 256 KiB', 'a', 'x'.repeat(262_145), { qos: 1 }, /payload of more than 256 KiB/],
    ['a topic of 129 bytes', 'x'.repeat(129), 'x', { qos: 1 }, /topic of more than 128 bytes/],
    ['a topic with 8 slashes', 'x/'.repeat(8), 'x', { qos: 1 }, /more than 7 slashes/],
  ])('with %s close the connection', async (_, name, payload, options, reason) => {
    const platform = await platformWith()
    const device = await online(platform)
    const end = closed(device)
    device.publish(name, payload, options, () => {})
    await end
    expect(platform.seen.violations).toEqual([expect.stringMatching(reason)])
    expect(platform.seen.publishes).toMatchObject([{ fate: 'refused' }])
  })

  it('at the very limits are taken', async () => {
    const platform = await platformWith()
    const device = await online(platform)
    await device.publishAsync('x'.repeat(128), 'x'.repeat(262_144), { qos: 1 })
    await device.publishAsync('x/'.repeat(7), '', { qos: 1 })
    expect(platform.seen.violations).toEqual([])
  })

  it.each([
    [0, 30],
    [1, 10],
  ] as const)('at QoS %d above %d a second are dropped in silence', async (qos, allowed) => {
    let nowMs = 0
    const platform = await platformWith({ now: () => nowMs })
    const device = await online(platform)
    for (let count = 0; count <= allowed; count += 1) device.publish('a', String(count), { qos }, () => {})
    await platform.until((seen) => seen.publishes.length === allowed + 1)
    nowMs = 1000
    device.publish('a', 'a second later', { qos }, () => {})
    await platform.until((seen) => seen.publishes.length === allowed + 2)
    const fates = platform.seen.publishes.map((publish) => publish.fate)
    expect(fates).toEqual([...Array(allowed).fill('taken'), 'dropped', 'taken'])
    expect(device.connected).toBe(true)
  })
})

describe('a device that gets or sends too much', () => {
  it('is sent no more than 50 messages in a second', async () => {
    let nowMs = 0
    const platform = await platformWith({ now: () => nowMs })
    await online(platform)
    for (let count = 0; count < 52; count += 1) await platform.push(lamp, topic, 'x', { qos: 0 })
    expect(platform.seen).toMatchObject({ deliveries: 50, withheld: 2 })
    nowMs = 1000
    await platform.push(lamp, topic, 'x', { qos: 0 })
    expect(platform.seen).toMatchObject({ deliveries: 51, withheld: 2 })
  })

  it('is sent no more than 100 that it does not acknowledge, and more again when it has', async () => {
    let nowMs = 0
    const platform = await platformWith({ now: () => nowMs })
    const device = await online(platform)
    const unacknowledged: (() => void)[] = []
    device.handleMessage = (_, done) => unacknowledged.push(done)
    for (let count = 0; count < 101; count += 1) {
      nowMs += 20
      await platform.push(lamp, topic, 'x')
    }
    await platform.until((seen) => seen.deliveries === 100 && seen.withheld === 1)
    device.handleMessage = (_, done) => done()
    unacknowledged[0]?.()
    await platform.until((seen) => seen.acknowledgements === 100)
    nowMs += 20
    await platform.push(lamp, topic, 'x')
    await platform.until((seen) => seen.deliveries === 101 && seen.acknowledgements === 101)
  })

  it('is not cut off after more than 100 messages that were acknowledged', async () => {
    let nowMs = 0
    const platform = await platformWith({ now: () => nowMs })
    const device = await online(platform)
    for (let count = 0; count <= 100; count += 1) {
      nowMs += 100
      await device.publishAsync('a', 'x', { qos: 1 })
    }
    expect(platform.seen.violations).toEqual([])
  })

  it('is cut off with more than 100 messages unacknowledged', async () => {
    const platform = await platformWith({ broken: 'puback' })
    const device = await online(platform)
    const end = closed(device)
    for (let count = 0; count <= 100; count += 1) device.publish('a', 'x', { qos: 1 }, () => {})
    await end
    expect(platform.seen.violations).toEqual(['more than 100 messages unacknowledged'])
  })
})

describe('subscriptions', () => {
  it('beyond 100 are refused one by one', async () => {
    const platform = await platformWith()
    const device = await online(platform)
    for (let block = 0; block < 12; block += 1) {
      await device.subscribeAsync(Array.from({ length: 8 }, (_, index) => `${block}/${index}`))
    }
    const filters = ['97', '98', '99', '100', '101']
    await expect(device.subscribeAsync(filters)).rejects.toThrow()
    expect(platform.seen.subscribes.at(-1)?.granted).toEqual([0, 0, 0, 0, 0x80])
    await device.unsubscribeAsync('98')
    await device.subscribeAsync('101')
    expect(platform.seen.unsubscribes).toMatchObject([{ filters: ['98'] }])
    expect(platform.seen.subscribes.at(-1)?.granted).toEqual([0])
    const afresh = await online(platform)
    await afresh.subscribeAsync('102')
  })

  it('of more than 8 filters at once close the connection', async () => {
    const platform = await platformWith()
    const device = await online(platform)
    const end = closed(device)
    device.subscribe(
      Array.from({ length: 9 }, (_, index) => `${index}`),
      () => {},
    )
    await end
    expect(platform.seen.violations).toEqual(['more than 8 filters in one SUBSCRIBE'])
  })

  it('are kept with their messages for a session that is kept, but CONNACK does not say so', async () => {
    const platform = await platformWith()
    const before = await online(platform, { clean: false })
    await before.subscribeAsync(topic, { qos: 1 })
    await before.endAsync()
    await platform.until((seen) => seen.disconnects === 1 && seen.online === 0)
    await platform.send(topic, 'kept')
    const after = foreign(platform, { ...signConnect(lamp), clean: false })
    const arrives = nextMessage(after)
    const connack = await connected(after)
    expect(connack.sessionPresent).toBe(false)
    expect(await arrives).toEqual({ topic, text: 'kept', qos: 1 })
  })

  it('of a session that is kept are announced when the platform is told to', async () => {
    const platform = await platformWith({ reportsSession: true })
    const before = await online(platform, { clean: false })
    await before.subscribeAsync(topic, { qos: 1 })
    platform.cut(lamp)
    await platform.until((seen) => seen.online === 0)
    const connack = await connected(foreign(platform, { ...signConnect(lamp), clean: false }))
    expect(connack.sessionPresent).toBe(true)
  })
})

describe('a device registers itself', () => {
  const product = { productKey: 'a1Pk', productSecret: 'the secret of the product', instanceId: 'iot-1' }

  /** A client that is registering. */
  function registering(platform: Platform, deviceName: string, parameters: [string, string][]): MqttClient {
    const random = 'r1'
    const password = sign('hmacsha256', product.productSecret, { deviceName, productKey: 'a1Pk', random })
    const clientId = wireClientId('mac', [...parameters, ['random', random], ['signmethod', 'hmacsha256']])
    return foreign(platform, { clientId, username: `${deviceName}&a1Pk`, password })
  }

  /** What the platform pushes to it, or the Return Code of its refusal. */
  async function registration(
    platform: Platform,
    deviceName: string,
    parameters: [string, string][],
  ): Promise<unknown> {
    return nextMessage(registering(platform, deviceName, parameters)).catch(returnCodeOf)
  }

  it('and gets its secret if it was entered in advance', async () => {
    const platform = await platformWith({ products: [product] })
    const parameters: [string, string][] = [
      ['securemode', '2'],
      ['authType', 'register'],
    ]
    expect(await registration(platform, 'lamp', parameters)).toEqual({
      topic: '/ext/register',
      text: JSON.stringify(lamp),
      qos: 1,
    })
    expect(await registration(platform, 'unknown', parameters)).toBe(5)
    expect(await registration(platform, 'lamp', [...parameters, ['random', 'twice']])).toBe(2)
  })

  it('and gets a token that lets it in, if nobody entered it', async () => {
    const platform = await platformWith({ products: [product] })
    const parameters: [string, string][] = [
      ['securemode', '-2'],
      ['authType', 'regnwl'],
    ]
    expect(await registration(platform, 'new', parameters)).toBe(5)
    const answer = await nextMessage(registering(platform, 'new', [...parameters, ['instanceId', 'iot-1']]))
    expect(answer.topic).toBe('/ext/regnwl')
    const { clientId, deviceToken } = JSON.parse(answer.text)
    await online(platform, {
      clientId: `${clientId}|securemode=-2,authType=connwl|`,
      username: 'new&a1Pk',
      password: deviceToken,
    })
  })

  it('and is cut off some time later, whatever it sends', async () => {
    const platform = await platformWith({ products: [product], registrationMs: 1 })
    const parameters: [string, string][] = [
      ['securemode', '2'],
      ['authType', 'register'],
    ]
    await closed(registering(platform, 'lamp', parameters))
    expect(platform.seen).toMatchObject({ online: 0, cuts: 0, violations: [] })
    expect(platform.seen.connectsWith(0)).toBe(1)
  })
})

describe('a device with a certificate', () => {
  const devices = [{ productKey: 'a1Pk', deviceName: 'cert', certificate: clientIdentity.cert }, lamp]

  it('is told its names, and may show them later', async () => {
    const platform = await platformWith({ devices })
    const anonymous = foreign(platform, { clientId: '.|securemode=2|', username: '', password: '', ...clientIdentity })
    const { topic: told, text } = await nextMessage(anonymous)
    expect([told, text]).toEqual(['/ext/auth/identity/response', '{"productKey":"a1Pk","deviceName":"cert"}'])
    await online(platform, { clientId: 'a|securemode=2|', username: 'cert&a1Pk', password: '', ...clientIdentity })
  })

  it('is refused without the certificate, or with one that is not its own', async () => {
    const platform = await platformWith({ devices })
    const named = { clientId: 'a|securemode=2|', username: 'cert&a1Pk', password: '' }
    expect(await refusal(platform, named)).toBe(4)
    expect(await refusal(platform, { ...named, ...unknownIssuer })).toBe(4)
    expect(await refusal(platform, { ...named, username: 'lamp&a1Pk', ...clientIdentity })).toBe(4)
    expect(await refusal(platform, { ...named, password: 'x', ...clientIdentity })).toBe(4)
    expect(await refusal(platform, { ...named, username: '', password: 'x', ...clientIdentity })).toBe(4)
  })
})

describe('a platform that is broken on purpose', () => {
  it('refuses every signature', async () => {
    expect(await refusal(await platformWith({ broken: 'signature' }), signConnect(lamp))).toBe(4)
  })

  it('never answers CONNECT', async () => {
    const platform = await platformWith({ broken: 'connack' })
    const client = foreign(platform, signConnect(lamp))
    await platform.until((seen) => seen.connects.length === 1)
    expect(platform.seen.connects[0]?.returnCode).toBeUndefined()
    expect(client.connected).toBe(false)
  })

  it.each<['suback' | 'puback' | 'pingresp' | 'delivery', (client: MqttClient, platform: Platform) => unknown]>([
    ['suback', (client) => client.subscribe(topic)],
    ['puback', (client) => client.publish('a', 'x', { qos: 1 })],
    ['pingresp', (client) => client.sendPing()],
    ['delivery', (_, platform) => platform.push(lamp, topic, 'x')],
  ])('keeps every %s to itself', async (broken, provoke) => {
    const platform = await platformWith({ broken })
    const client = await online(platform)
    const received: string[] = []
    client.on('packetreceive', ({ cmd }) => received.push(cmd))
    await provoke(client, platform)
    // An UNSUBSCRIBE behind it is answered: what was asked before would have been, too.
    await client.unsubscribeAsync('marker')
    expect(received).toEqual(['unsuback'])
  })
})

describe('a machine without the first address', () => {
  // 2001:db8::/32 is for documentation: no machine has it.
  const nowhere = '2001:db8::1'

  it('listens on the next one, and says so', async () => {
    const platform = await platformWith({ hosts: [nowhere, '127.0.0.1'] })
    expect(platform.host).toBe('127.0.0.1')
    expect(platform.note).toBe('this machine has no address 2001:db8::1: the platform listens on 127.0.0.1 instead')
  })

  it('fails if that was the one to listen on', async () => {
    await expect(startPlatform({ hosts: [nowhere] })).rejects.toThrow('cannot listen on 2001:db8::1, port 0')
  })
})

describe('what is no device', () => {
  it.each<[string, number[], RegExp]>([
    ['PINGREQ before CONNECT', [0xc0, 0], /PINGREQ before CONNECT/],
    ['bytes that are no MQTT', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], /not MQTT 3.1.1/],
  ])('is cut off: %s', async (_, bytes, reason) => {
    const platform = await platformWith({ tls: false })
    const socket = connectTcp(platform.port, platform.host)
    socket.on('error', () => {})
    socket.write(Buffer.from(bytes))
    await once(socket, 'close')
    expect(platform.seen.violations).toEqual([expect.stringMatching(reason)])
  })

  it('is let go when it closes its side of the connection', async () => {
    const platform = await platformWith({ tls: false })
    const socket = connectTcp({ port: platform.port, host: platform.host, allowHalfOpen: true })
    socket.end().resume()
    await once(socket, 'end')
    expect(platform.seen.violations).toEqual([])
  })

  it('gets Return Code 1 for MQTT 5', async () => {
    const platform = await platformWith()
    expect(await refusal(platform, { ...signConnect(lamp), protocolVersion: 5 })).toBe(1)
    expect(platform.seen.violations).toEqual([expect.stringMatching(/^not MQTT 3\.1\.1: .*MQTT-3\.1\.2-2/)])
  })

  it('shares one budget of attempts when it makes up user names without end', () => {
    const sessions = new DeviceSessions({ reportsSession: false, now: () => 0 })
    const known = sessions.meterOf('lamp&a1Pk')
    for (let count = 0; count < 10_000; count += 1) sessions.meterOf(`${count}&a1Pk`)
    expect(sessions.meterOf('one more')).toBe(sessions.meterOf('another one'))
    expect(sessions.meterOf('lamp&a1Pk')).toBe(known)
    expect(known).not.toBe(sessions.meterOf('one more'))
  })

  it('sees its waits rejected when the platform closes', async () => {
    const platform = await startPlatform()
    const waiting = expect(platform.until((seen) => seen.pings > 0)).rejects.toThrow(
      'the platform closed before it saw',
    )
    await platform.close()
    await waiting
  })
})
