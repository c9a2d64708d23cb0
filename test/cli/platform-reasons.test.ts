/** What a developer of a device reads: why a signature is wrong, and what the platform does. */
import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { judge } from '../../src/cli/platform/admission.js'
import type { PlatformEvent } from '../../src/cli/platform/events.js'
import { Registry } from '../../src/cli/platform/registry.js'
import { checkSignature, type SignatureClaim } from '../../src/cli/platform/signature-check.js'
import { platformLine } from '../../src/cli/print/platform-event.js'
import type { ConnectPacket } from '../../src/codec/control-packet.js'

const secret = 'hunter2-hunter2'
const values = { clientId: 'a', deviceName: 'lamp', productKey: 'a1', timestamp: '7' }
const hmac = (hash: string, content: string) => createHmac(hash, secret).update(content).digest('hex')

function check(password: string | Buffer, change: Partial<SignatureClaim> = {}) {
  const wireClientId = 'a|securemode=2,timestamp=7|'
  return checkSignature({
    method: 'hmacsha256',
    values,
    wireClientId,
    secret,
    password: Buffer.from(password),
    ...change,
  })
}

describe('a signature', () => {
  const content = 'clientIdadeviceNamelampproductKeya1timestamp7'

  it('is right in hexadecimal of either case', () => {
    expect(check(hmac('sha256', content))).toBe('right')
    expect(check(hmac('sha256', content).toUpperCase())).toBe('right')
    expect(check(hmac('md5', content), { method: undefined })).toBe('right')
  })

  it.each([
    ['nothing', '', 'there is no password'],
    ['another method', hmac('sha1', content), 'the password is the hmacsha1, and the client id announces hmacsha256'],
    [
      'Base64',
      createHmac('sha256', secret).update(content).digest('base64'),
      'the password is in Base64, and has to be in hexadecimal',
    ],
    ['a part', hmac('sha256', content).slice(1), 'the password is not the 64 hexadecimal digits of hmacsha256'],
    ['no digits', 'x'.repeat(64), 'the password is not the 64 hexadecimal digits of hmacsha256'],
    [
      'no timestamp',
      hmac('sha256', 'clientIdadeviceNamelampproductKeya1'),
      'the password signs no timestamp, and the client id has one',
    ],
    [
      'the whole client id',
      hmac('sha256', 'clientIda|securemode=2,timestamp=7|deviceNamelampproductKeya1timestamp7'),
      'the password signs the whole client id, and only the part before the first | counts',
    ],
    [
      'another order',
      hmac('sha256', 'productKeya1deviceNamelamptimestamp7clientIda'),
      'the password signs the values in another order, and they have to be sorted by name',
    ],
    ['another name', hmac('sha256', content.replace('lamp', 'bulb')), 'is the secret right?'],
  ])('of %s is wrong, and the mistake is guessed', (_, password, mistake) => {
    const verdict = check(password)
    expect(verdict).toEqual({
      fault: 'wrong',
      reason: `the signature is wrong: it has to be the hmacsha256 of "${content}"; ${mistake}`,
    })
  })

  it('that is not announced is taken for hmacmd5, as the platform does', () => {
    expect(check(hmac('sha256', content), { method: undefined })).toMatchObject({
      reason: expect.stringMatching(
        'the password is the hmacsha256, and the client id announces none, which means hmacmd5',
      ),
    })
  })

  it('by an unknown method is a fault of the client id', () => {
    expect(check('', { method: 'crc32' })).toEqual({
      fault: 'unknown method',
      reason: 'signmethod=crc32 is not one of hmacmd5, hmacsha1, hmacsha256, sha256',
    })
  })
})

