import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { explain, render } from 'mqtt311/explain'
import { describe, expect, it } from 'vitest'
import { ipv4, pcap, pcapng } from '../explain/tcp-frames.js'
import { buildCommand, call, run, shell, temporaryFile, terminal } from './program.js'

buildCommand()

/** What real programs have written. */
const dumps = new URL('../../fixtures/captures/text/', import.meta.url)

const bytes = Buffer.from('3005000161686940020001', 'hex')
const listing = `${render(explain(bytes))}\n`

describe('mqtt311 explain', () => {
  it.each([
    [['30', '05', '00', '01', '61', '68', '69', '40', '02', '00', '01']],
    [['3005000161686940020001']],
    [['0x30,0x05,0x00', '0x01 61:68:69', '40-02-00-01']],
    [['\\x30\\x05\\x00\\x01\\x61\\x68\\x69\\x40\\x02\\x00\\x01']],
    [['<Buffer 30 05 00 01 61 68 69 40 02 00 01>']],
    [['<Buffer', '30', '05', '00', '01', '61', '68', '69', '40', '02', '00', '01>']],
    [['--base64', 'MAUAAWFoaUACAAE=']],
  ])('takes the bytes as %j', async (args) => {
    expect(await call(['explain', ...args])).toEqual({ code: 0, signal: null, stdout: listing, stderr: '' })
  })

  it('takes standard input, as bytes or as hexadecimal text', async () => {
    expect((await run(['explain'], { input: bytes })).stdout).toBe(listing)
    expect((await call(['explain', '-f', '-'], { input: `${bytes.toString('hex')}\n` })).stdout).toBe(listing)
    expect((await call(['explain', '--hex'], { input: bytes.toString('hex') })).stdout).toBe(listing)
    expect((await call(['explain', '--binary'], { input: '30' })).stdout).toContain('PUBLISH')
  })

  it('takes a file, as bytes or as hexadecimal text', async () => {
    const file = temporaryFile('packets')
    writeFileSync(file, bytes)
    expect((await call(['explain', '-f', file])).stdout).toBe(listing)
    writeFileSync(file, bytes.toString('hex').replace(/(..)/g, '$1\n'))
    expect((await call(['explain', '-f', file])).stdout).toBe(listing)
  })

  it('takes what programs have written, in a file', async () => {
    for (const name of ['xxd.txt', 'hexdump-canonical.txt', 'node-json.txt']) {
      const { code, stdout } = await call(['explain', '-f', fileURLToPath(new URL(name, dumps)), '--brief'])
      expect([code, stdout.split('\n')]).toEqual([
        0,
        [
          'CONNECT  client "watcher", clean session, keep alive 60 s',
          'PUBLISH  QoS 0, topic "a/b", 20 bytes',
          'PUBLISH  QoS 0, topic "zeros", 64 bytes',
          'PUBLISH  QoS 0, topic "温", 11 bytes',
          'PUBACK  id 1',
          'DISCONNECT',
          '',
        ],
      ])
    }
  })

  it('shows both sides of what Wireshark has followed', async () => {
    const file = fileURLToPath(new URL('tshark-follow.txt', dumps))
    const { stdout } = await call(['explain', '-f', file, '--brief'])
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      `${' '.repeat(14)}──▶  CONNECT  client "watcher", clean session, keep alive 60 s`,
      `${' '.repeat(14)}◀──  CONNACK  accepted`,
      `${' '.repeat(14)}──▶  SUBSCRIBE  id 1, "lamp/#" QoS 2`,
    ])
    expect((await call(['explain', '-f', file])).stdout).toContain('client ◀── server\n┌─ CONNACK  accepted')
  })

  it('says what the bytes look like that are no packets, and reads them all the same if asked to', async () => {
    const page = { input: 'HTTP/1.1 400 Bad Request\r\n\r\n' }
    expect(await call(['explain'], page)).toEqual({
      code: 66,
      signal: null,
      stdout: '',
      stderr:
        'mqtt311: the bytes of standard input are no packets: it looks like an answer of HTTP: the port was that of a web server; ' +
        'if they are packets all the same, say --binary, --hex or --base64\n',
    })
    expect((await call(['explain', '--binary'], page)).code).toBe(65)
  })

  it.each([
    [['--hex', '--base64', 'c000'], '--hex and --base64 exclude each other: give one of them'],
    [['--binary', 'c000'], '--binary is for a file or standard input: leave it out'],
    [['--base64', 'c'], 'they are no base64, which has letters, digits, + and /'],
    [['good', 'morning'], 'it looks like words'],
    [[':'], 'the command line has no bytes: write them in hexadecimal, as in c0 00'],
  ])('refuses %j', async (args, line) => {
    const { code, stderr } = await call(['explain', ...args])
    expect([code, stderr]).toEqual([64, `mqtt311: ${line}; see mqtt311 explain --help\n`])
  })

  it.each([
    [[], '', 'standard input'],
    [['--brief'], '\n', 'standard input'],
    [['--hex'], ' \n', 'standard input'],
    [['--base64'], '', 'standard input'],
    [['--binary', '-f', '/dev/null'], '', 'the file of -f'],
  ])('%j of %j says that there is nothing to explain: 66', async (args, input, what) => {
    const { code, stdout, stderr } = await call(['explain', ...args], { input })
    expect(stderr).toBe(`mqtt311: ${what} has no bytes: there is nothing to explain\n`)
    expect({ code, stdout }).toEqual({ code: 66, stdout: '' })
  })

  it('ends with 65 where it finds a fault, and shows it', async () => {
    const { code, stdout, stderr } = await run(['explain', '36', '00'])
    expect(stdout).toContain('MQTT-3.3.1-4')
    expect({ code, stderr }).toEqual({ code: 65, stderr: '' })
  })

  it('shows the fault with --brief too', async () => {
    const { code, stdout } = await call(['explain', '36', '00', '--brief'])
    expect(stdout).toBe('PUBLISH  malformed  ✗ MQTT-3.3.1-4 received PUBLISH with both QoS bits set\n')
    expect(code).toBe(65)
  })

  it('needs no more memory for 20,000 packets than for a few', async () => {
    const file = temporaryFile('many')
    writeFileSync(file, Buffer.alloc(40_000, Buffer.from([0xc0, 0])))
    const env = { NODE_OPTIONS: '--max-old-space-size=32' }
    const { code, stdout } = await run(['explain', '-f', file], { env })
    expect([code, stdout.split('\n').at(-2)]).toEqual([0, '└─ ✓ 20,000 packets, 40,000 bytes, nothing wrong'])
  })

  it('--all shows what is cut otherwise', async () => {
    const long = Buffer.concat([Buffer.from([0x30, 103, 0, 1, 0x61]), Buffer.alloc(100, 0x62)])
    expect((await call(['explain', long.toString('hex')])).stdout).toContain('… 88 more')
    expect((await call(['explain', long.toString('hex'), '--all'])).stdout).not.toContain('more')
  })

  it('has colours only where they are asked for', async () => {
    expect((await call(['explain', 'e000'], { env: { FORCE_COLOR: '1' } })).stdout).toBe(
      `${render(explain(Uint8Array.of(0xe0, 0)), { color: true })}\n`,
    )
  })

  it('is in colour in a terminal, unless NO_COLOR is set', async () => {
    const colored = render(explain(bytes), { color: true })
    const line = `mqtt311 explain ${bytes.toString('hex')}`
    const inTerminal = (text: string) => `${text.replaceAll('\n', '\r\n')}\r\n`
    expect((await terminal(line).end()).stdout).toBe(inTerminal(colored))
    expect((await terminal(`NO_COLOR=1 ${line}`).end()).stdout).toBe(inTerminal(render(explain(bytes))))
    expect((await terminal(`TERM=dumb ${line}`).end()).stdout).toBe(inTerminal(render(explain(bytes))))
  })

  it('asks for bytes in a terminal where nobody has named any', async () => {
    const { code, stdout } = await terminal('mqtt311 explain').end()
    expect(stdout).toContain(
      'mqtt311: there are no bytes: write them in hexadecimal, name a file by -f, or pipe them in',
    )
    expect(code).toBe(64)
  })

  it('is quiet when nobody reads to the end', async () => {
    const line = `head -c 200000 /dev/zero | tr '\\0' '\\300' | xxd -p | mqtt311 explain --all | head -n 1`
    const { stderr } = await shell(line)
    expect(stderr).toBe('')
  })
})

