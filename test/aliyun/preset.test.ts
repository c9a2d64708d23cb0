import { createSecureContext } from 'node:tls'
import { inspect } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { type AliyunOptions, aliyun, aliyunProfile, aliyunRoots, type Device } from '../../src/aliyun/index.js'
import type { ClientOptions, Credentials, Message } from '../../src/client/options/client-options.js'
import { UsageError } from '../../src/errors.js'
import { MqttClient } from '../../src/index.js'

const secret = { productKey: 'a1Pk', deviceName: 'lamp', deviceSecret: 'the-secret' }
const token = { productKey: 'a1Pk', deviceName: 'lamp', clientId: 'given-id', deviceToken: 'the-secret' }
const certificate = { cert: 'the certificate', key: 'the-secret' }
const identified = { ...certificate, productKey: 'a1Pk', deviceName: 'lamp' }

async function credentialsOf(options: ClientOptions): Promise<Credentials> {
  const credentials = await options.credentials?.({ signal: new AbortController().signal })
  if (credentials === undefined) throw new Error('the options have no credentials')
  return credentials
}

function tlsOf(options: ClientOptions) {
  if (typeof options.tls !== 'object') throw new Error('the options have no TLS settings')
  return options.tls
}

/** As a JavaScript program would call it, with whatever it has. */
function untyped(device: unknown, options?: unknown): unknown {
  return Reflect.apply(aliyun, undefined, [device, options])
}

describe('a device with a secret', () => {
  it('goes to the IPv6 endpoint over TLS unless told otherwise', () => {
    const options = aliyun(secret)
    expect(options).toMatchObject({ host: 'ipv6.itls.cn-shanghai.aliyuncs.com', port: 1883, family: 6, keepAlive: 360 })
    expect(tlsOf(options).ca).toEqual(aliyunRoots())
    expect(options.reconnect).toEqual({ maxAttemptsPerMinute: 5 })
    expect(options.profile).toBe(aliyunProfile)
  })

  it('signs anew at every attempt, for a session that belongs to the id before the bar', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1000 })
    try {
      const options = aliyun(secret)
      const first = await credentialsOf(options)
      vi.setSystemTime(2000)
      const second = await credentialsOf(options)
      expect(first.clientId).toBe('a1Pk.lamp|securemode=2,signmethod=hmacsha256,timestamp=1000|')
      expect(second.clientId).toBe('a1Pk.lamp|securemode=2,signmethod=hmacsha256,timestamp=2000|')
      expect(second.password).not.toEqual(first.password)
      expect([first.sessionId, second.sessionId, first.username]).toEqual(['a1Pk.lamp', 'a1Pk.lamp', 'lamp&a1Pk'])
    } finally {
      vi.useRealTimers()
    }
  })

  it('goes without TLS only when it announces secure mode 3', async () => {
    const options = aliyun({ ...secret, secureMode: 3 }, { endpoint: 'product' })
    expect(options.tls).toBe(false)
    expect((await credentialsOf(options)).clientId).toContain('|securemode=3,')
  })

  it('may not announce secure mode 3 to the IPv6 host, where the platform speaks TLS', () => {
    const advice = 'the endpoint "ipv6" speaks TLS, and secureMode 3 announces plain TCP: leave secureMode out'
    expect(() => aliyun({ ...secret, secureMode: 3 })).toThrow(new UsageError(advice))
  })
})

it('a device with a token shows it as password, and announces the mode of a token', async () => {
  expect(await credentialsOf(aliyun(token))).toEqual({
    clientId: 'given-id|securemode=-2,authType=connwl|',
    username: 'lamp&a1Pk',
    password: 'the-secret',
    sessionId: 'given-id',
  })
})

