import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { expired, otherName, server, unknownIssuer } from '../../fixtures/tls/index.js'
import { buildCommand, call, run, shell, start, temporaryFile } from './program.js'
import { listen, startBroker, startScripted } from './servers.js'

buildCommand()

const tlsFile = (name: string) => fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url))

const message = ['-t', 'a', '-m', 'x', '-q', '1'] as const

describe('a connection that the server refuses', () => {
  it.each([
    [1, 'does not speak MQTT 3.1.1'],
    [2, 'does not allow this Client Identifier; give another by -i'],
    [3, 'is unavailable; try again later: some platforms answer so after five attempts'],
    [
      4,
      'bad user name or password; check the user name and the password, or the names and the secret of the device or product',
    ],
    [
      5,
      'check the user name and the password, or the names and the secret of the device or product, and what this client may do',
    ],
  ])('ends with Return Code %i, and says what to do', async (code, text) => {
    const { server, address } = await startBroker()
    server.refuse('connect', { returnCode: code })
    for (const args of [
      ['pub', ...address, ...message],
      ['sub', ...address, '-t', 'a'],
    ]) {
      const outcome = await call(args)
      expect(outcome.stderr).toContain(text)
      expect(outcome.stderr).toMatch(/^mqtt311: [^\n]*\n$/)
      expect(outcome).toMatchObject({ code, stdout: '' })
    }
  })
})

it.each(['pub -t a -l', 'pub -t a -s', 'rr -t a -e b -s', 'explain'])(
  'standard input that %s cannot read: 66',
  async (line) => {
    const { address } = await startBroker()
    const server = line === 'explain' ? '' : address.join(' ')
    // Open, and for writing alone.
    const writable = await shell(`mqtt311 ${line} ${server} 0>${temporaryFile('input')}`)
    expect(writable).toMatchObject({ code: 66, stderr: 'mqtt311: standard input cannot be read (EBADF)\n' })
    const directory = await shell(`mqtt311 ${line} ${server} 0<.`)
    expect(directory).toMatchObject({ code: 66, stderr: 'mqtt311: standard input is a directory: give a file\n' })
  },
)

