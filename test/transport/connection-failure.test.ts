import dns from 'node:dns'
import net from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { ConnectionLostError, type LossReason, UsageError } from '../../src/errors.js'
import { connectionFailure, isCertificateFailure, streamFailure } from '../../src/transport/connection-failure.js'
import { type AddressFamily, openSocket } from '../../src/transport/index.js'
import { listenTcp, loopbackZone, watch } from './loopback.js'

const endpoint = { host: 'broker.example', port: 1883, tls: false }
const failed = (code: string, more = {}) => Object.assign(new Error(`raw ${code}`), { code, ...more })

describe('an error of the system', () => {
  it.each<[string, LossReason, RegExp]>([
    ['ECONNREFUSED', 'refused', /refused the connection: nothing listens there/],
    ['EHOSTUNREACH', 'unreachable', /cannot be reached/],
    ['ENETUNREACH', 'unreachable', /cannot be reached/],
    ['EADDRNOTAVAIL', 'unreachable', /cannot be reached/],
    ['ETIMEDOUT', 'timed-out', /did not answer in time/],
    ['ENOTFOUND', 'name-not-found', /cannot be resolved/],
    ['EAI_AGAIN', 'name-not-found', /no resolver answers/],
    ['ECONNRESET', 'reset', /broke the connection off/],
    ['EPIPE', 'reset', /broke the connection off/],
    ['CERT_HAS_EXPIRED', 'certificate-expired', /has expired/],
    ['CERT_NOT_YET_VALID', 'certificate-expired', /not valid yet/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificate-untrusted', /tls\.ca/],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'certificate-untrusted', /tls\.ca/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate-untrusted', /tls\.ca/],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'certificate-untrusted', /tls\.ca/],
    ['CERT_REVOKED', 'certificate-untrusted', /cannot be accepted/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate-name', /another name/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls', /looks like a plain TCP port/],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'tls', /no version of TLS in common/],
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'tls', /could not agree/],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tls', /wants a client certificate/],
    ['ERR_SSL_TLSV1_ALERT_CERTIFICATE_REQUIRED', 'tls', /wants a client certificate/],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'tls', /does not accept the client certificate/],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'tls', /does not accept the client certificate/],
    ['EPROTO', 'tls', /could not agree/],
    ['EMFILE', 'other', /could not be connected to/],
  ])('%s is told as %s', (code, reason, message) => {
    const cause = failed(code)
    const error = connectionFailure(cause, endpoint, 'opening')
    expect(error).toBeInstanceOf(ConnectionLostError)
    expect(error).toMatchObject({ reason, cause, message: expect.stringMatching(message) })
    expect(error.message).toMatch(/^broker\.example:1883 .* \([A-Z_0-9]+\)$/)
  })

  it('is told by how far the connection had come', () => {
    expect(connectionFailure(failed('ECONNRESET'), endpoint, 'securing').message).toMatch(/middle of the TLS handshake/)
    expect(connectionFailure(new Error('odd'), endpoint, 'securing').reason).toBe('tls')
    expect(connectionFailure(failed('EIO'), endpoint, 'open').message).toBe(
      'broker.example:1883 lost the connection (EIO)',
    )
    expect(connectionFailure('no error', endpoint, 'open').reason).toBe('other')
  })

  it.each([
    [
      'fe80::1',
      'unreachable',
      /^\[fe80::1\]:1883 is a link-local address, which needs the interface .*: fe80::1%eth0 \(EINVAL\)$/,
    ],
    ['FEBF::a:1', 'unreachable', /link-local/],
    ['fe80::1%lo', 'other', /could not be connected to \(EINVAL\)$/],
    ['fec0::1', 'other', /could not be connected to \(EINVAL\)$/],
    ['fe80.example', 'other', /could not be connected to \(EINVAL\)$/],
  ] as const)('says of EINVAL for %s that a zone is missing only where it is', (host, reason, message) => {
    const error = connectionFailure(failed('EINVAL', { address: host }), { ...endpoint, host }, 'opening')
    expect(error).toMatchObject({ reason, message: expect.stringMatching(message) })
  })

  it('names the address that a name has led to', () => {
    const error = connectionFailure(failed('ECONNREFUSED', { address: '2001:db8::7' }), endpoint, 'opening')
    expect(error.message).toMatch(/\(ECONNREFUSED 2001:db8::7\)$/)
  })

  it('that was told already is not told again', () => {
    const known = new ConnectionLostError('known', { reason: 'offline' })
    expect(connectionFailure(known, endpoint, 'open')).toBe(known)
  })
})

