import dns from 'node:dns'
import { once } from 'node:events'
import net from 'node:net'
import nodeTls, { type ConnectionOptions, type SecureVersion } from 'node:tls'
import { inspect } from 'node:util'
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import * as material from '../../fixtures/tls/index.js'
import { ConnectionLostError, UsageError } from '../../src/errors.js'
import { isCertificateFailure, openSocket, TlsSettings } from '../../src/transport/index.js'
import { listenTcp, listenTls, loopbackZone, remainingHandles, watch } from './loopback.js'
import { ca, connectTo } from './tls-connection.js'

/** Every name leads to the loopback interface. */
function resolveEverything(): void {
  const lookup = vi.spyOn(dns, 'lookup')
  lookup.mockImplementation((...args: unknown[]) => {
    const callback = args.at(-1)
    if (typeof callback === 'function') process.nextTick(callback, null, [{ address: '::1', family: 6 }])
  })
  onTestFinished(() => lookup.mockRestore())
}

afterAll(async () => {
  expect(await remainingHandles()).toEqual([])
})

describe('the certificate of the server', () => {
  it.each([
    ['has expired', material.expired, 'certificate-expired', /has expired \(CERT_HAS_EXPIRED\)/],
    ['is not valid yet', material.notYetValid, 'certificate-expired', /clock of this machine/],
    ['has an unknown issuer', material.unknownIssuer, 'certificate-untrusted', /pass its root certificate in tls\.ca/],
    ['is for another name', material.otherName, 'certificate-name', /certificate for another name/],
  ] as const)('is refused when it %s', async (_, identity, reason, message) => {
    const { port } = await listenTls(identity)
    const client = connectTo(port)
    const cause = await client.closed
    expect(cause).toBeInstanceOf(ConnectionLostError)
    expect(cause).toMatchObject({ reason, message: expect.stringMatching(message) })
    expect(cause?.message).toContain(`[::1]:${port}`)
    expect(cause?.cause).toBeInstanceOf(Error)
    expect(isCertificateFailure(cause)).toBe(true)
    expect(client.told).toEqual(['closed'])
  })

  it('is refused when its root is not among those of Node', async () => {
    const { port } = await listenTls()
    expect(await connectTo(port, true).closed).toMatchObject({ reason: 'certificate-untrusted' })
  })

  it.each([
    ['a root', material.server, 'mqtt311 fixture root'],
    ['an intermediate of a root', material.chained, 'mqtt311 fixture root of a chain'],
  ])('is refused with the name of the root that is missing, if %s signed it', async (_, identity, root) => {
    const { port } = await listenTls(identity)
    const cause = await connectTo(port, true).closed
    expect(cause?.message).toContain(`has a certificate from "${root}", an issuer that is not trusted here`)
  })

  it('is verified whatever the environment says', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    onTestFinished(() => {
      vi.unstubAllEnvs()
    })
    const { port } = await listenTls(material.expired)
    expect(await connectTo(port).closed).toMatchObject({ reason: 'certificate-expired' })
  })

  it('is not verified when the caller says so', async () => {
    const { port } = await listenTls(material.unknownIssuer)
    await connectTo(port, { rejectUnauthorized: false }).peer
  })
})