describe('a server that', () => {
  it('is not there: 69', async () => {
    const vacant = await startBroker()
    await vacant.server.stop()
    const { code, stderr } = await run(['pub', ...vacant.address, ...message])
    expect(stderr).toContain('nothing listens there')
    expect(code).toBe(69)
  })

  it('has no name: 69', async () => {
    const { code, stderr } = await call(['pub', '-h', 'no-such-host.invalid', ...message])
    expect(stderr).toMatch(/check -h\n$/)
    expect(code).toBe(69)
  })

  it.each([['-4'], ['-A', '127.0.0.1']])(
    'has an address of another family than %s asks for: 69, in the words of the command line',
    async (...asked) => {
      const { code, stderr } = await call(['sub', '-h', '::1', ...asked, '-t', 'a'])
      expect(stderr).toMatch(/^mqtt311: \[::1\]:1883 .* over IPv4: name the host, or leave out -4, -6 and -A/)
      expect(code).toBe(69)
    },
  )

  it('accepts and never answers: 27', async () => {
    const silent = await startBroker()
    silent.server.silence()
    const { code, stderr } = await call(['pub', ...silent.address, ...message, '--connect-timeout', '0.2'])
    expect(stderr).toBe('mqtt311: no CONNACK within 200 ms (--connect-timeout)\n')
    expect(code).toBe(27)
  })

  it('accepts and never answers is left on SIGTERM', async () => {
    const silent = await startBroker()
    silent.server.silence()
    const command = start(['sub', ...silent.address, '-t', 'a'])
    await silent.server.receives('connect')
    command.process.kill('SIGTERM')
    expect((await command.end()).code).toBe(0)
  })

  it('does not acknowledge is left at the second signal, without another wait', async () => {
    const silent = await startBroker()
    silent.server.silence('publish')
    const command = start(['pub', ...silent.address, ...message, '-d'])
    await command.wrote('stderr', 'PUBLISH')
    // After the first one the command waits a second for PUBACK, and says DISCONNECT only then. Two of a kind could become one.
    command.process.kill('SIGINT')
    command.process.kill('SIGTERM')
    const { code, stderr } = await command.end()
    expect([130, 143]).toContain(code)
    expect(stderr).not.toContain('DISCONNECT')
  })

  it('does not acknowledge: 27 by -W', async () => {
    const { server, address } = await startBroker()
    server.silence('publish')
    const { code, stderr } = await call(['pub', ...address, ...message, '-W', '0.3'])
    expect(stderr).toBe('mqtt311: the 0.3 seconds of -W have passed\n')
    expect(code).toBe(27)
  })

  it('sends no MQTT: 76', async () => {
    const { server, address } = await startBroker()
    server.answer('connect', (_, connection) => connection.sendBytes(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')))
    const { code, stderr } = await run(['pub', ...address, ...message])
    expect(stderr).toMatch(/^mqtt311: this is a web server: .*; do -h and -p name a server of MQTT 3\.1\.1\?\n$/)
    expect(code).toBe(76)
  })

  it('answers in TLS: 78', async () => {
    const { server, address } = await startBroker()
    server.answer('connect', (_, connection) => connection.sendBytes(Buffer.from('1503010002020a', 'hex')))
    const { code, stderr } = await call(['pub', ...address, ...message])
    expect(stderr).toBe('mqtt311: the server answers in TLS, where this connection is plain: connect with --tls\n')
    expect(code).toBe(78)
  })

  it('does not listen: 69', async () => {
    const { server, address } = await startBroker()
    await server.close()
    const { code, stderr } = await call(['pub', ...address, ...message])
    expect(stderr).toMatch(/ refused the connection: .*; is the server running, and are -h and -p right\?\n$/)
    expect(code).toBe(69)
  })

  it('closes before CONNACK: 75', async () => {
    const rude = await startBroker()
    rude.server.answer('connect', (_, connection) => connection.close())
    const { code, stderr } = await call(['pub', ...rude.address, ...message])
    expect(stderr).toBe(
      'mqtt311: the server closed the connection instead of answering CONNECT: perhaps it expects TLS (--tls), is no server of MQTT 3.1.1, or refuses this client\n',
    )
    expect(code).toBe(75)
  })

  it('closes behind a message at QoS 0: 75, as nobody knows whether it was read', async () => {
    const rude = await startBroker()
    rude.server.answer('publish', (_, connection) => connection.cut())
    const { code } = await call(['pub', ...rude.address, '-t', 'a', '-m', 'x'])
    expect(code).toBe(75)
  })
})

describe('TLS', () => {
  const ca = tlsFile('ca.pem')

  it.each([
    ['--cafile', ca],
    ['--cafile', ca, '--tls'],
    ['--capath', tlsFile('.')],
    ['--cafile', ca, '--cert', tlsFile('client.pem'), '--key', tlsFile('client-key.pem'), '--tls-alpn', 'mqtt'],
  ])('connects with %s', async (...flags) => {
    const broker = await startBroker({ tls: server })
    expect(await call(['pub', ...broker.address, ...message, ...flags])).toMatchObject({ code: 0, stderr: '' })
    expect(broker.published).toHaveLength(1)
  })

  it.each([
    ['an issuer that nobody here trusts', unknownIssuer, 'pass its root certificate in --cafile'],
    ['a certificate that has expired', expired, 'has expired'],
    ['a certificate for another name', otherName, 'or set --servername'],
  ])('%s: 78, and what to do', async (_, identity, text) => {
    const broker = await startBroker({ tls: identity })
    const { code, stderr } = await call(['pub', ...broker.address, ...message, '--cafile', ca])
    expect(stderr).toContain(text)
    expect(stderr).toMatch(/^mqtt311: [^\n]*\n$/)
    expect(code).toBe(78)
  })

  it('--servername names whom to expect', async () => {
    const broker = await startBroker({ tls: otherName })
    const flags = ['--cafile', ca, '--servername', 'other.example']
    expect(await call(['pub', ...broker.address, ...message, ...flags])).toMatchObject({ code: 0, stderr: '' })
  })

  it.each([
    [['--cafile', tlsFile('client-key.pem')], 'the file of --cafile holds no certificate in PEM'],
    [['--cert', tlsFile('client.pem'), '--key', tlsFile('server-key.pem')], 'the key that belongs to --cert'],
    [['--cert', tlsFile('client-key.pem'), '--key', tlsFile('client-key.pem')], 'give them in PEM'],
  ])('%j cannot be used: 66', async (flags, text) => {
    const { code, stderr } = await call(['pub', '-h', '::1', ...message, ...flags])
    expect(stderr).toContain(text)
    expect(stderr).toMatch(/^mqtt311: [^\n]*\n$/)
    expect(code).toBe(66)
  })

  it('towards a plain port that hangs up: 78', async () => {
    const rude = await listen(createServer((socket) => socket.once('data', () => socket.resetAndDestroy())))
    const { code, stderr } = await call(['pub', ...rude.address, ...message, '--tls'])
    expect(stderr).toContain('TLS handshake')
    expect(stderr).toMatch(/; if it expects no TLS, leave out what asks for it\n$/)
    expect(code).toBe(78)
  })

  it('that the URL does not ask for is refused in the words of the command line', async () => {
    const { code, stderr } = await call(['pub', '-L', 'mqtt://localhost/a', '-m', 'x', '--tls'])
    expect(stderr).toContain('TLS is asked for, but the address')
    expect(stderr).toContain('write mqtts://, or leave out --tls and what belongs to it')
    expect(code).toBe(64)
  })

  it('towards a plain port: 78', async () => {
    const plain = await startScripted(Buffer.from('this is no TLS'))
    const { code, stderr } = await run(['pub', ...plain.address, ...message, '--tls'])
    expect(stderr).toContain('does not answer in TLS')
    expect(code).toBe(78)
  })
})

describe('the process', () => {
  it('says that its output cannot be written, with 74', async () => {
    const full = await shell('mqtt311 explain c000 > /dev/full')
    expect(full.stderr).toBe('mqtt311: the output cannot be written: ENOSPC: no space left on device, write\n')
    expect(full.code).toBe(74)
  })

  it.each(['--help', 'pub --help', '--version', 'explain c000', 'demo', 'sign --product-key a --device-name b'])(
    'ends with 0 and in silence when nobody reads %s',
    async (args) => {
      const line = `export DEVICE_SECRET=secret; mqtt311 ${args} | true`
      expect(await shell(line)).toEqual({ code: 0, signal: null, stdout: '', stderr: '' })
    },
  )

  it('works without standard streams', async () => {
    const broker = await startBroker()
    const pub = `mqtt311 pub ${broker.address.join(' ')} -t a -q 1`
    expect(await shell(`echo one | ${pub} -l >&- 2>&- && ${pub} -m two <&- && ${pub} -l <&-`)).toMatchObject({
      code: 0,
    })
    expect(broker.published.map(({ text }) => text)).toEqual(['one', 'two'])
    expect(await shell('mqtt311 demo >&- 2>&-')).toMatchObject({ code: 0 })
  })

  it('ends although standard input is still open', async () => {
    const { server, address } = await startBroker()
    server.refuse('connect')
    const { code } = await start(['pub', ...address, '-t', 'a', '-l'], { input: 'open' }).end()
    expect(code).toBe(5)
  })

  it('waits for a slow reader of stderr, and keeps its exit code', async () => {
    const broker = await startBroker()
    const command = start(['pub', ...broker.address, '-t', 'a', '-q', '1', '-l', '--trace'], { input: 'open' })
    command.process.stderr.pause()
    command.process.stdin.write('x\n'.repeat(1_000))
    for (let count = 0; count < 1_000; count += 1) await broker.server.receives('publish')
    command.process.kill('SIGINT')
    await broker.server.receives('disconnect')
    command.process.stderr.resume()
    const { code, stderr } = await command.end()
    expect(stderr.match(/┌─ PUBLISH/g)).toHaveLength(1_000)
    expect(stderr).toMatch(/\nmqtt311: interrupted by SIGINT\n$/)
    expect(code).toBe(130)
  })
})
