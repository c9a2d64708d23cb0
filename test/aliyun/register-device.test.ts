import { inspect } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Platform, type PlatformOptions, startPlatform } from '../../fixtures/platform/index.js'
import { ca } from '../../fixtures/tls/index.js'
import { aliyun, type Registration, registerDevice } from '../../src/aliyun/index.js'
import { ConnectionLostError, ConnectionRefusedError, TimeoutError, UsageError } from '../../src/errors.js'
import { connect } from '../../src/index.js'
import { testServer } from '../../src/testing/index.js'

const product = { productKey: 'a1Pk', productSecret: 'the-secret of the product' }
const lamp = { productKey: 'a1Pk', deviceName: 'lamp', deviceSecret: 'the-secret of the lamp' }
const open: AsyncDisposable[] = []

afterEach(async () => {
  for (const resource of open.splice(0).reverse()) await resource[Symbol.asyncDispose]()
})

async function platformWith(options: PlatformOptions = {}): Promise<Platform> {
  const platform = await startPlatform({ devices: [lamp], products: [product], ...options })
  open.push(platform)
  return platform
}

function register(platform: Platform, change: Partial<Registration> = {}) {
  const endpoint = { host: platform.host, port: platform.port }
  return registerDevice({ ...product, deviceName: 'lamp', endpoint, tls: { ca }, ...change })
}

describe('a device that was entered in advance', () => {
  it('gets its secret, connects with it, and has said goodbye to the connection before', async () => {
    const platform = await platformWith()
    const device = await register(platform)
    expect(device).toEqual(lamp)
    await platform.until((seen) => seen.disconnects === 1 && seen.online === 0)
    expect(platform.seen).toMatchObject({ acknowledgements: 1, violations: [] })
    const endpoint = { host: platform.host, port: platform.port }
    open.push(await connect(aliyun(device, { endpoint, tls: { ca } })))
    expect(platform.seen.connectsWith(0)).toBe(2)
  })

  it('signs with any method, under any client id', async () => {
    const platform = await platformWith()
    await register(platform, { signMethod: 'hmacsha1', clientId: 'AA-BB-CC' })
    expect(platform.seen.connects[0]?.clientId).toMatch(
      /^AA-BB-CC\|securemode=2,authType=register,random=[0-9a-f]{16},signmethod=hmacsha1\|$/,
    )
  })

  it('may be told where the platform is by a URL, or by host and port', async () => {
    const platform = await platformWith()
    await register(platform, { endpoint: undefined, url: platform.url })
    await register(platform, { endpoint: undefined, host: platform.host, port: platform.port })
    expect(platform.seen.connectsWith(0)).toBe(2)
  })

  it('may have 15 seconds for it', async () => {
    const platform = await platformWith()
    expect(await register(platform, { timeoutMs: 15_000 })).toEqual(lamp)
  })

  it('leaves no timer behind', async () => {
    const platform = await platformWith()
    const set = vi.spyOn(globalThis, 'setTimeout')
    const cleared = vi.spyOn(globalThis, 'clearTimeout')
    try {
      await register(platform, { timeoutMs: 14_321 })
      const index = set.mock.calls.findIndex(([, delayMs]) => delayMs === 14_321)
      expect(index).not.toBe(-1)
      expect(cleared).toHaveBeenCalledWith(set.mock.results[index]?.value)
    } finally {
      vi.restoreAllMocks()
    }
  })

  it('never signs the same content twice', async () => {
    const platform = await platformWith()
    await register(platform)
    await register(platform)
    expect(new Set(platform.seen.connects.map((seen) => seen.clientId)).size).toBe(2)
  })
})

it('a device that nobody entered gets a token, which lets it in', async () => {
  const platform = await platformWith({ products: [{ ...product, instanceId: 'iot-1' }] })
  const device = await register(platform, { deviceName: 'new', preRegistered: false, instanceId: 'iot-1' })
  expect(device).toEqual({
    productKey: 'a1Pk',
    deviceName: 'new',
    clientId: expect.any(String),
    deviceToken: expect.any(String),
  })
  expect(platform.seen.connects[0]?.clientId).toMatch(/\|securemode=-2,authType=regnwl,.*,instanceId=iot-1\|$/)
  open.push(await connect(aliyun(device, { endpoint: { host: platform.host, port: platform.port }, tls: { ca } })))
})