describe('the certificate of a server that is named by an IPv6 address', () => {
  it('is accepted where the check of Node knows no IPv6 address', async () => {
    const check = vi.spyOn(nodeTls, 'checkServerIdentity').mockReturnValue(new Error('as in Node 22.23'))
    onTestFinished(() => check.mockRestore())
    const { port } = await listenTls()
    await connectTo(port).peer
  })

  it('is accepted without the zone there too', async () => {
    const check = vi.spyOn(nodeTls, 'checkServerIdentity').mockReturnValue(new Error('as in Node 22.23'))
    onTestFinished(() => check.mockRestore())
    const { port } = await listenTls()
    await connectTo(port, { ca }, `::1%${loopbackZone()}`).peer
  })

  it('is accepted without the zone', async () => {
    const { port } = await listenTls()
    const client = connectTo(port, { ca }, `::1%${loopbackZone()}`)
    expect((await client.peer).family).toBe(6)
  })

  it('is refused when it names another', async () => {
    const { port } = await listenTls(material.otherName)
    expect(await connectTo(port).closed).toMatchObject({ reason: 'certificate-name' })
  })

  it('is left to the caller who brings a check', async () => {
    const { port } = await listenTls(material.otherName)
    const checkServerIdentity = vi.fn(() => undefined)
    await connectTo(port, { ca, checkServerIdentity }).peer
    expect(checkServerIdentity).toHaveBeenCalledOnce()
  })

  it('is verified where the check is undefined, as it is when a program leaves it open', async () => {
    const { port } = await listenTls()
    await connectTo(port, { ca, checkServerIdentity: undefined, rejectUnauthorized: undefined }).peer
    const other = await listenTls(material.otherName)
    const cause = await connectTo(other.port, { ca, checkServerIdentity: undefined }).closed
    expect(cause).toMatchObject({ reason: 'certificate-name' })
  })

  it('is refused by a check that throws, and the process goes on', async () => {
    for (const thrown of [new Error('my check failed'), 'text']) {
      const { port } = await listenTls()
      const checkServerIdentity = () => {
        throw thrown
      }
      expect(await connectTo(port, { ca, checkServerIdentity }).closed).toMatchObject({ code: 'MQTT_CONNECTION_LOST' })
    }
  })
})

describe('the version of TLS', () => {
  const weak = 'DEFAULT@SECLEVEL=0'
  const tls11 = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: weak } as const

  it('is 1.2 at least, even where Node was told otherwise', async () => {
    const before = nodeTls.DEFAULT_MIN_VERSION
    Object.assign(nodeTls, { DEFAULT_MIN_VERSION: 'TLSv1' })
    onTestFinished(() => {
      Object.assign(nodeTls, { DEFAULT_MIN_VERSION: before })
    })
    const { port } = await listenTls(tls11)
    expect(await connectTo(port, { ca, ciphers: weak }).closed).toMatchObject({
      reason: 'tls',
      message: expect.stringMatching(/no version of TLS in common/),
    })
  })

  it('is lower only when the caller names a lower one', async () => {
    const { port } = await listenTls(tls11)
    const peer = await connectTo(port, { ca, ciphers: weak, minVersion: 'TLSv1' }).peer
    expect(peer.tls?.version).toBe('TLSv1.1')
  })

  it('may be named by secureProtocol, beside which Node takes no minimum', async () => {
    const { port } = await listenTls()
    const peer = await connectTo(port, { ca, secureProtocol: 'TLSv1_2_method' }).peer
    expect(peer.tls?.version).toBe('TLSv1.2')
  })
})

describe('the name sent to the server (SNI)', () => {
  const serverNames = async (host: string, options: ConnectionOptions = { ca }) => {
    const { accepted, port } = await listenTls(options.servername === 'other.example' ? material.otherName : {})
    resolveEverything()
    const [remote] = await Promise.all([accepted(), connectTo(port, options, host).peer])
    return 'servername' in remote ? remote.servername : undefined
  }

  it('is the host', async () => {
    expect(await serverNames('localhost')).toBe('localhost')
  })

  it('has no dot at its end', async () => {
    expect(await serverNames('localhost.')).toBe('localhost')
  })

  it('is absent when the host is an address', async () => {
    expect(await serverNames('::1')).toBe(false)
  })

  it("is the caller's, which is verified too", async () => {
    expect(await serverNames('::1', { ca, servername: 'other.example' })).toBe('other.example')
  })
})

