import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import tls from 'node:tls'
import { describe, expect, it } from 'vitest'
import { ca, server } from '../../fixtures/tls/index.js'
import { cipherSuite, KeyLog } from '../../src/cli/decrypt/record-keys.js'
import { decryptConnection } from '../../src/cli/decrypt/tls-connection.js'
import type { ConversationPart, Side } from '../../src/explain/capture/conversation.js'
import { listen } from './servers.js'

/** What goes over the wire while a client of TLS sends `hello` and a server answers `welcome`, and the key log. */
async function exchange(options: tls.SecureContextOptions): Promise<{ parts: ConversationPart[]; keys: string }> {
  const parts: ConversationPart[] = []
  const target = await listen(
    tls.createServer({ ...server, ...options }, (socket) => socket.once('data', () => socket.end('welcome'))),
  )
  const record = (side: Side, from: Socket, to: Socket) => {
    from.on('data', (bytes: Buffer) => {
      parts.push({ side, bytes })
      to.write(bytes)
    })
    from.on('end', () => to.end())
    from.on('error', () => {})
  }
  const between = await listen(
    createServer((socket) => {
      const onward = connect(target.port, target.host)
      record('client', socket, onward)
      record('server', onward, socket)
    }),
  )
  const client = tls.connect({ host: between.host, port: between.port, ca, servername: 'localhost', ...options })
  let keys = ''
  client.on('keylog', (line: Buffer) => {
    keys += line.toString()
  })
  client.write('hello')
  client.resume()
  await once(client, 'close')
  return { parts, keys }
}

function textsOf(parts: readonly ConversationPart[], keys: string) {
  const decryption = decryptConnection(parts, new KeyLog(keys))
  if ('why' in decryption) return decryption.why
  return decryption.parts.map(({ side, bytes }) => `${side}: ${Buffer.from(bytes).toString()}`)
}

const both = (name: string) => `ECDHE-RSA-${name}:ECDHE-ECDSA-${name}`

describe('a captured connection of TLS is decrypted with', () => {
  it.each<[string, tls.SecureContextOptions]>([
    ['TLS 1.3, AES-128', { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' }],
    ['TLS 1.3, AES-256', { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_256_GCM_SHA384' }],
    ['TLS 1.3, ChaCha20', { minVersion: 'TLSv1.3', ciphers: 'TLS_CHACHA20_POLY1305_SHA256' }],
    ['TLS 1.3, after a HelloRetryRequest', { minVersion: 'TLSv1.3', ecdhCurve: 'P-384' }],
    ['TLS 1.2, AES-128', { maxVersion: 'TLSv1.2', ciphers: both('AES128-GCM-SHA256') }],
    ['TLS 1.2, AES-256', { maxVersion: 'TLSv1.2', ciphers: both('AES256-GCM-SHA384') }],
    ['TLS 1.2, ChaCha20', { maxVersion: 'TLSv1.2', ciphers: both('CHACHA20-POLY1305') }],
  ])('%s, in any pieces', async (_, options) => {
    const { parts, keys } = await exchange(options)
    expect(textsOf(parts, keys)).toEqual(['client: hello', 'server: welcome'])
    const pieces = parts.flatMap(({ side, bytes }) =>
      Array.from(bytes, (byte) => ({ side, bytes: Uint8Array.of(byte) })),
    )
    expect(textsOf(pieces, keys)).toEqual(['client: hello', 'server: welcome'])
  })

  it.each([
    ['TLS_RSA_WITH_AES_128_GCM_SHA256', 0x009c],
    ['TLS_RSA_WITH_AES_256_GCM_SHA384', 0x009d],
    ['TLS_DHE_RSA_WITH_AES_128_GCM_SHA256', 0x009e],
    ['TLS_DHE_RSA_WITH_AES_256_GCM_SHA384', 0x009f],
    ['TLS_PSK_WITH_AES_128_GCM_SHA256', 0x00a8],
    ['TLS_PSK_WITH_AES_256_GCM_SHA384', 0x00a9],
    ['TLS_AES_128_GCM_SHA256', 0x1301],
    ['TLS_AES_256_GCM_SHA384', 0x1302],
    ['TLS_CHACHA20_POLY1305_SHA256', 0x1303],
    ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 0xc02b],
    ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 0xc02c],
    ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 0xc02f],
    ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 0xc030],
    ['TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256', 0xcca8],
    ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 0xcca9],
    ['TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256', 0xccaa],
    ['TLS_PSK_WITH_CHACHA20_POLY1305_SHA256', 0xccab],
  ])('the suite that the registry of IANA calls %s', (name, number) => {
    const [, cipher = '', hash = ''] = /(AES_\d+_GCM|CHACHA20_POLY1305)_(SHA\d+)$/.exec(name) ?? []
    const { cipher: own, hash: ownHash } = cipherSuite(number) ?? {}
    expect([own, ownHash]).toEqual([cipher.toLowerCase().replaceAll('_', '-'), hash.toLowerCase()])
  })

  it('no other key log, and then it says why', async () => {
    const { parts } = await exchange({ maxVersion: 'TLSv1.2' })
    const other = await exchange({})
    expect(textsOf(parts, other.keys)).toBe('the key log has no secret of this connection')
    expect(textsOf(other.parts, '')).toBe('the key log has no secret of this connection')
  })

  it('no cipher without authentication', async () => {
    const { parts, keys } = await exchange({ maxVersion: 'TLSv1.2', ciphers: both('AES128-SHA256') })
    expect(textsOf(parts, keys)).toMatch(/^the cipher suite 0xc02[37] is not known here$/)
  })

  it('the bytes in front of a gap', async () => {
    const { parts, keys } = await exchange({})
    expect(textsOf([{ side: 'client', bytes: new Uint8Array(0), missing: 1 }, ...parts], keys)).toBe(
      'bytes are missing in the capture',
    )
  })
})