describe('mqtt311 explain with a capture', () => {
  const capture = (name: string) => fileURLToPath(new URL(`../${name}`, dumps))

  it('shows each connection of MQTT, with its times', async () => {
    const { code, stdout } = await call(['explain', '-f', capture('ethernet.pcap'), '--brief'])
    const lines = stdout.split('\n')
    expect([code, lines.slice(0, 2), lines.slice(-10)]).toEqual([
      0,
      [
        'connection 1 of 4: client [::1]:39544, server [::1]:18883, at 2026-11-28T07:34:35.206916Z',
        '      0.7 ms  ──▶  CONNECT  client "watcher", clean session, keep alive 60 s',
      ],
      [
        'connection 4 of 4: client [::1]:39554, server [::1]:18883, at 2026-11-28T07:34:35.942320Z',
        '     12.5 ms  ──▶  CONNECT  client "lamp-3", clean session, keep alive 60 s, user "ann", password (6 bytes)',
        '     12.6 ms  ◀──  CONNACK  accepted',
        '     12.7 ms  ──▶  PUBLISH  QoS 2, id 1, topic "lamp/3", 12 bytes',
        '     12.8 ms  ◀──  PUBREC  id 1',
        '     20.4 ms  ──▶  PUBREL  id 1',
        '     20.5 ms  ◀──  PUBCOMP  id 1',
        '     20.6 ms  ──▶  DISCONNECT',
        '',
        'connections explained: 4; left out: nothing',
      ]
        .concat('')
        .slice(-10),
    ])
  })

  it('shows the connections of one port, byte by byte', async () => {
    const { code, stdout } = await call(['explain', '-p', '18884'], { input: readFileSync(capture('ethernet.pcap')) })
    expect(code).toBe(0)
    expect(stdout.match(/^connection .*/gm)).toHaveLength(2)
    expect(stdout).toContain(
      'client ──▶ server                                                         2.5 ms\n┌─ CONNECT',
    )
    expect(stdout).toContain('connections explained: 2; left out: 2 other of TCP (ports 18883)\n')
  })

  it('ends with 65 where bytes are missing, and where the file is cut', async () => {
    const { code, stdout } = await call(['explain', '-f', capture('short-frames.pcap'), '--brief'])
    expect(stdout).toContain('──▶  ✗ 7 bytes missing in the capture, of a packet of 21 bytes, which is passed over')
    expect(code).toBe(65)
    const cut = await call(['explain', '--brief'], { input: readFileSync(capture('ethernet.pcap')).subarray(0, 2_000) })
    expect(cut.stdout).toContain('✗ the capture is cut or damaged: record 20 ends before its 86 bytes')
    expect(cut.code).toBe(65)
  })

  it('tells which segments came again or too early', async () => {
    const segments = (...sequences: readonly number[]) =>
      sequences.map((sequence) => ipv4({ from: 'client', sequence, payload: Buffer.from('c000', 'hex') }))
    const remarksOn = async (...sequences: readonly number[]) => {
      const input = pcap([ipv4({ from: 'client', sequence: 0, flags: 'SYN' }), ...segments(...sequences)], 101)
      const { code, stdout } = await call(['explain', '--brief'], { input })
      expect([code, stdout.match(/PINGREQ/g)?.length]).toEqual([0, 5])
      return stdout.split('\n').filter((line) => /segment/.test(line))
    }
    expect(await remarksOn(1, 5, 3, 1, 3, 7, 9)).toEqual([
      '  2 segments came again, and counted once',
      '  1 segment came too early, and put in order',
    ])
    expect(await remarksOn(1, 5, 7, 3, 3, 9)).toEqual([
      '  1 segment came again, and counted once',
      '  2 segments came too early, and put in order',
    ])
    expect(await remarksOn(1, 3, 5, 7, 9)).toEqual([])
  })

  it('goes on where a damaged file has a time that no calendar has', async () => {
    const segment = ipv4({ from: 'client', sequence: 1, payload: Buffer.from('c000', 'hex') })
    const description = Buffer.from('00000000ffffffffffffffff2a0000002a000000', 'hex')
    const input = pcapng([
      [1, Buffer.from('6500000000000000', 'hex')],
      [6, Buffer.concat([description, segment])],
    ])
    const { code, stdout } = await call(['explain', '--brief'], { input })
    expect(code).toBe(0)
    expect(stdout).toContain('server 10.0.0.2:1883, at a time that is none\n')
    expect(stdout).toContain('──▶  PINGREQ\n')
  })

  it('says of TLS that it is not decrypted, and of a capture without MQTT what it has', async () => {
    const { stdout } = await call(['explain', '-f', capture('tls.pcapng'), '-p', '18885'])
    expect(stdout).toContain('  TLS, not decrypted: 2,423 bytes; give its key log by --keylog\n')
    const { code, stderr } = await call(['explain', '-f', capture('tls.pcapng')])
    expect([code, stderr]).toEqual([
      66,
      'mqtt311: the capture has no connection of MQTT: it has 2 other of TCP (ports 18885); -p chooses one\n',
    ])
  })
})