describe('a refused CONNECT', () => {
  const device = { productKey: 'a1', deviceName: 'lamp', deviceSecret: secret }
  const token = { productKey: 'a1', deviceName: 'bulb', clientId: 'given', deviceToken: 'token' }
  const registry = new Registry([device, token], [{ productKey: 'a1', productSecret: secret }])
  const conditions = {
    keepAlive: { min: 30, max: 1200 },
    overTls: false,
    fingerprint: undefined,
    signaturesBroken: false,
  }
  const connect = { type: 'connect', cleanSession: true, keepAlive: 60, username: 'lamp&a1' } as const
  const reason = (clientId: string, change: Partial<ConnectPacket<Buffer>> = {}, overTls = false) => {
    const verdict = judge({ ...connect, clientId, ...change }, registry, { ...conditions, overTls })
    return verdict.kind === 'refused' ? `${verdict.returnCode}: ${verdict.reason}` : verdict.kind
  }
  const password = Buffer.from('token')

  it.each<[string, string, Partial<ConnectPacket<Buffer>>?, boolean?]>([
    ['a', '2: the client id is not id|name=value,name=value|'],
    ['|securemode=3|', '2: the part of the client id before the | has 0 characters, not 1 to 64'],
    [`${'x'.repeat(65)}|securemode=3|`, '2: the part of the client id before the | has 65 characters, not 1 to 64'],
    ['a|securemode|', '2: the client id has a parameter that is not name=value'],
    ['a|securemode=3,securemode=3|', '2: the client id has securemode twice'],
    ['a|securemode=2|', '2: a connection over plain TCP needs securemode=3, and the client id has 2'],
    ['a|signmethod=hmacsha1|', '2: a connection over plain TCP needs securemode=3, and the client id has none'],
    ['a|securemode=3|', '2: a connection over TLS needs securemode=2, and the client id has 3', {}, true],
    ['a|securemode=3,authType=connwl|', '2: authType=connwl needs securemode=-2, and the client id has 3'],
    ['a|securemode=3,authType=x|', '2: authType=x is not one of register, regnwl, connwl'],
    ['a|securemode=3,timestamp=now|', '2: the timestamp is no number'],
    ['a|securemode=3|', '2: Keep Alive 29 is outside 30 to 1200 seconds', { keepAlive: 29 }],
    ['a|securemode=3|', '4: the user name is not deviceName&productKey', { username: 'lamp' }],
    ['a|securemode=3|', '4: no such device', { username: 'other&a1' }],
    [
      'a|securemode=3|',
      '4: no such device: the names are swapped, the user name is deviceName&productKey',
      { username: 'a1&lamp' },
    ],
    ['a|securemode=3|', '4: this device connects with a token', { username: 'bulb&a1' }],
    [
      'other|securemode=-2,authType=connwl|',
      '4: the client id is not the one that came with the token',
      { username: 'bulb&a1', password },
    ],
    ['given|securemode=-2,authType=connwl|', '4: the token is wrong', { username: 'bulb&a1' }],
    ['given|securemode=-2,authType=connwl|', 'device', { username: 'bulb&a1', password }],
    ['a|securemode=2,authType=register,random=1|', '2: registration goes over TLS only'],
    ['a|securemode=2,authType=register|', '2: a registration needs random', {}, true],
    ['a|securemode=2,authType=register,random=1|', '4: no such product', { username: 'lamp&a2' }, true],
  ])('with the client id %s is told as %s', (clientId, text, change, overTls) => {
    expect(reason(clientId, change, overTls)).toBe(text)
  })
})

