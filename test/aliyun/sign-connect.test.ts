import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { type SignConnectInput, signConnect } from '../../src/aliyun/index.js'
import { sign } from '../../src/aliyun/signature.js'
import { UsageError } from '../../src/errors.js'
import { anyCharacter } from '../codec/any-character.js'
import { signatureVectors } from './signature-vectors.js'

const device = { productKey: 'pk', deviceName: 'device', deviceSecret: 'the-secret-of-the-device' }

/** The parameters between the bars, in no order. */
function parametersOf(clientId: string): Set<string> {
  return new Set(clientId.slice(clientId.indexOf('|') + 1, -1).split(','))
}

/** HMAC from its definition (RFC 2104), so that the signer is not checked against the call that it makes itself. */
function hmacByDefinition(hash: string, key: Buffer, content: Buffer): string {
  const digest = (...parts: Buffer[]) => createHash(hash).update(Buffer.concat(parts)).digest()
  const block = Buffer.alloc(64)
  ;(key.length > 64 ? digest(key) : key).copy(block)
  const padded = (pad: number) => Buffer.from(block.map((byte) => byte ^ pad))
  return digest(padded(0x5c), digest(padded(0x36), content))
    .toString('hex')
    .toUpperCase()
}

const hashOf = { hmacmd5: 'md5', hmacsha1: 'sha1', hmacsha256: 'sha256', sha256: 'sha256' } as const

describe('the signature vectors', () => {
  const connects = signatureVectors.filter((vector) => vector.clientId !== '')
  const registrations = signatureVectors.filter((vector) => vector.random !== '')

  it('cover every method, and registration', () => {
    expect(new Set(connects.map((vector) => vector.method))).toEqual(new Set(Object.keys(hashOf)))
    expect(registrations.length).toBeGreaterThan(0)
    expect(connects.length + registrations.length).toBe(signatureVectors.length)
  })

  it.each(connects)('$name signs a connection as published', (vector) => {
    const signed = signConnect({
      productKey: vector.productKey,
      deviceName: vector.deviceName,
      deviceSecret: vector.secret,
      clientId: vector.clientId,
      signMethod: vector.method,
      secureMode: vector.secureMode,
      timestamp: vector.timestamp === '' ? false : vector.timestamp,
      ...(vector.wireClientId.includes('_v=x') ? { extensions: { _v: 'x' } } : {}),
    })
    expect(signed.password).toBe(vector.password)
    expect(signed.username).toBe(`${vector.deviceName}&${vector.productKey}`)
    expect(signed.clientId.split('|')[0]).toBe(vector.wireClientId.split('|')[0])
    expect(parametersOf(signed.clientId)).toEqual(parametersOf(vector.wireClientId))
  })

  it.each(registrations)(
    '$name signs a registration',
    ({ method, secret, productKey, deviceName, random, password }) => {
      expect(sign(method, secret, { deviceName, productKey, random })).toBe(password)
    },
  )
})

describe('the client id on the wire', () => {
  it('announces mode, method and timestamp, in this order, then the extensions in theirs', () => {
    const { clientId } = signConnect({
      ...device,
      clientId: '12345',
      timestamp: 789,
      extensions: { lan: 'JS', _v: '1.0' },
    })
    expect(clientId).toBe('12345|securemode=2,signmethod=hmacsha256,timestamp=789,lan=JS,_v=1.0|')
  })

  it('is productKey.deviceName unless an id is given', () => {
    expect(signConnect({ ...device, timestamp: false }).clientId).toBe('pk.device|securemode=2,signmethod=hmacsha256|')
  })

  it('carries the time of the call unless a timestamp is given', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_700_000_000_123 })
    try {
      const signed = signConnect(device)
      expect(parametersOf(signed.clientId)).toContain('timestamp=1700000000123')
      expect(signed.password).toBe(signConnect({ ...device, timestamp: 1_700_000_000_123 }).password)
    } finally {
      vi.useRealTimers()
    }
  })

  it('sends a timestamp given as digits as it came, for the signature covers its text', () => {
    expect(signConnect({ ...device, timestamp: '0789' }).clientId).toContain('timestamp=0789|')
    expect(signConnect({ ...device, timestamp: '0789' }).password).not.toBe(
      signConnect({ ...device, timestamp: 789 }).password,
    )
  })

  it('takes an id of 64 characters, whatever their size in bytes', () => {
    expect(signConnect({ ...device, clientId: '水'.repeat(64) }).clientId.startsWith(`${'水'.repeat(64)}|`)).toBe(true)
    expect(signConnect({ ...device, clientId: '𝄞'.repeat(64) }).clientId.startsWith('𝄞')).toBe(true)
  })
})