describe('mqtt311 explain with a capture of TLS', () => {
  const capture = (name: string) => fileURLToPath(new URL(`../${name}`, dumps))
  const published = (stdout: string) => stdout.match(/PUBLISH .*/g)

  it('decrypts it with the key log of --keylog, on any port', async () => {
    const args = ['--keylog', capture('tls-keys.txt'), '--brief']
    const { code, stdout } = await call(['explain', '-f', capture('tls.pcapng'), ...args])
    expect(published(stdout)).toEqual([
      'PUBLISH  QoS 1, id 1, topic "lamp/4", 6 bytes',
      'PUBLISH  QoS 1, id 1, topic "lamp/5", 8 bytes',
    ])
    expect(code).toBe(0)
  })

  it('decrypts it with the key log inside of the file', async () => {
    const keys = readFileSync(capture('tls-keys.txt'))
    const head = Buffer.from('4b534c5400000000', 'hex')
    head.writeUInt32LE(keys.length, 4)
    const file = readFileSync(capture('tls.pcapng'))
    const section = file.readUInt32LE(4)
    const secrets = pcapng([[10, Buffer.concat([head, keys])]]).subarray(28)
    const input = Buffer.concat([file.subarray(0, section), secrets, file.subarray(section)])
    expect(published((await call(['explain', '--brief'], { input })).stdout)).toHaveLength(2)
  })

  it('says why it cannot', async () => {
    const keyLog = temporaryFile('keys')
    writeFileSync(keyLog, `CLIENT_RANDOM ${'0'.repeat(64)} ${'0'.repeat(96)}\n`)
    const { stdout } = await call(['explain', '-f', capture('tls.pcapng'), '-p', '18885', '--keylog', keyLog])
    expect(stdout).toContain('TLS, not decrypted: 2,423 bytes; the key log has no secret of this connection\n')
  })
})