describe('a device with a certificate', () => {
  it('goes to its own endpoint, shows the certificate in TLS and a password of no length', async () => {
    const options = aliyun(identified)
    expect(options).toMatchObject({ host: 'x509.itls.cn-shanghai.aliyuncs.com', port: 1883 })
    expect(options).not.toHaveProperty('family')
    expect({ ...tlsOf(options) }).toMatchObject({ cert: 'the certificate', key: 'the-secret', ca: aliyunRoots() })
    expect(await credentialsOf(options)).toEqual({
      clientId: expect.stringMatching(/^a1Pk\.lamp\|securemode=2,signmethod=hmacsha256,timestamp=\d+\|$/),
      username: 'lamp&a1Pk',
      password: '',
      sessionId: 'a1Pk.lamp',
    })
  })

  it('shows no identity at first, is told it, and shows it from then on', async () => {
    const onIdentity = vi.fn()
    const own = vi.fn()
    const handlers = { '/ext/auth/identity/response': own }
    const options = aliyun({ ...certificate, onIdentity }, { handlers })
    expect(await credentialsOf(options)).toEqual({
      clientId: '.|securemode=2|',
      username: '',
      password: '',
      sessionId: '.',
    })
    const message = messageWith('{"productKey":"a1Pk","deviceName":"lamp"}')
    await options.handlers?.['/ext/auth/identity/response']?.(message)
    expect(onIdentity).toHaveBeenCalledExactlyOnceWith({ productKey: 'a1Pk', deviceName: 'lamp' })
    expect(own).toHaveBeenCalledExactlyOnceWith(message)
    const second = await credentialsOf(options)
    expect(second.clientId).toMatch(/^a1Pk\.lamp\|securemode=2,/)
    expect(second).toMatchObject({ username: 'lamp&a1Pk', password: '', sessionId: '.' })
  })

  it.each(['{}', 'not JSON', '"text"', '{"productKey":"a","deviceName":"a&b"}'])(
    'does not take %s for an identity',
    async (text) => {
      const onIdentity = vi.fn()
      const options = aliyun({ ...certificate, onIdentity })
      const handled = options.handlers?.['/ext/auth/identity/response']?.(messageWith(text))
      await expect(handled).rejects.toThrow(/\/ext\/auth\/identity\/response|deviceName holds/)
      expect(onIdentity).not.toHaveBeenCalled()
    },
  )

  it('renews the certificate and the key by functions, which are asked at every attempt', async () => {
    const key = vi.fn(async () => 'the-secret')
    const device = { ...identified, cert: () => `certificate ${key.mock.calls.length}`, key }
    const options = aliyun(device, { tls: { passphrase: 'of the key' } })
    expect(key).not.toHaveBeenCalled()
    expect(tlsOf(options)).toMatchObject({ cert: undefined, key: undefined, ca: aliyunRoots() })
    for (const cert of ['certificate 0', 'certificate 1']) {
      expect(await credentialsOf(options)).toMatchObject({
        username: 'lamp&a1Pk',
        tls: { cert, key: 'the-secret', passphrase: 'of the key' },
      })
    }
    expect(key).toHaveBeenLastCalledWith({ signal: expect.any(AbortSignal) })
  })

  it.each(['cert', 'key'] as const)('may renew its %s alone', async (name) => {
    const options = aliyun({ ...identified, [name]: () => 'renewed' })
    expect(await credentialsOf(options)).toMatchObject({ tls: { ...certificate, [name]: 'renewed' } })
  })

  it('keeps a session only under a name that stays the same', () => {
    const anonymous = { ...certificate, onIdentity: () => {} }
    expect(() => aliyun(anonymous, { cleanSession: false })).toThrow(/a persistent session needs a name/)
    expect(aliyun({ ...anonymous, clientId: 'mac' }, { cleanSession: false }).cleanSession).toBe(false)
    expect(aliyun(identified, { cleanSession: false }).cleanSession).toBe(false)
  })
})