describe('what is signed', () => {
  it('is sorted by name, however it was put together', () => {
    const fields = { timestamp: '789', productKey: 'pk', deviceName: 'device', clientId: '12345' }
    expect(sign('hmacsha1', 'secret', fields)).toBe('FAFD82A3D602B37FB0FA8B7892F24A477F851A14')
  })

  it('does not hold the secure mode: the example over TCP has the password of the one over TLS', () => {
    const example = {
      ...device,
      clientId: '12345',
      deviceSecret: 'secret',
      signMethod: 'hmacsha1',
      timestamp: 789,
    } as const
    expect(signConnect({ ...example, secureMode: 3 })).toEqual({
      clientId: '12345|securemode=3,signmethod=hmacsha1,timestamp=789|',
      username: 'device&pk',
      password: 'FAFD82A3D602B37FB0FA8B7892F24A477F851A14',
    })
  })

  const text = fc.string({ unit: anyCharacter, minLength: 1, maxLength: 30 }).filter((value) => !/[|,&\0]/.test(value))

  it('is UTF-8, whatever the names are made of', () => {
    fc.assert(
      fc.property(text, text, text, fc.constantFrom(...signatureVectors.map((vector) => vector.method)), (...drawn) => {
        const [deviceName, clientId, deviceSecret, signMethod] = drawn
        const signed = signConnect({ productKey: 'pk', deviceName, clientId, deviceSecret, signMethod, timestamp: 789 })
        const content = Buffer.from(`clientId${clientId}deviceName${deviceName}productKeypktimestamp789`, 'utf8')
        expect(signed.password).toBe(hmacByDefinition(hashOf[signMethod], Buffer.from(deviceSecret, 'utf8'), content))
      }),
    )
  })

  it('does not hold the extensions: neither they nor their order change the password', () => {
    const name = fc.stringMatching(/^[a-z_]{1,8}$/).filter((drawn) => !['random', 'timestamp'].includes(drawn))
    const extensions = fc.uniqueArray(fc.tuple(name, fc.stringMatching(/^[\w.-]{0,8}$/)), { selector: ([key]) => key })
    fc.assert(
      fc.property(extensions, fc.integer({ min: 0, max: 9 }), (drawn, turn) => {
        const turned = [...drawn.slice(turn), ...drawn.slice(0, turn)]
        const plain = signConnect({ ...device, timestamp: 789 })
        const one = signConnect({ ...device, timestamp: 789, extensions: Object.fromEntries(drawn) })
        const other = signConnect({ ...device, timestamp: 789, extensions: Object.fromEntries(turned) })
        expect([one.password, other.password]).toEqual([plain.password, plain.password])
        expect(parametersOf(one.clientId)).toEqual(parametersOf(other.clientId))
      }),
    )
  })

  it('agrees with openssl where there is one', () => {
    const content = 'clientId水.1deviceName𝄞productKeypktimestamp789'
    const signed = {
      productKey: 'pk',
      deviceName: '𝄞',
      clientId: '水.1',
      timestamp: 789,
      deviceSecret: 'sécret of 20 bytes',
    }
    for (const [signMethod, hash] of [
      ['hmacmd5', 'md5'],
      ['hmacsha1', 'sha1'],
      ['hmacsha256', 'sha256'],
    ] as const) {
      const openssl = spawnSync('openssl', ['dgst', `-${hash}`, '-hmac', signed.deviceSecret], {
        input: content,
        encoding: 'utf8',
      })
      // A machine without openssl is the only excuse; any other failure of it fails the test.
      const expected =
        openssl.error === undefined
          ? /= *([0-9a-f]+)\s*$/.exec(openssl.stdout)?.[1]?.toUpperCase()
          : hmacByDefinition(hash, Buffer.from(signed.deviceSecret), Buffer.from(content))
      if (openssl.error !== undefined) expect(openssl.error).toMatchObject({ code: 'ENOENT' })
      expect(signConnect({ ...signed, signMethod }).password).toBe(expected)
    }
  })
})

