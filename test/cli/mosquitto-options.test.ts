/** Options that users of mosquitto_pub and mosquitto_sub know. What the real tools do with them is in test/mosquitto/options.test.ts. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { server } from '../../fixtures/tls/index.js'
import { buildCommand, call, run, startHere, temporaryFile } from './program.js'
import { startBroker } from './servers.js'

buildCommand()

const caFile = fileURLToPath(new URL('../../fixtures/tls/ca.pem', import.meta.url))

describe('mqtt311 sub', () => {
  it.each([
    [[], 'on\n'],
    [['-v'], 'a (null)\nb on\n'],
    [['-v', '-N'], 'b on'],
    [['-F', '[%p]'], '[]\n[on]\n'],
  ])('with %j prints a payload without bytes as mosquitto_sub does', async (args, stdout) => {
    const broker = await startBroker()
    const command = startHere(['sub', ...broker.address, '-t', '#', '-C', '2', ...args])
    await broker.server.receives('subscribe')
    await broker.server.publish('a', '')
    await broker.server.publish('b', 'on')
    expect(await command.end()).toMatchObject({ code: 0, stdout })
  })

  it('shows the Packet Identifier by %m, and as mid in JSON', async () => {
    const broker = await startBroker()
    const command = startHere(['sub', ...broker.address, '-t', '#', '-q', '1', '-C', '3', '-F', '%m %j'])
    await broker.server.receives('subscribe')
    for (const [topic, payload, qos] of [
      ['a', 'on', 1],
      ['b', '', 1],
      ['c', 'off', 0],
    ] as const) {
      await broker.server.publish(topic, payload, { qos })
    }
    const lines = (await command.end()).stdout.trimEnd().split('\n')
    const shown = lines.map((line) => [line.split(' ')[0], JSON.parse(line.slice(line.indexOf('{'))).mid])
    expect(shown).toEqual([
      ['1', 1],
      ['2', 2],
      ['0', undefined],
    ])
  })

  it('--pretty prints JSON in several lines, and leaves the digits of a number', async () => {
    const broker = await startBroker()
    await broker.server.publish('a', '{"n":12345678901234567890.10,"l":[],"o":{"x":"{,}"}}', { retain: true })
    const { stdout } = await call(['sub', ...broker.address, '-t', 'a', '-C', '1', '-F', '%J', '--pretty'])
    expect(stdout.replace(/"tst": .*/, '"tst": ?')).toBe(
      [
        '{',
        '  "tst": ?',
        '  "topic": "a",',
        '  "qos": 0,',
        '  "retain": 1,',
        '  "payloadlen": 52,',
        '  "payload": {',
        '    "n": 12345678901234567890.10,',
        '    "l": [],',
        '    "o": {',
        '      "x": "{,}"',
        '    }',
        '  }',
        '}',
        '',
      ].join('\n'),
    )
  })

  it('--retained-only prints retained messages, and ends with the first other one', async () => {
    const broker = await startBroker()
    await broker.server.publish('a', 'old', { retain: true })
    const command = startHere(['sub', ...broker.address, '-t', '#', '-v', '--retained-only'])
    await command.wrote('stdout', 'a old\n')
    await broker.server.publish('a', 'new')
    expect(await command.end()).toMatchObject({ code: 0, stdout: 'a old\n' })
  })

  it('--remove-retained clears what comes, but for what -T hides', async () => {
    const broker = await startBroker()
    for (const topic of ['a', 'b', 'keep']) await broker.server.publish(topic, 'old', { retain: true })
    const args = ['-t', '#', '-T', 'keep', '-v', '--remove-retained', '-C', '2']
    expect(await call(['sub', ...broker.address, ...args])).toMatchObject({ code: 0, stdout: 'a old\nb old\n' })
    expect(await call(['sub', ...broker.address, '-t', '#', '-v', '-C', '1'])).toMatchObject({ stdout: 'keep old\n' })
    expect(broker.published.map(({ topic, text, retain }) => [topic, text, retain])).toEqual([
      ['a', '', true],
      ['b', '', true],
    ])
  })

  it('--random-filter prints a part of the messages', async () => {
    const broker = await startBroker()
    const lines = Array.from({ length: 2_000 }, (_, index) => `${index}`)
    const command = startHere(['sub', ...broker.address, '-t', '#', '--random-filter', '50', '-q', '1', '-C', '700'])
    await broker.server.receives('subscribe')
    for (const line of lines) await broker.server.publish('a', line, { qos: 1 })
    const printed = (await command.end()).stdout.trimEnd().split('\n').map(Number)
    // Of 2,000 messages half are printed: the last of 700 is then about the 1,400th, and never before the 1,100th.
    expect(printed.at(-1)).toBeGreaterThan(1_100)
  })
})