describe("the caller's options", () => {
  it('reach Node untouched: ALPN and lookup', async () => {
    const { accepted, port } = await listenTls({ ALPNProtocols: ['mqtt', 'other'] })
    const lookup = vi.fn<net.LookupFunction>((_host, _options, callback) =>
      callback(null, [{ address: '::1', family: 6 }]),
    )
    const client = connectTo(port, { ca, ALPNProtocols: ['mqtt'], lookup }, 'localhost')
    const [remote] = await Promise.all([accepted(), client.peer])
    expect(remote.alpnProtocol).toBe('mqtt')
    expect(lookup).toHaveBeenCalledOnce()
    expect(lookup.mock.calls[0]?.[0]).toBe('localhost')
  })

  it('may have a local address, with which Node asks for one address of the server only', async () => {
    const { port } = await listenTls()
    resolveEverything()
    const options = { ca, localAddress: '::1' }
    await connectTo(port, options, 'localhost').peer
  })

  it('hold a lookup that is asked for the family', async () => {
    const { port } = await listenTls()
    const lookup = vi.fn<net.LookupFunction>((_host, _options, callback) => callback(null, '::1', 6))
    const tls = new TlsSettings({ ca, lookup })
    await watch(openSocket({ endpoint: { host: 'localhost', port, tls: true }, family: 6, tls })).peer
    expect(lookup.mock.calls[0]?.[1]).toMatchObject({ family: 6 })
  })

  it('cannot keep the connection half open', async () => {
    const { accepted, port } = await listenTls()
    const options = { ca, allowHalfOpen: true }
    const client = connectTo(port, options)
    const [remote] = await Promise.all([accepted(), client.peer])
    remote.end()
    expect(await client.closed).toBeUndefined()
  })

  it('may hold a client certificate', async () => {
    const { accepted, port } = await listenTls({ ca, requestCert: true, rejectUnauthorized: true })
    const [remote] = await Promise.all([accepted(), connectTo(port, { ca, ...material.client }).peer])
    expect(remote.authorized).toBe(true)
    expect(remote.getPeerCertificate().subject.CN).toBe('fixture client')
  })

  it.each<SecureVersion>(['TLSv1.2', 'TLSv1.3'])(
    'lack a client certificate: the error says so (%s)',
    async (maxVersion) => {
      const { port } = await listenTls({ ca, requestCert: true, rejectUnauthorized: true, maxVersion })
      expect(await connectTo(port).closed).toMatchObject({ reason: expect.stringMatching(/^(tls|reset)$/) })
    },
  )

  it('are taken as they were when the client was made', async () => {
    const { port } = await listenTls()
    const options: ConnectionOptions = { ca }
    const tls = new TlsSettings(options)
    delete options.ca
    await connectTo(port, tls).peer
  })

  it.each([
    ['host', 'give host beside tls'],
    ['port', 'give port beside tls'],
    ['path', 'pass the option stream'],
    ['socket', 'pass the option stream'],
  ] as const)('may not hold %s; the error says: %s', (name, advice) => {
    const options = { host: 'h', port: 1, path: '/p', socket: new net.Socket() }
    const make = () => new TlsSettings({ [name]: options[name] })
    expect(make).toThrow(UsageError)
    expect(make).toThrow(`tls.${name} cannot be used, because a client connects more than once: ${advice}`)
  })

  it('that cannot work end the attempt with a UsageError, not with an exception', async () => {
    const client = connectTo(1, { ca, cert: 'no certificate' })
    expect(client.told).toEqual([])
    expect(await client.closed).toBeInstanceOf(UsageError)
  })

  it.each([
    ['minVersion', 'hunter2', /a value is not what Node takes \(ERR_TLS_INVALID_PROTOCOL_VERSION\)/],
    ['secureProtocol', 'hunter2', /a value is not what Node takes \(ERR_TLS_INVALID_PROTOCOL_METHOD\)/],
    ['ca', 190_853, /tls\.ca is not what Node takes \(ERR_INVALID_ARG_TYPE\)/],
    ['key', 'hunter2', /the options in tls cannot be used: error:/],
  ])('with a wrong %s show no value, also not in the cause', async (name, value, message) => {
    const tls = Reflect.construct(TlsSettings, [{ ca, [name]: value }])
    const { port } = await listenTls()
    const cause = await connectTo(port, tls).closed
    expect(cause).toBeInstanceOf(UsageError)
    expect(cause?.message).toMatch(message)
    expect(inspect(cause, { depth: 9 })).not.toMatch(/hunter|190.?853/)
  })

  it('show no value that tls.connect refuses', async () => {
    // Node itself would leave the socket behind that it has made before its check.
    const text = `The "pskCallback" argument must be of type function. Received type string ('hunter2')`
    const connect = vi.spyOn(nodeTls, 'connect').mockImplementation(() => {
      throw Object.assign(new TypeError(text), { code: 'ERR_INVALID_ARG_TYPE' })
    })
    onTestFinished(() => connect.mockRestore())
    const cause = await connectTo(1).closed
    expect(cause?.message).toBe(
      'the options in tls cannot be used: pskCallback is not what Node takes (ERR_INVALID_ARG_TYPE)',
    )
    expect(inspect(cause, { depth: 9 })).not.toContain('hunter')
  })

  it.each([
    ['psk', { psk: 'hunter2', identity: 'lamp' }],
    ['psk', { psk: Buffer.alloc(3_000, 'hunter2'), identity: 'lamp' }],
    ['identity', { psk: Buffer.alloc(3), identity: 'hunter2'.repeat(900) }],
    ['ret', 'hunter2'],
  ])('show no pre-shared key: a wrong %s of pskCallback', async (name, answer) => {
    const settings = { ciphers: 'PSK', maxVersion: 'TLSv1.2' as const }
    const { port } = await listenTls({ ...settings, pskCallback: () => Buffer.alloc(16) })
    const tls = Reflect.construct(TlsSettings, [{ ...settings, pskCallback: () => answer }])
    const cause = await connectTo(port, tls).closed
    expect(cause).toBeInstanceOf(UsageError)
    expect(cause?.message).toMatch(new RegExp(`tls cannot be used: ${name} is not what Node takes`))
    expect(inspect(cause, { depth: 9 })).not.toMatch(/hunter|68 75 6e/)
  })

  it('show no secret in an error or in util.inspect', async () => {
    const options: unknown = { ca, cert: material.client.cert, key: 190_853, passphrase: 's3cret' }
    const tls = Reflect.construct(TlsSettings, [options])
    const cause = await connectTo(1, tls).closed
    expect(cause).toBeInstanceOf(UsageError)
    expect(inspect(cause, { depth: 9 })).not.toMatch(/190853|s3cret/)
    expect(inspect(tls, { depth: 9, showHidden: true })).not.toMatch(/190853|s3cret/)
  })
})