describe('the endpoint', () => {
  it.each<[AliyunOptions, object]>([
    [{ endpoint: 'product' }, { host: 'a1Pk.iot-as-mqtt.cn-shanghai.aliyuncs.com', port: 1883, family: 6 }],
    [
      { endpoint: 'product', region: 'eu-central-1', family: 0 },
      { host: 'a1Pk.iot-as-mqtt.eu-central-1.aliyuncs.com', family: 0 },
    ],
    [
      { endpoint: { instanceId: 'iot-06z00abc' }, port: 443 },
      { host: 'iot-06z00abc.mqtt.iothub.aliyuncs.com', port: 443 },
    ],
    [
      { endpoint: { instanceId: 'iot-x' }, region: 'cn-beijing' },
      { host: 'iot-x.mqtt.iothub.aliyuncs.com', port: 1883 },
    ],
    [{ endpoint: { host: '::1', port: 18830 } }, { host: '::1', port: 18830 }],
    [{ endpoint: { host: 'gateway.example' } }, { host: 'gateway.example', port: 1883 }],
    [
      { host: 'gateway.example', port: 4 },
      { host: 'gateway.example', port: 4 },
    ],
  ])('%o leads to %o', (options, expected) => {
    expect(aliyun(secret, options)).toMatchObject(expected)
  })

  it.each<[string, AliyunOptions]>([
    ['{ instanceId }', { endpoint: { instanceId: 'iot-x' } }],
    ['{ host }', { endpoint: { host: '::1' } }],
    ['a url', { url: 'mqtts://[::1]:1883' }],
  ])('%s leaves the address family open, and keeps the roots', (_, options) => {
    const made = aliyun(secret, options)
    expect(made).not.toHaveProperty('family')
    expect(tlsOf(made).ca).toEqual(aliyunRoots())
  })

  it('may be replaced by a url, several servers or a stream', () => {
    const stream = () => Promise.reject(new Error('not called'))
    expect(aliyun(secret, { url: 'mqtts://[::1]:1' })).not.toHaveProperty('host')
    expect(aliyun(secret, { servers: ['mqtts://[::1]:1'] })).not.toHaveProperty('host')
    const piped = aliyun(secret, { stream })
    expect(piped.stream).toBe(stream)
    for (const name of ['host', 'port', 'family', 'tls']) expect(piped).not.toHaveProperty(name)
  })

  it.each<[string, unknown, RegExp]>([
    [
      'an unknown region',
      { region: 'cn-shanghai-2' },
      /region must be one of cn-shanghai, .* not a string of 13 characters/,
    ],
    ['the IPv6 endpoint of another region', { region: 'us-west-1' }, /"ipv6" is in cn-shanghai only, not in us-west-1/],
    ['X.509 in another region', { endpoint: 'x509', region: 'us-east-1' }, /"x509" is in cn-shanghai only/],
    [
      'a public instance where there is none',
      { endpoint: 'product', region: 'cn-beijing' },
      /cn-beijing has no public instance/,
    ],
    ['an unknown endpoint', { endpoint: 'ipv4' }, /endpoint must be .* not a string of 4 characters/],
    [
      'an instance that would be another host',
      { endpoint: { instanceId: 'evil.example/' } },
      /instanceId becomes part of the host name/,
    ],
    [
      'an endpoint beside a url',
      { endpoint: 'ipv6', url: 'mqtts://[::1]' },
      /endpoint and url both say where the server is/,
    ],
    [
      'port 8883 without its root',
      { port: 8883 },
      /"Aliyun IoT Root CA".*tls: \{ ca: \[\.\.\.aliyunRoots\(\), pem\] \}/,
    ],
    ['its url', { url: 'mqtts://a1Pk.iot-as-mqtt.cn-shanghai.aliyuncs.com:8883' }, /"Aliyun IoT Root CA"/],
    ['its host', { host: 'iot-x.mqtt.iothub.ALIYUNCS.com', port: 8883 }, /"Aliyun IoT Root CA"/],
    ['one server of several', { servers: [{ host: 'x.aliyuncs.com', port: 8883 }] }, /"Aliyun IoT Root CA"/],
  ])('is refused: %s', (_, options, message) => {
    expect(() => untyped(secret, options)).toThrow(UsageError)
    expect(() => untyped(secret, options)).toThrow(message)
  })

  it.each<[unknown[], string]>([
    [
      [{ productKey: 'a', devicename: 'b', deviceSecret: 'c' }],
      'devicename is no option of a device: did you mean deviceName?',
    ],
    [['a'], 'the options of a device have to be an object, not a string'],
    [[secret, null], 'the options of aliyun() have to be an object, not null'],
  ])('is refused where a name is mistyped or no object is given', (values, message) => {
    expect(() => Reflect.apply(aliyun, undefined, values)).toThrow(message)
    expect(() => Reflect.apply(aliyun, undefined, values)).toThrow(UsageError)
  })

  it('needs the product key for the host that is named after it', () => {
    const anonymous = { ...certificate, onIdentity: () => {} }
    expect(() => aliyun(anonymous, { endpoint: 'product' })).toThrow(/named after the productKey: give it/)
    expect(() => aliyun({ ...secret, productKey: 'a.b' }, { endpoint: 'product' })).toThrow(
      /letters, digits and "-", at most 63/,
    )
  })

  it('takes port 8883 with roots of the caller, and anywhere else', () => {
    const pem = 'the Aliyun root'
    expect(tlsOf(aliyun(secret, { port: 8883, tls: { ca: [...aliyunRoots(), pem] } })).ca).toEqual([
      ...aliyunRoots(),
      pem,
    ])
    expect(aliyun(secret, { port: 8883, tls: { secureContext: createSecureContext() } }).port).toBe(8883)
    expect(aliyun(secret, { endpoint: { host: '::1', port: 8883 } }).port).toBe(8883)
    expect(aliyun(secret, { url: 'mqtts://gateway.example:8883' }).url).toBe('mqtts://gateway.example:8883')
    expect(aliyun(secret, { url: 'mqtts://x.aliyuncs.com:18883' }).url).toBe('mqtts://x.aliyuncs.com:18883')
  })

  it.each<[string, AliyunOptions, AliyunOptions]>([
    ['host', { host: 'a1Pk.iot-as-mqtt.cn-shanghai.aliyuncs.com' }, { port: 1883 }],
    ['a host that ends in a dot', { host: 'x.aliyuncs.com.' }, { port: 1883 }],
    ['url', { url: 'mqtts://x.aliyuncs.com' }, { url: 'mqtts://x.aliyuncs.com:1883' }],
    ['a url that ends in a slash', { url: 'mqtts://u:p@X.ALIYUNCS.COM/' }, { url: 'mqtts://u:p@X.ALIYUNCS.COM:1883' }],
    [
      'servers',
      { servers: ['mqtts://x.aliyuncs.com', { host: 'y.aliyuncs.com' }, { host: '::1' }] },
      { servers: ['mqtts://x.aliyuncs.com:1883', { host: 'y.aliyuncs.com', port: 1883 }, { host: '::1' }] },
    ],
  ])('is on port 1883 if %s names a host of the platform without a port', (_, options, expected) => {
    expect(aliyun(secret, options)).toMatchObject(expected)
  })

  it('leaves the port of any other host to the client', () => {
    expect(aliyun(secret, { host: 'gateway.example' }).port).toBeUndefined()
    expect(aliyun(secret, { url: 'mqtts://aliyuncs.com.example' }).url).toBe('mqtts://aliyuncs.com.example')
  })

  it('asks for IPv6 only where the platform has it', () => {
    expect(aliyun(secret, { endpoint: 'product' }).family).toBe(6)
    expect(aliyun(secret, { endpoint: 'product', region: 'eu-central-1' })).not.toHaveProperty('family')
  })
})