describe('the failure of every address of a name', () => {
  const attempts = (...codes: string[]) =>
    new AggregateError(codes.map((code, index) => failed(code, { address: `2001:db8::${index}` })))

  it('names each address and what was wrong with it', () => {
    const cause = attempts('ENETUNREACH', 'ETIMEDOUT')
    const error = connectionFailure(cause, endpoint, 'opening')
    expect(error.message).toBe(
      'broker.example:1883 could not be connected to at any of its addresses: 2001:db8::0 (ENETUNREACH), 2001:db8::1 (ETIMEDOUT)',
    )
    expect(error.cause).toBe(cause)
  })

  it('names the address also when the name had only one', () => {
    expect(connectionFailure(attempts('ETIMEDOUT'), endpoint, 'opening').message).toBe(
      'broker.example:1883 could not be connected to at any of its addresses: 2001:db8::0 (ETIMEDOUT)',
    )
  })

  it('speaks of no addresses if it has none', () => {
    expect(connectionFailure(attempts(), endpoint, 'opening').message).toBe(
      'broker.example:1883 could not be connected to',
    )
  })

  it.each<[LossReason, string[]]>([
    ['unreachable', ['ENETUNREACH', 'EHOSTUNREACH']],
    ['timed-out', ['ENETUNREACH', 'ETIMEDOUT']],
    ['refused', ['ETIMEDOUT', 'ECONNREFUSED']],
    ['other', ['EMFILE', 'EMFILE']],
  ])('has the reason that tells most: %s', (reason, codes) => {
    expect(connectionFailure(attempts(...codes), endpoint, 'opening').reason).toBe(reason)
  })
})

it('knows which failures are those of a certificate', () => {
  const reasons: LossReason[] = ['certificate-expired', 'certificate-name', 'certificate-untrusted']
  for (const reason of reasons) expect(isCertificateFailure(new ConnectionLostError('', { reason }))).toBe(true)
  expect(isCertificateFailure(new ConnectionLostError('', { reason: 'tls' }))).toBe(false)
  expect(isCertificateFailure(failed('CERT_HAS_EXPIRED'))).toBe(false)
})

it('tells the failure of a byte pipe by its code, and passes errors of this package on', () => {
  expect(streamFailure(failed('EPIPE'))).toMatchObject({ reason: 'reset', cause: failed('EPIPE') })
  expect(streamFailure('no error')).toMatchObject({ reason: 'other', cause: 'no error' })
  const usage = new UsageError('wrong')
  expect(streamFailure(usage)).toBe(usage)
})

