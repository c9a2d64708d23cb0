import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { IClientOptions, MqttClient } from 'mqtt'
import { describe, expect, it, vi } from 'vitest'
import { type Platform, startPlatform } from '../../fixtures/platform/index.js'
import { type SignConnectInput, signConnect } from '../../src/aliyun/index.js'
import { wireClientId } from '../../src/aliyun/wire-client-id.js'
import { DeviceSessions } from '../../src/cli/platform/device-sessions.js'
import { checkIPv6Identity } from '../../src/transport/tls-context.js'
import { closed, foreign, lamp, nextMessage, online, platformWith, refusal, topic } from './foreign-device.js'
import { signatureVectors } from './signature-vectors.js'

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
