import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { nearestWord } from '../../src/cli/nearest-word.js'
import { buildCommand, call, commandPath, run, start, temporaryFile } from './program.js'
import { startBroker } from './servers.js'

buildCommand()

const commands = ['pub', 'sub', 'rr', 'sign', 'register', 'explain', 'platform', 'demo']

const lamp = ['--product-key', 'a1', '--device-name', 'lamp', '--device-secret', 'secret'] as const
const door = ['--product-key', 'a1', '--device-name', 'door', '--product-secret', 'secret'] as const

describe('mqtt311 --help', () => {
  it.each([
    ['--help'],
    ['help'],
    ...commands.map((command) => [command, '--help']),
    ...commands.map((command) => ['help', command]),
  ])('%s %s explains itself in 80 columns, with examples and exit codes, and ends with 0', async (...args) => {
    const { code, stdout, stderr } = await call(args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [command] = args.filter((word) => commands.includes(word))
    expect(stdout).toContain(`Usage: mqtt311 ${command ?? 'COMMAND'}`)
    expect(stdout).not.toMatch(/^:$/m)
    expect(stdout).toContain('Examples:')
    expect(stdout).toMatch(/^ {2}27 .*time-out/m)
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
  })

  it.each(commands)('%s --help has a placeholder for the value of each option that takes one', async (command) => {
    const { stdout } = await call([command, '--help'])
    const flags = [...stdout.matchAll(/^ {2}(?:-\w, | {4})--([\w-]+)(?: {2}|\n)/gm)].map(([, name]) => name)
    expect(flags).toContain('help')
    // The demo has those of pub, and needs a process of its own.
    for (const name of command === 'demo' ? [] : flags) {
      expect((await call([command, `--${name}=x`])).stderr).toContain(`--${name} takes no value`)
    }
  })

  it('names every command', async () => {
    const { stdout } = await run(['--help'])
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
  })

  it('is what the package installs, and starts by itself', () => {
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(manifest.bin).toEqual({ mqtt311: './dist/cli.js' })
    expect(readFileSync(commandPath(), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  })

  it.each([[], ...commands.map((command) => [command])])(
    '%s --version tells the version of the package',
    async (...args) => {
      const { code, stdout } = await call([...args, '--version'])
      expect(code).toBe(0)
      expect(stdout).toMatch(/^mqtt311 \d+\.\d+\.\d+\n$/)
    },
  )
})

describe('a wrong command line', () => {
  it.each([
    [[], 'a command is missing: pub, sub, rr, sign'],
    [['publish'], 'the first word is no command: use one of pub, sub'],
    [['dmeo'], 'there is no command "dmeo": is it demo?'],
    [['-h', '::1'], '-h comes before the command: write one of pub, sub'],
    [['pub', '-t', 'a'], 'the message is missing: give one of -m, -f, -s, -l and -n'],
    [['pub', '-m', 'x'], 'the topic is missing'],
    [['pub', '-t', 'a', '-t', 'b', '-m', 'x'], 'pub takes one topic: give it once, by -t or in the URL of -L'],
    [['pub', '-L', 'mqtt://h/a', '-t', 'b', '-m', 'x'], 'pub takes one topic: give it once'],
    [['rr', '-L', 'mqtt://h/a', '-t', 'b', '-e', 'c', '-m', 'x'], 'rr takes one topic: give it once'],
    [['pub', '-t', 'a', '-m', 'x', '-n'], '--message and --null-message both say what the message is'],
    [['pub', '-t', 'a/#', '-m', 'x'], 'has the wildcard "#"'],
    [
      ['pub', '-t', 'a', '-m', 'two', 'words'],
      'a word belongs to no option (a string of 5 characters): has a value with spaces lost its quotes',
    ],
    [
      ['pub', '-t', 'a', '-m', 'x', 'mqtt://h'],
      'a word belongs to no option (a string of 8 characters): give a URL by -L',
    ],
    [['pub', '--topics', 'a', '-m', 'x'], "there is no such option: is it --topic? A value needs a space or '='"],
    [['pub', '-t', 'a', '-m', 'x', '-q', '3'], '--qos takes one of 0, 1, 2, not a string of 1 character'],
    [['pub', '-t', 'a', '-m', 'x', '-p', '70000'], '--port takes a whole number from 1 to 65535'],
    [['pub', '-t', 'a', '-m', 'x', '-p', '1e3'], 'not a string of 3 characters'],
    [['pub', '-t', 'a', '-m', 'x', '-W', '0'], '--timeout takes seconds above 0'],
    [['pub', '-t', 'a', '-m', 'x', '-k', '70000'], '--keepalive takes a whole number from 0 to 65535'],
    [['pub', '-t', 'a', '-m', 'x', '-M', '0'], '--max-inflight takes a whole number from 1 to 65535'],
    [['pub', '-t', 'a', '-m', 'x', '--retain=yes'], '--retain takes no value'],
    [['pub', '-t', 'a', '-m', 'x', '-V', 'mqttv5'], 'speaks MQTT 3.1.1 only'],
    [['pub', '-t', 'a', '-m', 'x', '-V', '31'], 'speaks MQTT 3.1.1 only'],
    [['pub', '-t', 'a', '-m', 'x', '-c'], 'give one by -i'],
    [['pub', '-t', 'a', '-m', 'x', '-4', '-6'], '-4 and -6 exclude each other'],
    [['pub', '-t', 'a', '-m', 'x', '-m', 'y'], '--message and --message both say what the message is'],
    [['pub', '-t', 'a', '-m', 'x', '-i', 'a', '-I', 'b'], '--id and --id-prefix exclude each other'],
    [
      ['pub', '-t', 'a', '-m', 'x', '-u', 'a', '-P', 'b', '--password-file', 'c'],
      '--password and --password-file exclude',
    ],
    [
      ['pub', '-L', 'mqtt://u@[::1]/a', '-m', 'x', '-u', 'v'],
      '--username and the URL of -L both say who connects: give one of them',
    ],
    [['pub', '-L', 'mqtt://u:p@[::1]/a', '-m', 'x', '-P', 'q'], '--password and the URL of -L both say who connects'],
    [['pub', '-L', 'mqtt://u:p@[::1]/a', '-m', 'x', '--password-file', 'q'], '--password-file and the URL of -L'],
    [
      ['pub', '-L', 'mqtts://u@[::1]/a', '-m', 'x', '--product-key', 'a', '--device-name', 'd', '--device-secret', 's'],
      'the user of the URL is made from the device: leave it out',
    ],
    [
      ['sub', '-t', 'a', '-W', '2592000'],
      '--timeout takes seconds above 0, at most 2147483, not a string of 7 characters',
    ],
    [['pub', '-t', 'a', '-m', 'x', '-A', 'eth0'], '-A has to be an address of this machine, IPv4 or IPv6'],
    [
      ['pub', '-t', 'a', '-m', 'x', '-A', '::1', '-4'],
      '-A is an IPv6 address, and -4 asks for the other: leave one of them out',
    ],
    [['pub', '-t', 'a', '-m', 'x', '-h', 'localhost:1883'], 'give the port by -p, and a URL by -L'],
    [['pub', '-t', 'a', '-m', 'x', '-P', 'pw'], 'user name'],
    [['pub', '-t', 'a', '-m', 'x', '--will-qos', '1'], 'a will needs --will-topic'],
    [
      ['pub', '-t', 'a', '-m', 'x', '--server', 'rabitmq'],
      '--server takes one of activemq, aedes, awsIotCore, ejabberd, mosquitto, nats, rabbitmq, not a string of 7 characters: is it rabbitmq?',
    ],
    [['sub', '-t', 'a', '--server', 'aws'], 'is it awsiotcore?'],
    [['sub', '-t', 'a', '--server', 'broker.example'], 'the address of a server is given by -h'],
    [
      ['pub', '--server', 'nats', '--product-key', 'a', '--device-name', 'd', '-t', 'a', '-m', 'x'],
      'the platform has a profile of its own: leave out --server',
    ],
    [['pub', '-t', 'a', '-m', 'x', '--cert', 'a.pem'], 'give --cert and --key together'],
    [['pub', '-t', 'a', '-m', 'x', '-L', 'mqtt://h', '-h', 'h'], 'leave out -h and -p'],
    [['pub', '-L', 'ws://h/a', '-m', 'x'], 'ws:// is not built in: a program can pass the library a stream;'],
    [['pub', '-L', 'h/a', '-m', 'x'], 'a server URL starts with mqtt:// or mqtts://'],
    [['sub', '-L', '[::1]:1883/a'], 'a server URL starts with mqtt:// or mqtts://'],
    [['pub', '-L', 'mqtt://user:pa/ss@h/a', '-m', 'x'], "write '/' in a password as %2F"],
    [['pub', '-t', 'a', '-m', 'x', '-h'], 'none follows it: -h names the server; see mqtt311 pub --help'],
    [['sub'], 'the Topic Filter is missing'],
    [['sub', '-t', 'a/#/b'], 'MQTT-4.7.1-2'],
    [['sub', '-t', 'a', '-F', '%C'], 'belongs to MQTT 5'],
    [['sub', '-t', 'a', '-F', '%y'], '-F knows no %y'],
    [['sub', '-t', 'a', '-F', '100%'], '-F knows no %'],
    [['sub', '-t', 'a', '-F', '@Q'], '-F knows no @Q'],
    [['sub', '-t', 'a', '-F', '\\q'], '-F knows no \\q'],
    [['sub', '-t', 'a', '-F', '%10001p'], '-F takes a width up to 10000'],
    [['sub', '-t', 'a', '-v', '--json'], '--verbose and --json both say how to print'],
    [['sub', '-t', 'a', '--insecure'], 'verification is never switched off; pass the root of the server by --cafile'],
    [['sub', '-t', 'a', '--tls-engine-kpass-sha1', '00'], 'the key has to be in a file, in PEM, without engine'],
    [['sub', '-t', 'a', '-D', 'connect', 'x'], 'belong to MQTT 5'],
    [['sub', '-t', 'a', '--unknown'], 'there is no option --unknown;'],
    [['sub', '-t', 'a', '-Z'], 'there is no option -Z;'],
    [['sub', '--tpoic', 'a'], 'there is no option --tpoic: is it --topic?'],
    [['pub', '--usernme', 'a'], 'there is no option --usernme: is it --username?'],
    [['pub', '-C', 'mqtts', '-t', 'a', '-m', 'x'], '-C is not supported: write --tls or mqtts:// for TLS'],
    [['pub', '--protocol', 'wss', '-t', 'a', '-m', 'x'], 'WebSocket is not built in'],
    [['pub', '--protocol', 'amqp', '-t', 'a', '-m', 'x'], '--protocol takes one of mqtt, mqtts'],
    [['pub', '--protocol', 'mqtt', '--tls', '-t', 'a', '-m', 'x'], 'give one of them'],
    [['pub', '--protocol', 'mqtt', '--servername', 'h', '-t', 'a', '-m', 'x'], 'leave out what belongs to TLS'],
    [
      ['pub', '--protocol', 'mqtt', '-L', 'mqtts://h/a', '-m', 'x'],
      'the URL says mqtts://, but --protocol says mqtt: write mqtt://, or leave it out',
    ],
    [
      ['pub', '--protocol', 'mqtt', ...lamp, '-h', '::1', '-t', '/a', '-m', 'x'],
      '--secure-mode 2 announces TLS, but the connection would go without it: use mqtts:// or --tls, or ask for plain TCP by --secure-mode 3',
    ],
    [['pub', '--tls-alpn', 'é'.repeat(128), '-t', 'a', '-m', 'x'], '--tls-alpn takes a name of 1 to 255 bytes'],
    [
      ['pub', ...lamp, '--endpoint', 'x509', '-t', '/a', '-m', 'x'],
      '--endpoint x509 takes a certificate and no signature: give --cert and --key, or leave it out',
    ],
    [['pub', '--unix', '/socket', '-4', '-t', 'a', '-m', 'x'], '-4 is for TCP, and the server is a local socket'],
    [['sub', '-L', 'unix:/socket', '-A', '::1', '-t', 'a'], '--bind-address is for TCP, and the server is a local'],
    [['sub', '-t', 'a', '--pretty'], '--pretty is for JSON: give --json, or -F with %j or %J'],
    [['sub', '-t', 'a', '-R', '--retained-only'], '-R and --retained-only exclude each other'],
    [['sub', '-t', 'a', '--random-filter', '101'], '--random-filter takes per cent from 0.1 to 100'],
    [['pub', '-t', 'a', '-l', '--repeat', '2'], '--repeat is for one message, and -l has many: repeat the lines'],
    [['pub', '-t', 'a', '-m', 'x', '--repeat', '0'], '--repeat takes a whole number from 1'],
    [['pub', '-t', 'a', '-m', 'x', '--tls-version', 'tlsv1.1'], '--tls-version takes one of tlsv1.2, tlsv1.3'],
    [['pub', '-t', 'a', '-m', 'x', '--psk', 'abc', '--psk-identity', 'i'], '--psk takes whole bytes in hexadecimal'],
    [['pub', '-t', 'a', '-m', 'x', '--psk', 'abcd'], 'give --psk and --psk-identity together'],
    [['pub', '-t', 'a', '-m', 'x', '--ciphers', 'none'], 'the ciphers cannot be used'],
    [
      ['pub', '-t', 'a', '-m', 'a\ufffd'],
      '-m has bytes that are not UTF-8: write it in UTF-8, or send the bytes from a file',
    ],
    [['sub', '-t', 'a', '-W', '.'], '--timeout takes seconds above 0, at most 2147483, not a string of 1 character'],
    [['explain', '3g'], '"g" is no hexadecimal digit'],
    [['explain', ''], 'the command line has no bytes'],
    [['explain', '3'], '1 hexadecimal digit is no whole number of bytes'],
    [['explain', '300'], '3 hexadecimal digits are no whole number of bytes'],
    [['sign', '--product-key', 'a1'], 'the DeviceName is missing: give --device-name, or set DEVICE_NAME'],
    [['sign', '--endpoint', 'ipv6', '--instance-id', 'i', '--product-key', 'a'], 'is missing'],
    [['sign', ...lamp, '--endpoint', 'x509'], '--endpoint takes one of ipv6, product, not a string of 4 characters'],
    [
      ['sign', ...lamp, '--format', 'env', '--secure-mode', '3'],
      'the endpoint ipv6 speaks TLS, and --secure-mode 3 is plain TCP: give another by --endpoint',
    ],
    [['sign', ...lamp, '--timestamp', '-1'], '--timestamp takes milliseconds since 1970, or none, not a string of 2'],
    [
      ['sign', ...lamp, '--format', 'env', '--region', 'us-east-1'],
      'not in us-east-1: give --endpoint product or --instance-id',
    ],
    [['sign', ...lamp, '--instance-id', 'i'], '--instance-id says where the server is, and --format text does not'],
    [
      ['sign', ...lamp, '--format', 'json', '--endpoint', 'product'],
      '--endpoint says where the server is, and --format json',
    ],
    [
      ['register', ...door, '--product-secret-file', 'x'],
      '--product-secret and --product-secret-file exclude each other',
    ],
    [['register', ...door, '-p', '1883'], '--port is the port of -h: give -h too, or leave out --port'],
    [['register', ...door, '-h', '::1', '--endpoint', 'product'], '--host and --endpoint exclude each other'],
    [['register', ...door, '-h', '::1', '--region', 'us-east-1'], '--host and --region exclude each other'],
    [['register', ...door, '-W', '16'], '--timeout takes seconds above 0, at most 15, not a string of 2 characters'],
    [
      ['pub', '-t', '/a', '-m', 'x', ...lamp, '-h', '::1', '--endpoint', 'product'],
      '--host and --endpoint exclude each other',
    ],
    [['explain', 'c0', '00', '-p', '1883'], '--port is for a capture, and the input is none: leave it out'],
    [
      ['explain', 'c0', '00', '--keylog', '/dev/null'],
      '--keylog is for a capture, and the input is none: leave it out',
    ],
    [['explain', 'c0', '00', '--brief', '--all'], '--brief and --all exclude each other: give one of them'],
    [['rr', '-t', 'a', '-t', 'b', '-e', 'c', '-m', 'x'], 'rr takes one topic: give it once'],
    [['rr', '-t', 'a', '-e', 'b', '-e', 'c', '-m', 'x'], 'rr waits for one response: give -e once'],
    [['platform'], 'no device could connect: give --device KEY/NAME=SECRET, or set PRODUCT_KEY'],
    [['platform', '--device', 'a1'], '--device takes a device as KEY/NAME=SECRET, not a string of 2 characters'],
    [['platform', '--device', 'a1/lamp'], 'a device without a secret: write =SECRET, or give --product'],
    [['platform', '--device', 'a1/a&b=secret'], 'deviceName holds "&"'],
    [['platform', '--device-cert', 'a1/lamp=x.pem'], 'devices show a certificate over TLS only: give --cert and --key'],
    [
      ['platform', '--device-cert', 'a1/lamp', '--cert', 'x', '--key', 'y'],
      '--device-cert has a device without a file: write KEY/NAME=FILE',
    ],
    [
      ['platform', '--product', 'a1', '--cert', 'x', '--key', 'y'],
      '--product takes a product as KEY=SECRET, not a string of 2 characters',
    ],
    [['platform', '--product', 'a1'], '--product takes a product as KEY=SECRET, not a string of 2 characters'],
    [
      ['platform', '--device', 'a1/lamp=s', '--device', 'a1/lamp=t'],
      'the device a1/lamp is given twice: leave out one',
    ],
    [['platform', '--product', 'a1=secret'], 'devices register over TLS only: give --cert and --key'],
    [['platform', '--device', 'a1/lamp=s', '--cert', 'a.pem'], 'give --cert and --key together'],
    [['platform', '--device', 'a1/lamp=s', '--broken', 'all'], '--broken takes one of signature, connack, suback'],
    [['platform', '--device', 'a1/lamp=s', '-p', 'x'], '--port takes a whole number from 0 to 65535'],
  ] as const)('%j is refused with 64 and one line that says what to do', async (args, text) => {
    const { code, stdout, stderr } = await call(args)
    expect(stderr).toContain(text)
    expect(stderr).toMatch(/^mqtt311: [^\n]*; see mqtt311( \w+)? --help\n$/)
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
  })

  it.each([['demo'], ['sub', '-t', 'a']])('-d and --trace of %s are refused together', async (...args) => {
    const { code, stderr } = await run([...args, '-d', '--trace'])
    expect([code, stderr]).toEqual([64, expect.stringContaining('--debug and --trace exclude each other: give one')])
  })

  it('--quiet leaves the exit code alone to tell', async () => {
    expect(await run(['pub', '--quiet'])).toEqual({ code: 64, signal: null, stdout: '', stderr: '' })
  })

  it('never repeats a secret', async () => {
    const secret = 'hunter2-hunter2'
    const file = temporaryFile('missing')
    for (const args of [
      ['pub', '-t', 'a', '-m', 'x', '-P', secret],
      ['pub', '-t', 'a', '-m', 'x', '-u', 'u', '-P', secret, '-q', '7'],
      ['pub', '-L', `mqtt://u:${secret}/x@h/a`, '-m', 'x'],
      ['pub', '-L', `mqtt://u:${secret}@h:port/a`, '-m', 'x'],
      ['sign', '--device-secret', secret, '--product-key', 'a|b', '--device-name', 'd'],
      ['register', '--product-secret', secret, '--product-key', 'a1', '--device-name', 'a&b'],
      ['sub', '-t', 'a', '-u', 'u', '-P', secret, '--cafile', file],
      ['pub', '-t', 'a', '-m', 'x', `mqtt://u:${secret}@h`],
      [`mqtt://u:${secret}@h`],
      [`-P${secret}`, 'pub'],
      [`--password=${secret}`, 'pub'],
      ['pub', `--password${secret}`],
      ['pub', `--passwordfire${secret.replace(/\W|\d/g, '')}`],
      ['pub', `--${secret}`],
      ['pub', '-t', 'a', '-m', 'x', '-L', `mqtt://u:${secret}`],
      ...[
        '-p',
        '-q',
        '-k',
        '-W',
        '-V',
        '-f',
        '--cafile',
        '--capath',
        '--family',
        '--protocol',
        '--secure-mode',
        '--server',
      ].map((option) => ['pub', '-t', 'a', '-m', 'x', option, secret]),
      ['pub', '-t', 'a', '-m', 'x', '--cert', secret, '--key', file],
      ['pub', '-t', 'a', '-m', 'x', '-u', 'u', '--password-file', secret],
      ...[
        '--device-secret-file',
        '--device-token-file',
        '--region',
        '--sign-method',
        '--timestamp',
        '--instance-id',
      ].map((option) => ['pub', '-t', 'a', '-m', 'x', '--product-key', 'a|b', '--device-name', 'd', option, secret]),
      ['register', '--product-secret-file', secret, '--product-key', 'a1', '--device-name', 'a'],
      ['platform', '--device', secret],
      ['platform', '--device', `${secret}=a/b`],
      ['platform', '--device', `a1/a&b=${secret}`],
      ['platform', '--product', secret, '--cert', 'x', '--key', 'y'],
      ['platform', '--device-cert', `a1/lamp=${secret}`, '--cert', 'x', '--key', 'y'],
      ['platform', '--secrets-file', secret],
      ['platform', secret],
      ['sub', '-t', 'a', '-C', secret],
      ['sub', '-t', 'a', '-F', `%y${secret}`],
      ['explain', '-f', secret],
    ]) {
      const { code, stdout, stderr } = await call(args)
      expect(code).not.toBe(0)
      expect(stdout + stderr).not.toMatch(/hunter/)
    }
  })

  it('does not show a secret to ps', async () => {
    const { address } = await startBroker()
    const command = start(['sub', ...address, '-t', 'a', '-u', 'ann', '-P', 'hunter2-hunter2', '-d'])
    await command.wrote('stderr', 'SUBACK')
    const shown = execFileSync('ps', ['-o', 'args=', '-p', String(command.process.pid)]).toString()
    expect(shown.trim()).toBe('mqtt311 sub')
  })

  it.each([
    ['--cafile', 'the file of --cafile'],
    ['--password-file', 'the file of --password-file'],
    ['--capath', 'the directory of --capath'],
  ])('a file for %s that is not there is said with 66', async (flag, what) => {
    const file = temporaryFile('missing.pem')
    const { code, stderr } = await run(['pub', '-t', 'a', '-m', 'x', '-u', 'u', flag, file])
    expect(stderr).toContain(`${what} cannot be read: there is no such file`)
    expect(stderr).not.toContain(file)
    expect(code).toBe(66)
  })
})

describe('the nearest word', () => {
  it.each([
    ['qso', 'qos'],
    ['topci', 'topic'],
    ['retian', 'retain'],
    ['user-name', 'username'],
    ['host', 'host'],
    ['verbos', 'verbose'],
    ['xyzzy', undefined],
    ['to', undefined],
  ])('to %j is %j', (typed, word) => {
    expect(nearestWord(typed, ['topic', 'qos', 'retain', 'username', 'host', 'verbose'])).toBe(word)
  })
})