/** Values as they come from JavaScript, a configuration file or the environment, past the compiler. */
const refused: readonly [what: string, change: Record<string, unknown>, message: RegExp][] = [
  ['a mistyped name', { deviceNames: 'a' }, /deviceNames is no option of signConnect\(\): did you mean deviceName\?/],
  ['a missing product key', { productKey: undefined }, /productKey is missing/],
  ['an empty product key', { productKey: '' }, /productKey is empty/],
  ['a missing device name', { deviceName: undefined }, /deviceName is missing/],
  ['an empty device name', { deviceName: '' }, /deviceName is empty/],
  ['"&" in a device name', { deviceName: 'a&b' }, /deviceName holds "&".*user name/],
  ['U+0000 in a device name', { deviceName: 'a\0b' }, /deviceName holds U\+0000.*MQTT-1\.5\.3-2/],
  ['a lone surrogate in a device name', { deviceName: 'a\ud800' }, /deviceName holds a lone surrogate.*MQTT-1\.5\.3-1/],
  ['a missing secret', { deviceSecret: undefined }, /deviceSecret is missing/],
  ['an empty secret', { deviceSecret: '' }, /deviceSecret is empty/],
  [
    'a secret that is no string',
    { deviceSecret: Buffer.from('the-secret') },
    /deviceSecret is missing: give it as a string, not as an object/,
  ],
  ['a lone surrogate in a secret', { deviceSecret: 'the-secret\udc00' }, /deviceSecret holds a lone surrogate/],
  ['an empty client id', { clientId: '' }, /clientId is empty/],
  ['a client id of 65 characters', { clientId: 'x'.repeat(65) }, /clientId has 65 characters, the platform takes 64/],
  [
    'a default client id of more than 64 characters',
    { deviceName: 'x'.repeat(62) },
    /clientId has 65 characters.*default productKey\.deviceName/,
  ],
  [
    '"|" in the name of a device without a client id',
    { deviceName: 'a|b' },
    /clientId holds "\|".*default productKey\.deviceName/,
  ],
  ['"|" in a client id', { clientId: 'a|securemode=3' }, /clientId holds "\|"/],
  ['"," in a client id', { clientId: 'a,b' }, /clientId holds ","/],
  [
    'an unknown method',
    { signMethod: 'crc32' },
    /signMethod must be one of hmacmd5, hmacsha1, hmacsha256, sha256, not a string of 5 characters/,
  ],
  ['a method that every object has', { signMethod: 'constructor' }, /signMethod must be one of/],
  ['secure mode 1', { secureMode: 1 }, /secureMode must be 2 \(TLS\) or 3 \(plain TCP\), not 1/],
  ['secure mode "2"', { secureMode: '2' }, /secureMode must be .* not a string of 1 character$/],
  ['a negative timestamp', { timestamp: -1 }, /timestamp must be .* not -1/],
  ['a fraction as timestamp', { timestamp: 1.5 }, /timestamp must be .* not 1\.5/],
  ['NaN as timestamp', { timestamp: Number.NaN }, /timestamp must be .* not NaN/],
  ['infinity as timestamp', { timestamp: Infinity }, /timestamp must be .* not Infinity/],
  ['a timestamp with letters', { timestamp: '12a' }, /timestamp must be .* not a string of 3 characters/],
  ['an empty timestamp', { timestamp: '' }, /timestamp must be .* not an empty string/],
  ['true as timestamp', { timestamp: true }, /timestamp must be .* not true/],
  ['null as timestamp', { timestamp: null }, /timestamp must be .* not null/],
  ['extensions that are no object', { extensions: 'lan=JS' }, /extensions must be an object/],
  ['an extension with a number as value', { extensions: { lan: 1 } }, /extension "lan" has a value that is no string/],
  ['an extension without a name', { extensions: { '': 'x' } }, /name of an extension is empty/],
  ['an extension with U+0000', { extensions: { a: '\0' } }, /holds U\+0000/],
  ...[',', '=', '|'].flatMap((character): [string, Record<string, unknown>, RegExp][] => [
    [`"${character}" in the name of an extension`, { extensions: { [`a${character}b`]: 'x' } }, /would forge a field/],
    [`"${character}" in the value of an extension`, { extensions: { a: `x${character}y` } }, /would forge a field/],
  ]),
  ...[
    'securemode',
    'SecureMode',
    'signmethod',
    'timestamp',
    'clientId',
    'deviceName',
    'productKey',
    'deviceSecret',
    'productSecret',
    'random',
  ].map((name): [string, Record<string, unknown>, RegExp] => [
    `${name} as an extension`,
    { extensions: { [name]: '1' } },
    /is a field of its own/,
  ]),
  ['one extension in two spellings', { extensions: { lan: 'a', LAN: 'b' } }, /"LAN" is given twice/],
]

describe('refused with a UsageError, before anything is signed:', () => {
  it.each(refused)('%s', (_, change, message) => {
    const input: unknown = { ...device, ...change }
    const error = thrownBy(() => Reflect.apply(signConnect, undefined, [input]))
    expect(error).toBeInstanceOf(UsageError)
    expect(error).toHaveProperty('message', expect.stringMatching(message))
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('the-secret')
  })
})

it('what is returned never shows the secret', () => {
  const input: SignConnectInput = { ...device, timestamp: 789, extensions: { lan: 'JS' } }
  expect(inspect(signConnect(input), { depth: 9, showHidden: true })).not.toContain('the-secret')
})

function thrownBy(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