describe('a registration fails', () => {
  it.each<[string, number, Partial<Registration>]>([
    ['the secret of the product is wrong', 4, { productSecret: 'the-secret that is wrong' }],
    ['the device was not entered', 5, { deviceName: 'unknown' }],
  ])('when %s: Return Code %d, and no second attempt', async (_, returnCode, change) => {
    const platform = await platformWith()
    const error = await register(platform, change).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConnectionRefusedError)
    expect(error).toMatchObject({ returnCode })
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('the-secret')
    expect(platform.seen.connects).toHaveLength(1)
  })

  it('when no answer comes in time, and leaves no connection behind', async () => {
    const platform = await platformWith({ broken: 'delivery' })
    const error = await register(platform, { timeoutMs: 100 }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ operation: 'register', timeoutMs: 100 })
    await platform.until((seen) => seen.online === 0)
  })

  it('when no answer comes within 10 seconds, unless it is said otherwise', async () => {
    const platform = await platformWith({ broken: 'delivery' })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const error = register(platform).catch((reason: unknown) => reason)
      await platform.until((seen) => seen.online === 1)
      vi.advanceTimersByTime(11_000)
      expect(await error).toMatchObject({ operation: 'register', timeoutMs: 10_000 })
    } finally {
      vi.useRealTimers()
    }
  })

  it('when the platform hangs up first, and does not connect again', async () => {
    const platform = await platformWith({ broken: 'delivery', registrationMs: 50 })
    await expect(register(platform)).rejects.toThrow(ConnectionLostError)
    expect(platform.seen.connects).toHaveLength(1)
  })

  it.each<[string, object, string]>([
    [
      'for another device',
      { deviceName: 'other', deviceSecret: 'the-secret' },
      'its deviceName is not the one that was sent',
    ],
    [
      'for another product',
      { productKey: 'a2', deviceSecret: 'the-secret' },
      'its productKey is not the one that was sent',
    ],
    ['with an empty secret', { deviceSecret: '' }, 'has neither deviceSecret nor clientId and deviceToken'],
    ['with an empty token', { clientId: 'the-secret', deviceToken: '' }, 'has neither deviceSecret nor clientId'],
  ])('when the answer is %s', async (_, answer, text) => {
    await using server = await testServer()
    server.answer('connect', (_packet, connection) => {
      connection.send({ type: 'connack', sessionPresent: false, returnCode: 0 })
      const payload = Buffer.from(JSON.stringify(answer))
      connection.send({ type: 'publish', topic: '/ext/register', payload, qos: 0, retain: false })
    })
    const stream = () => server.stream()
    const error = await registerDevice({ ...product, deviceName: 'lamp', stream }).catch((reason: unknown) => reason)
    expect(String(error)).toContain(text)
    expect(inspect(error, { depth: 9 })).not.toContain('the-secret')
  })

  it('when it is given up', async () => {
    const platform = await platformWith({ broken: 'delivery' })
    const giveUp = new AbortController()
    const failing = expect(register(platform, { signal: giveUp.signal })).rejects.toThrow('given up')
    await platform.until((seen) => seen.online === 1)
    giveUp.abort(new Error('given up'))
    await failing
    await platform.until((seen) => seen.online === 0)
  })

  it.each(['before it is online', 'while it waits for the answer'])(
    'with a reason that is no Error, %s',
    async (when) => {
      const platform = await platformWith({ broken: 'delivery' })
      const giveUp = new AbortController()
      const failing = expect(register(platform, { signal: giveUp.signal })).rejects.toBe('given up')
      if (when !== 'before it is online') await platform.until((seen) => seen.online === 1)
      giveUp.abort('given up')
      await failing
    },
  )

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['a mistyped name', { timeout: 5 }, /timeout is no option of registerDevice\(\): did you mean timeoutMs\?/],
    ['a signal that is none', { signal: {} }, /signal has to be an AbortSignal/],
    ['an empty secret of the product', { productSecret: '' }, /productSecret is empty/],
    ['no device name', { deviceName: undefined }, /deviceName is missing/],
    ['a client id with a bar', { clientId: 'a|b' }, /clientId holds "\|"/],
    ['an unknown method', { signMethod: 'crc32' }, /signMethod must be one of/],
    ['an instance without a name', { instanceId: '' }, /instanceId is empty/],
    ['an instance that would forge a field', { instanceId: 'x,random=1' }, /instanceId holds/],
    [
      'an instance that cannot be a host',
      { instanceId: 'a.b', endpoint: undefined },
      /instanceId becomes part of the host/,
    ],
    ['a time-out longer than the platform waits', { timeoutMs: 15_001 }, /timeoutMs must be 1 to 15000/],
    ['a connection without TLS', { tls: false }, /announces TLS/],
  ])('before anything is sent: %s', async (_, change, message) => {
    const platform = await platformWith()
    const endpoint = { host: platform.host, port: platform.port }
    const all: unknown = { ...product, deviceName: 'lamp', endpoint, tls: { ca }, ...change }
    const failing = Reflect.apply(registerDevice, undefined, [all])
    await expect(failing).rejects.toThrow(UsageError)
    await expect(failing).rejects.toThrow(message)
    expect(platform.seen.connects).toEqual([])
  })
})