describe('mqtt311 demo', () => {
  it('shows every kind of packet without a server, and ends with 0', async () => {
    const { code, stdout, stderr } = await run(['demo'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const titles = [...stdout.matchAll(/┌─ ([A-Z]+)/g)].map(([, title]) => title)
    expect(new Set(titles)).toEqual(
      new Set(
        'CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK PINGREQ PINGRESP DISCONNECT'.split(
          ' ',
        ),
      ),
    )
    expect(titles.filter((title) => title === 'PUBLISH')).toHaveLength(6)
    expect(stdout).not.toContain('✗')
  })

  it('-d shows a line for each packet', async () => {
    const { stdout } = await run(['demo', '-d', '-t', 'a/b'])
    expect(stdout).toContain('PUBLISH QoS 2 id 3 topic "a/b" 14 bytes\n')
    expect(stdout).not.toContain('┌─')
  })

  it('is no device of the environment, which its own server does not know', async () => {
    const env = { PRODUCT_KEY: 'a1', DEVICE_NAME: 'lamp', DEVICE_SECRET: 'secret' }
    const { code, stdout, stderr } = await run(['demo', '-d'], { env })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('PUBLISH QoS 2')
    expect(stdout).not.toContain('a1')
  })

  it('shows no QoS that the named kind of server does not take', async () => {
    const { code, stdout } = await run(['demo', '-d', '--server', 'nats'])
    expect(code).toBe(0)
    expect(stdout).toContain('PUBLISH QoS 1')
    expect(stdout).not.toContain('QoS 2')
  })

  it('connects to nobody if its topic has a wildcard: 64', async () => {
    const { code, stdout, stderr } = await run(['demo', '-t', 'a/#'])
    expect(stderr).toContain('Topic Name "a/#" has the wildcard "#"')
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
  })

  it.each([
    [['--tls'], '--tls is for a server that is named: give one by -h, or leave it out'],
    [['--cafile', fileURLToPath(new URL('../../fixtures/tls/ca.pem', import.meta.url))], '--cafile is for a server'],
    [['-6'], '-6 is for a server that is named'],
    [['--family', '4'], '--family is for a server that is named'],
    [['-L', 'mqtt://h/a', '-t', 'b'], 'demo takes one topic: give it once, by -t or in the URL of -L'],
  ])('refuses %j, which would be left out in silence: 64', async (args, text) => {
    const { code, stdout, stderr } = await run(['demo', ...args])
    expect(stderr).toContain(text)
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
  })

  it('goes to a local socket that is named', async () => {
    const { code, stderr } = await run(['demo', '--unix', '/nowhere/socket'])
    expect(stderr).toContain('unix:/nowhere/socket')
    expect(code).toBe(69)
  })

  it('talks to no server of the environment unless one is named', async () => {
    const { code } = await run(['demo', '-d'], { env: { MQTT_HOST: 'nowhere.invalid', MQTT_PORT: '1' } })
    expect(code).toBe(0)
  })
})