describe('TLS', () => {
  it('keeps what the caller sets, and the roots unless these are set too', () => {
    const tls = tlsOf(aliyun(secret, { tls: { servername: 'other.example' } }))
    expect({ ...tls }).toEqual({ servername: 'other.example', ca: aliyunRoots() })
    expect(tlsOf(aliyun(secret, { tls: { ca: 'mine' } })).ca).toBe('mine')
    expect(tlsOf(aliyun(secret, { tls: true })).ca).toEqual(aliyunRoots())
  })

  it('is never given up by falling back', () => {
    for (const options of [
      { tls: false },
      { url: 'mqtt://[::1]' },
      { servers: ['MQTT://[::1]'] },
    ] satisfies AliyunOptions[]) {
      expect(() => aliyun(secret, options)).toThrow(/secureMode 2 announces TLS/)
    }
    const mixed = { servers: ['mqtts://[::1]', { host: '::1', tls: false }] }
    expect(() => aliyun(secret, mixed)).toThrow(/secureMode 2 announces TLS/)
    expect(() => aliyun(identified, { tls: false })).toThrow(/secureMode 2 announces TLS/)
    expect(() => aliyun(token, { tls: false })).toThrow(/secureMode 2 announces TLS/)
  })

  it.each([
    ['no list', 5],
    ['a list with a hole', ['mqtts://[::1]', undefined]],
    ['a list with null', [null]],
  ])('leaves it to the client to refuse servers that are %s', (_, servers) => {
    const options: unknown = Reflect.apply(aliyun, undefined, [secret, { servers }])
    expect(() => Reflect.construct(MqttClient, [options])).toThrow(UsageError)
  })

  it('contradicts secure mode 3', () => {
    expect(() => aliyun({ ...secret, secureMode: 3 }, { tls: {} })).toThrow(/secureMode 3 announces plain TCP/)
    expect(aliyun({ ...secret, secureMode: 3 }, { url: 'mqtt://[::1]' }).tls).toBe(false)
  })

  it('reads no certificate before it is used', () => {
    expect(Object.getOwnPropertyDescriptor(tlsOf(aliyun(secret)), 'ca')?.get).toBeTypeOf('function')
  })
})

