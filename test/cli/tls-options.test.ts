/** The options of TLS that users of mosquitto_pub and mosquitto_sub know. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { otherName, server } from '../../fixtures/tls/index.js'
import { buildCommand, call, run, temporaryFile } from './program.js'
import { listen, startBroker } from './servers.js'

buildCommand()

const caFile = fileURLToPath(new URL('../../fixtures/tls/ca.pem', import.meta.url))
const message = ['-t', 'a', '-m', 'x']
const trusted = ['--cafile', caFile, ...message]

describe('--tls-version and --ciphers', () => {
  it('choose what is offered', async () => {
    const broker = await startBroker({ tls: server })
    const ciphers = 'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384'
    const shown = async (...args: readonly string[]) =>
      (await run(['pub', ...broker.address, ...trusted, ...args, '-d'])).stderr
    expect(await shown('--tls-version', 'tlsv1.2', '--ciphers', ciphers)).toMatch(
      /TLSv1\.2, ECDHE-\w+-AES256-GCM-SHA384\n/,
    )
    expect(await shown('--tls-version', 'tlsv1.3')).toContain('TLSv1.3, ')
  })

  it('take no older version than the one that is named', async () => {
    const broker = await startBroker({ tls: { ...server, maxVersion: 'TLSv1.2' } })
    const { code } = await call(['pub', ...broker.address, ...trusted, '--tls-version', 'tlsv1.3'])
    expect(code).toBe(78)
  })

  it('are refused before the command connects if OpenSSL has no such ciphers', async () => {
    const { code, stderr } = await call(['pub', ...message, '--ciphers', 'ROT13'])
    expect([code, stderr]).toEqual([64, expect.stringContaining('the ciphers cannot be used: ')])
  })
})

it('--tls-alpn asks for a protocol', async () => {
  const asked: unknown[] = []
  const { address } = await listen(
    tls.createServer({ ...server, ALPNProtocols: ['mqtt'] }, (socket) => {
      asked.push(socket.alpnProtocol)
      socket.destroy()
    }),
  )
  await call(['sub', ...address, '--cafile', caFile, '-t', 'a', '--tls-alpn', 'mqtt', '-W', '0.5'])
  expect(asked[0]).toBe('mqtt')
})

describe('--tls-keylog', () => {
  it('adds the keys to a file for its owner only', async () => {
    const broker = await startBroker({ tls: server })
    const file = temporaryFile('keys')
    const pub = () => run(['pub', ...broker.address, ...trusted, '--tls-version', 'tlsv1.2', '--tls-keylog', file])
    expect((await pub()).code).toBe(0)
    expect((await pub()).code).toBe(0)
    expect(readFileSync(file, 'utf8')).toMatch(/^(CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}\n){2}$/)
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('asks for TLS, with the roots of Node.js', async () => {
    const broker = await startBroker({ tls: server })
    const { code, stderr } = await run(['pub', ...broker.address, ...message, '--tls-keylog', temporaryFile('keys')])
    expect([code, stderr]).toEqual([78, expect.stringContaining('certificate')])
  })

  it('is refused with --protocol mqtt before the file is made: 64', async () => {
    const file = temporaryFile('keys')
    const { code, stderr } = await run(['pub', ...message, '--protocol', 'mqtt', '--tls-keylog', file])
    expect([code, stderr]).toEqual([64, expect.stringContaining('leave out what belongs to TLS')])
    expect(existsSync(file)).toBe(false)
  })

  it('ends with 74 before the command connects if the file cannot be written', async () => {
    const { code, stderr } = await run(['pub', ...message, '--tls-keylog', '/nowhere/keys'])
    expect([code, stderr]).toEqual([74, 'mqtt311: the file of --tls-keylog cannot be written (ENOENT)\n'])
  })
})

describe('--psk', () => {
  const psk = Buffer.from('0123abcd', 'hex')
  const shared: tls.TlsOptions = { pskCallback: (_, identity) => (identity === 'lamp' ? psk : null), ciphers: 'PSK' }
  const key = (hex: string) => ['--psk', hex, '--psk-identity', 'lamp', ...message]

  it('connects to a server that has the same key, and to no other', async () => {
    const broker = await startBroker({ tls: { ...shared, maxVersion: 'TLSv1.2' } })
    expect(await call(['pub', ...broker.address, ...key('0123ABCD')])).toMatchObject({ code: 0, stderr: '' })
    expect(broker.published.map(({ text }) => text)).toEqual(['x'])
    expect((await call(['pub', ...broker.address, ...key('0123abce')])).code).toBe(78)
  })

  it('uses the key also where the server has a certificate and TLS 1.3, with the ciphers that are chosen', async () => {
    const broker = await startBroker({ tls: { ...server, ...shared } })
    const { code, stderr } = await run([
      ...['pub', ...broker.address, ...key('0123abcd')],
      ...['--ciphers', 'PSK-AES128-GCM-SHA256', '-d'],
    ])
    expect(stderr).toContain('TLSv1.2, PSK-AES128-GCM-SHA256\n')
    expect(code).toBe(0)
  })

  it('does not make a certificate for another name good, which the server shows instead of using the key', async () => {
    const broker = await startBroker({ tls: { ...otherName, ...shared, ciphers: 'DEFAULT' } })
    const { code, stderr } = await run(['pub', ...broker.address, ...key('0123abcd'), '--ciphers', 'DEFAULT'], {
      env: { NODE_EXTRA_CA_CERTS: caFile },
    })
    expect(stderr).toContain('has a certificate for another name')
    expect(code).toBe(78)
    expect(broker.server.received).toEqual([])
  })

  it.each([
    [['--cafile', caFile], '--psk and --cafile exclude each other'],
    [['--capath', dirname(caFile)], '--psk and --capath exclude each other'],
    [
      ['--tls-version', 'tlsv1.3'],
      'Node.js has shared keys in TLS 1.2 only: leave out --tls-version tlsv1.3, or --psk',
    ],
  ])('is refused with %j, with which it would not be used: 64', async (args, text) => {
    const { code, stderr } = await call(['pub', ...key('0123abcd'), ...args])
    expect(stderr).toContain(text)
    expect(code).toBe(64)
  })
})