describe('opening a socket', () => {
  const open = (host: string, port: number, family?: AddressFamily) =>
    watch(openSocket({ endpoint: { host, port, tls: false }, family, tls: undefined }))

  /** Answers the lookups of this test: no name leaves the machine. */
  function resolveTo(...addresses: string[]) {
    const lookup = vi.spyOn(dns, 'lookup')
    onTestFinished(() => lookup.mockRestore())
    lookup.mockImplementation((...args: unknown[]) => {
      const callback = args.at(-1)
      const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
      const error = found.length === 0 ? failed('ENOTFOUND') : null
      if (typeof callback === 'function') process.nextTick(callback, error, found)
    })
    return lookup
  }

  /** A port on which nobody listens any more. */
  async function freePort(): Promise<number> {
    const { port, server } = await listenTcp()
    await new Promise((resolve) => server.close(resolve))
    return port
  }

  it('tells that the connection is refused', async () => {
    const port = await freePort()
    const client = open('::1', port)
    expect(client.told).toEqual([])
    expect(await client.closed).toMatchObject({
      reason: 'refused',
      message: `[::1]:${port} refused the connection: nothing listens there (ECONNREFUSED)`,
    })
    expect(client.told).toEqual(['closed'])
  })

  it('tells that a name is not found', async () => {
    resolveTo()
    expect(await open('nowhere.invalid', 1883).closed).toMatchObject({
      reason: 'name-not-found',
      message: 'nowhere.invalid:1883 has a name that cannot be resolved (ENOTFOUND)',
    })
  })

  it.each([
    ['127.0.0.1', 6, /is an IPv4 address and cannot be reached with family 6/],
    ['::1', 4, /is an IPv6 address and cannot be reached with family 4/],
  ] as const)('refuses %s with family %d', async (host, family, message) => {
    const client = open(host, 1883, family)
    expect(client.told).toEqual([])
    expect(await client.closed).toMatchObject({ reason: 'unreachable', message: expect.stringMatching(message) })
    expect(client.transport.write(Buffer.of(1))).toBe(false)
    expect(client.transport.unsentBytes).toBe(0)
  })

  it('refuses it without a cause once it is destroyed', async () => {
    const client = open('127.0.0.1', 1883, 6)
    client.transport.pause()
    client.transport.resume()
    client.transport.end()
    expect(await client.closed).toBeUndefined()
    expect(client.told).toEqual(['closed'])
  })

  it('tries IPv6 first, in whatever order the addresses come', async () => {
    const { port } = await listenTcp()
    await listenTcp({ host: '127.0.0.1', port })
    const lookup = resolveTo('127.0.0.1', '::1')
    expect((await open('both.example', port).peer).address).toBe('::1')
    expect(lookup.mock.calls[0]).toMatchObject(['both.example', { all: true, family: 0 }, {}])
  })

  it('falls back to IPv4 when IPv6 fails, however Node was set', async () => {
    const before = net.getDefaultAutoSelectFamily()
    net.setDefaultAutoSelectFamily(false)
    onTestFinished(() => net.setDefaultAutoSelectFamily(before))
    const { port } = await listenTcp({ host: '127.0.0.1' })
    resolveTo('::1', '127.0.0.1')
    expect(await open('both.example', port).peer).toMatchObject({ address: '127.0.0.1', family: 4 })
  })

  it('asks for no address of a family that this machine has not', async () => {
    const { port } = await listenTcp()
    const lookup = resolveTo('::1')
    await open('both.example', port).peer
    expect(lookup.mock.calls[0]).toMatchObject(['both.example', { hints: dns.ADDRCONFIG }, {}])
  })

  it.each([
    [6, '::ffff:127.0.0.1', '::1'],
    [4, '127.0.0.2', '127.0.0.1'],
  ] as const)(
    'with family %d asks for that family only, and tries all its addresses',
    async (family, first, second) => {
      const { port } = await listenTcp({ host: second })
      const lookup = resolveTo(first, second)
      expect((await open('one.example', port, family).peer).address).toBe(second)
      expect(lookup.mock.calls[0]).toMatchObject(['one.example', { all: true, family, hints: 0 }, {}])
    },
  )

  it('names every address that it tried', async () => {
    const port = await freePort()
    resolveTo('127.0.0.1', '::1')
    expect(await open('both.example', port).closed).toMatchObject({
      reason: 'refused',
      message: `both.example:${port} could not be connected to at any of its addresses: ::1 (ECONNREFUSED), 127.0.0.1 (ECONNREFUSED)`,
    })
  })

  it('reaches an address with a zone', async () => {
    const { port } = await listenTcp()
    expect(await open(`::1%${loopbackZone()}`, port).peer).toMatchObject({ port, family: 6 })
  })
})