describe('the limits of the platform', () => {
  it.each([29, 1201, 0, Number.NaN])('refuse a Keep Alive of %d seconds', (keepAlive) => {
    expect(() => aliyun(secret, { keepAlive })).toThrow(/keepAlive must be 30 to 1200 seconds, not/)
  })

  it.each([30, 1200])('allow a Keep Alive of %d seconds', (keepAlive) => {
    expect(aliyun(secret, { keepAlive }).keepAlive).toBe(keepAlive)
  })

  it('may be replaced by a profile of the caller', () => {
    const profile = { ...aliyunProfile, keepAlive: { min: 1, max: 2 }, connectsPerMinute: 60 }
    expect(aliyun(secret, { profile, keepAlive: 2 })).toMatchObject({
      profile,
      reconnect: { maxAttemptsPerMinute: 60 },
    })
    expect(() => aliyun(secret, { profile: { name: 'other', keepAlive: { min: 1, max: 2 } }, keepAlive: 3 })).toThrow(
      /other refuses/,
    )
  })

  it('allow 5 attempts to connect a minute, whatever else is said about reconnecting', () => {
    expect(aliyun(secret, { reconnect: { minDelayMs: 10 } }).reconnect).toEqual({
      minDelayMs: 10,
      maxAttemptsPerMinute: 5,
    })
    expect(aliyun(secret, { reconnect: { maxAttemptsPerMinute: undefined } }).reconnect).toEqual({
      maxAttemptsPerMinute: 5,
    })
    expect(aliyun(secret, { reconnect: { maxAttemptsPerMinute: 1 } }).reconnect).toEqual({ maxAttemptsPerMinute: 1 })
    expect(aliyun(secret, { reconnect: false }).reconnect).toBe(false)
  })
})

describe('what is refused at once, not at the first attempt:', () => {
  it.each<[string, unknown, RegExp]>([
    ['no proof of identity', { productKey: 'a1Pk', deviceName: 'lamp' }, /one proof of its identity, this one has 0/],
    ['two proofs of identity', { ...secret, ...certificate }, /one proof of its identity, this one has 2/],
    ['a device that cannot be signed for', { ...secret, signMethod: 'crc32' }, /signMethod must be one of/],
    ['a token without its client id', { ...token, clientId: undefined }, /clientId is missing/],
    ['an empty token', { ...token, deviceToken: '' }, /deviceToken is empty/],
    ['a token without a device name', { ...token, deviceName: '' }, /deviceName is empty/],
    ['a certificate without its key', { ...identified, key: undefined }, /key is missing/],
    ['a certificate with half an identity', { ...certificate, productKey: 'a1Pk' }, /deviceName is missing/],
    ['a certificate whose names nobody would learn', certificate, /give productKey and deviceName, or onIdentity/],
    ['a certificate with an id that cannot be sent', { ...identified, clientId: 'a|b' }, /clientId holds "\|"/],
  ])('%s', (_, device, message) => {
    expect(() => untyped(device)).toThrow(UsageError)
    expect(() => untyped(device)).toThrow(message)
  })

  it.each(['clientId', 'username', 'password', 'credentials'])('%s in the options', (name) => {
    expect(() => untyped(secret, { [name]: 'x' })).toThrow(`${name} is made from the device at every attempt`)
    expect(() => untyped(secret, { [name]: undefined })).not.toThrow()
  })
})

it.each<[string, Device]>([
  ['a secret', secret],
  ['a token', token],
  ['a private key', identified],
])('inspecting the options never shows %s', (_, device) => {
  expect(inspect(aliyun(device), { depth: 9, showHidden: true })).not.toContain('the-secret')
})

it('what does not belong to a kind of device does not compile', () => {
  // @ts-expect-error a token is shown, not signed with
  const signedToken: Device = { ...token, signMethod: 'hmacsha256' }
  // @ts-expect-error plain TCP shows no certificate
  const plainCertificate: Device = { ...identified, secureMode: 3 }
  // @ts-expect-error one proof of identity, not two
  const both: Device = { ...secret, deviceToken: 'x' }
  // @ts-expect-error without names, somebody has to listen for them
  const deaf: Device = { ...certificate }
  // @ts-expect-error a token belongs to the client id that it came with
  const unnamed: Device = { productKey: 'a', deviceName: 'b', deviceToken: 'x' }
  // @ts-expect-error the device decides who it is
  const named: AliyunOptions = { username: 'x' }
  expect([signedToken, plainCertificate, both, deaf, unnamed, named]).toHaveLength(6)
})

function messageWith(text: string): Message {
  return {
    topic: '/ext/auth/identity/response',
    payload: Buffer.from(text),
    qos: 1,
    retain: false,
    dup: false,
    text: () => text,
    json: () => JSON.parse(text),
  }
}