describe('mqtt311 pub', () => {
  it('--repeat sends the message again and again, with --repeat-delay between them', async () => {
    const broker = await startBroker()
    const args = ['-t', 'a', '-m', 'x', '-q', '1', '--repeat', '3', '--repeat-delay', '0.01']
    expect(await call(['pub', ...broker.address, ...args])).toMatchObject({ code: 0, stderr: '' })
    expect(broker.published.map(({ text }) => text)).toEqual(['x', 'x', 'x'])
  })
})

describe('mqtt311 rr', () => {
  it('subscribes, sends the request, and prints the first response that is not hidden', async () => {
    const broker = await startBroker()
    await broker.server.publish('state', 'old', { retain: true })
    const command = startHere([
      'rr',
      ...broker.address,
      '-t',
      'get',
      '-e',
      'state',
      '-m',
      'light',
      '-q',
      '1',
      '-R',
      '-v',
    ])
    await broker.server.receives('publish')
    await broker.server.publish('state', 'bright')
    expect(await command.end()).toMatchObject({ code: 0, stdout: 'state bright\n', stderr: '' })
    expect(broker.published.map(({ topic, text }) => [topic, text])).toEqual([['get', 'light']])
  })

  it.each([
    [['-e', 'b', '-m', 'x'], 'the topic of the request is missing: give it by -t'],
    [['-t', 'a', '-m', 'x'], 'the topic of the response is missing: give it by -e'],
    [['-t', 'a', '-e', 'b'], 'the request is missing: give one of -m, -f, -s and -n'],
    [['-t', 'a', '-e', 'b', '-m', 'x', '-n'], '--message and --null-message both say what the request is'],
  ])('refuses %j', async (args, text) => {
    const { code, stderr } = await call(['rr', ...args])
    expect(code).toBe(64)
    expect(stderr).toContain(text)
  })
})

describe('-o', () => {
  it('takes options from a file, and the command line goes first', async () => {
    const broker = await startBroker()
    const file = temporaryFile('options')
    const [, host, , port] = broker.address
    writeFileSync(file, `# the hall\r\n-h ${host}\n--port  ${port}\n\n-t hall\n-m two words \n-q 0\n-r\n`)
    expect(await call(['pub', '-o', file, '-q', '1'])).toMatchObject({ code: 0, stderr: '' })
    expect(broker.published).toMatchObject([{ topic: 'hall', text: 'two words', qos: 1, retain: true }])
  })

  it('says what is wrong with the file', async () => {
    const file = temporaryFile('options')
    expect(await call(['pub', '-o', file])).toMatchObject({
      code: 66,
      stderr: 'mqtt311: the file of -o cannot be read: there is no such file\n',
    })
    writeFileSync(file, 'host ::1\n')
    expect((await call(['pub', '-o', file])).stderr).toContain('a line of the file of -o begins with no option')
  })
})

describe('TLS', () => {
  it('--tls-version and --ciphers choose what is offered, and --tls-keylog adds the keys to a file', async () => {
    const broker = await startBroker({ tls: server })
    const file = temporaryFile('keys')
    const choice = [
      '--tls-version',
      'tlsv1.2',
      '--ciphers',
      'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384',
    ]
    const args = ['--cafile', caFile, ...choice, '--tls-keylog', file, '-t', 'a', '-m', 'x', '-d']
    const { code, stderr } = await run(['pub', ...broker.address, ...args])
    expect(stderr).toMatch(/TLSv1\.2, ECDHE-\w+-AES256-GCM-SHA384\n/)
    expect(readFileSync(file, 'utf8')).toMatch(/^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}\n$/)
    expect(code).toBe(0)
  })

  it('--psk connects to a server that has the same key, and to no other', async () => {
    const psk = Buffer.from('0123abcd', 'hex')
    const pskCallback = (_: unknown, identity: string) => (identity === 'lamp' ? psk : null)
    const broker = await startBroker({ tls: { pskCallback, ciphers: 'PSK', maxVersion: 'TLSv1.2' } })
    const pub = (key: string) =>
      call(['pub', ...broker.address, '--psk', key, '--psk-identity', 'lamp', '-t', 'a', '-m', 'x'])
    expect(await pub('0123ABCD')).toMatchObject({ code: 0, stderr: '' })
    expect(broker.published.map(({ text }) => text)).toEqual(['x'])
    expect((await pub('0123abce')).code).toBe(78)
  })
})
