/** Options that users of mosquitto_pub and mosquitto_sub know. What the real tools do with them is in test/mosquitto/options.test.ts. */
import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { buildCommand, call, run, start, startHere, temporaryFile } from './program.js'
import { startBroker } from './servers.js'

buildCommand()

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

  it('shows by %m the Packet Identifier of each of many messages without a payload that come at once', async () => {
    const { server, address } = await startBroker()
    const identifiers = Array.from({ length: 200 }, (_, index) => index + 1)
    const common = { type: 'publish', topic: 'a', payload: Buffer.alloc(0), qos: 1, retain: false, dup: false } as const
    server.answer('subscribe', ({ packetId }, connection) =>
      connection.send(
        { type: 'suback', packetId, returnCodes: [1] },
        ...identifiers.map((id) => ({ ...common, packetId: id })),
      ),
    )
    const { stdout } = await call(['sub', ...address, '-t', 'a', '-q', '1', '-C', '200', '-F', '%m'])
    expect(stdout).toBe(identifiers.map((id) => `${id}\n`).join(''))
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

  it('--remove-retained clears what comes, but for what -T hides, and what comes behind -C', async () => {
    const broker = await startBroker()
    for (const topic of ['keep', 'a', 'b', 'c']) await broker.server.publish(topic, 'old', { retain: true })
    const sub = (...args: readonly string[]) => call(['sub', ...broker.address, '-t', '#', '-v', ...args])
    expect(await sub('-T', 'keep', '--remove-retained', '-C', '2')).toMatchObject({ code: 0, stdout: 'a old\nb old\n' })
    expect(broker.published).toEqual(['a', 'b'].map((topic) => ({ topic, text: '', qos: 1, retain: true })))
    expect(await sub('-C', '2')).toMatchObject({ stdout: 'keep old\nc old\n' })
  })

  it('--remove-retained clears nothing for the message without bytes that tells of it', async () => {
    const broker = await startBroker()
    await broker.server.publish('a', 'old', { retain: true })
    const args = ['-t', '#', '-v', '--remove-retained', '-C', '2']
    expect(await call(['sub', ...broker.address, ...args])).toMatchObject({ code: 0, stdout: 'a old\na (null)\n' })
    expect(broker.published).toHaveLength(1)
  })

  it.each([
    [['-R', '--retained-only'], '-R and --retained-only exclude each other'],
    [['-R', '--remove-retained'], '--remove-retained clears only what is not hidden, and -R hides it: leave out -R'],
    [['-E', '-C', '1'], '-E waits for no message, and --count does: give one of them'],
    [['-E', '--retained-only'], '-E waits for no message, and --retained-only does'],
    [['-E', '--remove-retained'], '-E waits for no message, and --remove-retained does'],
    [['--random-filter', '0'], '--random-filter takes per cent from 0.1 to 100, not '],
    [['--random-filter', '100.1'], '--random-filter takes per cent from 0.1 to 100, not '],
    [['--random-filter', 'half'], '--random-filter takes per cent from 0.1 to 100, not '],
    [['--pretty'], '--pretty is for JSON: give --json, or -F with %j or %J'],
    [['--pretty', '-F', '%p'], '--pretty is for JSON: give --json, or -F with %j or %J'],
    [['--json', '--raw'], '--json and --raw both say how to print: give one of them'],
  ])('refuses %j', async (args, text) => {
    const { code, stderr } = await call(['sub', '-t', 'a', ...args])
    expect([code, stderr]).toEqual([64, expect.stringContaining(text)])
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

  it('--repeat-delay waits between two messages, and not before the first', async () => {
    const broker = await startBroker()
    const args = ['-t', 'a', '-m', 'x', '-q', '1', '--repeat', '2', '--repeat-delay', '3600']
    const command = start(['pub', ...broker.address, ...args])
    await broker.server.receives('publish')
    command.process.kill('SIGINT')
    expect((await command.end()).code).toBe(130)
    expect(broker.published).toHaveLength(1)
  })

  it.each([
    [['-l', '--repeat', '2'], '--repeat is for one message, and -l has many: repeat the lines'],
    [['-m', 'x', '--repeat', '0'], '--repeat takes a whole number from 1 to'],
    [['-m', 'x', '--repeat-delay', '-1'], '--repeat-delay takes seconds above 0'],
    [['-m', 'x', '--repeat-delay', '1'], '--repeat-delay is the time between repetitions: give --repeat too'],
  ])('refuses %j', async (args, text) => {
    const { code, stderr } = await call(['pub', '-t', 'a', ...args])
    expect([code, stderr]).toEqual([64, expect.stringContaining(text)])
  })
})

describe('-o', () => {
  it('may have --quiet in its file', async () => {
    const file = temporaryFile('options')
    writeFileSync(file, '--quiet\n')
    expect(await run(['pub', '-o', file, '-t', 'a', '-m', 'x', '--cafile', 'nowhere'])).toMatchObject({
      code: 66,
      stderr: '',
    })
  })

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
    writeFileSync(file, Uint8Array.of(0x2d, 0xff))
    expect(await call(['pub', '-o', file])).toMatchObject({
      code: 66,
      stderr: 'mqtt311: the file of -o is no text in UTF-8\n',
    })
    for (const name of ['options another', 'help', 'version']) {
      writeFileSync(file, `--${name}\n`)
      expect((await call(['pub', '-o', file])).stderr).toContain(
        `the file of -o has --${name.split(' ')[0]} in it, which has no effect there: leave it out`,
      )
    }
    writeFileSync(file, 'host ::1\n')
    expect((await call(['pub', '-o', file])).stderr).toContain('a line of the file of -o begins with no option')
  })
})