describe('a line of the emulator', () => {
  const device = { productKey: 'a1', deviceName: 'lamp' }
  const line = (event: PlatformEvent) => platformLine(new Date(2026, 0, 2, 3, 4, 5, 67), event)
  const publish = {
    type: 'publish',
    device,
    topic: '/a',
    retain: false,
    dup: false,
    payload: Buffer.from('x'),
  } as const
  const connect = {
    type: 'connect',
    clientId: 'a',
    username: 'lamp&a1',
    keepAlive: 60,
    cleanSession: false,
    returnCode: 0,
    reason: undefined,
    admitted: { device, as: 'device' },
    address: '::1',
    family: 'IPv6',
    tls: { version: 'TLSv1.3', cipher: 'any', resumed: false },
  } as const

  it.each<[string, PlatformEvent]>([
    ['a1/lamp  ──▶ CONNECT accepted: client id "a", Keep Alive 60 s, persistent session, TLSv1.3', connect],
    [
      'user name "lamp&a1"  ──▶ CONNECT ✗ refused with Return Code 2: the client id is wrong; client id "a", Keep Alive 60 s, persistent session, TLSv1.3',
      { ...connect, admitted: undefined, returnCode: 2, reason: 'the client id is wrong' },
    ],
    [
      'a1/lamp  ──▶ CONNECT ✗ not answered: client id "a", Keep Alive 60 s, persistent session, TLSv1.3',
      { ...connect, returnCode: undefined },
    ],
    ['a1/lamp  ──▶ PUBLISH "/a", QoS 0, 1 byte: "x"', { ...publish, qos: 0, fate: 'taken' }],
    [
      'a1/lamp  ──▶ PUBLISH "/a", QoS 1, 1 byte: "x" ✗ dropped in silence: more than 10 a second at QoS 1',
      { ...publish, qos: 1, fate: 'dropped' },
    ],
    ['a1/lamp  ──▶ PUBLISH "/a", QoS 2, 1 byte: "x" ✗ refused', { ...publish, qos: 2, fate: 'refused' }],
    [
      'a1/lamp  ──▶ PUBLISH "/a", QoS 0, 2 bytes, binary',
      { ...publish, qos: 0, fate: 'taken', payload: Buffer.from([0xff, 0]) },
    ],
    [
      'a1/lamp  ──▶ SUBSCRIBE "/a", QoS 1 granted; "/b", QoS 1 granted, 2 was asked for; "/c", ✗ refused: a topic with more than 7 slashes',
      {
        type: 'subscribe',
        device,
        filters: [
          { filter: '/a', qos: 1 },
          { filter: '/b', qos: 2 },
          { filter: '/c', qos: 1 },
        ],
        granted: [1, 1, 0x80],
        reasons: new Map([['/c', 'a topic with more than 7 slashes']]),
      },
    ],
    ['a1/lamp  ──▶ UNSUBSCRIBE "/a", "/b"', { type: 'unsubscribe', device, filters: ['/a', '/b'] }],
    [
      'a1/lamp  ◀── PUBLISH "/a", QoS 0, 0 bytes ✗ dropped in silence: more than 50 messages in a second',
      {
        type: 'delivery',
        device,
        topic: '/a',
        qos: 0,
        payload: Buffer.alloc(0),
        withheld: 'more than 50 messages in a second',
      },
    ],
    [
      'a client  ✗ the connection ends: PINGREQ before CONNECT',
      { type: 'end', device: undefined, by: 'violation', reason: 'PINGREQ before CONNECT' },
    ],
    [
      'a1/lamp  the connection ends: the device closed it without DISCONNECT',
      { type: 'end', device, by: 'closed', reason: 'the device closed it without DISCONNECT' },
    ],
  ])('begins with the time: %s', (text, event) => {
    expect(line(event)).toBe(`03:04:05.067  ${text}`)
  })

  it('gives nothing from the network to the terminal as it is', () => {
    const evil = '\u001b[2J"\n'
    const names = { productKey: evil, deviceName: evil }
    for (const event of [
      { ...connect, clientId: evil, username: evil, admitted: undefined, reason: `no "${evil}"` },
      { ...connect, admitted: { device: names, as: 'device' } },
      { ...publish, device: names, topic: evil, payload: Buffer.from(evil), qos: 0, fate: 'taken' },
      { type: 'end', device: names, by: 'violation', reason: evil },
    ] as const) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(line(event)).not.toMatch(/[\u0000-\u001f]/)
    }
  })
})