describe('the SecureContext', () => {
  it('is made once for all connections of a client, and not before the first', async () => {
    const create = vi.spyOn(nodeTls, 'createSecureContext')
    onTestFinished(() => create.mockRestore())
    const { port } = await listenTls()
    create.mockClear()
    const tls = new TlsSettings({ ca })
    expect(create).not.toHaveBeenCalled()
    for (let attempt = 0; attempt < 3; attempt++) {
      const client = connectTo(port, tls)
      await client.peer
      client.transport.destroy()
      await client.closed
    }
    expect(create).toHaveBeenCalledOnce()
  })

  it("is the caller's if there is one", async () => {
    const secureContext = nodeTls.createSecureContext({ ca })
    const create = vi.spyOn(nodeTls, 'createSecureContext')
    onTestFinished(() => create.mockRestore())
    const { port } = await listenTls()
    create.mockClear()
    await connectTo(port, { secureContext }).peer
    expect(create).not.toHaveBeenCalled()
  })
})

describe('a handshake that the server does not answer', () => {
  it.each(['end', 'destroy'] as const)('is given up by %s(), without a cause', async (how) => {
    const { accepted, port } = await listenTcp()
    const client = connectTo(port)
    const remote = await accepted()
    await once(remote, 'data')
    client.transport[how]()
    expect(await client.closed).toBeUndefined()
    expect(client.told).toEqual(['closed'])
  })
})

it('says so when the server speaks no TLS', async () => {
  const { port, server } = await listenTcp()
  server.on('connection', (socket: net.Socket) => socket.end('plain text\r\n'))
  expect(await connectTo(port).closed).toMatchObject({
    reason: 'tls',
    message: expect.stringMatching(/looks like a plain TCP port/),
  })
})
