import { truncateSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { buildCommand, call, run, shell, start, temporaryFile } from './program.js'
import { startBroker } from './servers.js'

buildCommand()

/** A file of zeros. It is a hole, which takes no time to write. */
function fileOf(bytes: number): string {
  const file = temporaryFile('large')
  writeFileSync(file, '')
  truncateSync(file, bytes)
  return file
}

describe('mqtt311 pub', () => {
  it.each([0, 1, 2] as const)('publishes a message at QoS %i, and ends with 0 when the server has it', async (qos) => {
    const broker = await startBroker()
    const outcome = await run(['pub', ...broker.address, '-t', 'lamp/1', '-m', 'on', '-q', String(qos)])
    expect(outcome).toEqual({ code: 0, signal: null, stdout: '', stderr: '' })
    expect(broker.published).toEqual([{ topic: 'lamp/1', text: 'on', qos, retain: false }])
  })

  it('takes options as mosquitto_pub does: together, joined, with a dash in the value', async () => {
    const broker = await startBroker()
    const outcome = await call([
      'pub',
      '-h',
      broker.host,
      `-p${broker.port}`,
      '--topic=a',
      '-rq1',
      '-m',
      '-5',
      '-V',
      'mqttv311',
    ])
    expect(outcome).toMatchObject({ code: 0, stderr: '' })
    expect(broker.published).toEqual([{ topic: 'a', text: '-5', qos: 1, retain: true }])
  })

  it('reaches a server behind a local socket, by --unix and by -L, and connects from the address of -A', async () => {
    const path = temporaryFile('broker.sock')
    const broker = await startBroker()
    const relay = createServer((socket) => socket.pipe(connect(broker.port, broker.host)).pipe(socket))
    await new Promise<void>((resolve) => relay.listen(path, resolve))
    onTestFinished(() => void relay.close())
    for (const server of [
      ['--unix', path],
      ['-L', `unix:${path}`],
    ]) {
      expect(await call(['pub', ...server, '-t', 'a', '-m', 'x', '-q', '1'])).toMatchObject({ code: 0, stderr: '' })
    }
    expect(broker.published.map(({ topic }) => topic)).toEqual(['a', 'a'])
    const missing = await call(['pub', '--unix', `${path}.none`, '-t', 'a', '-n'])
    expect(missing.stderr).toMatch(/\.none is no local socket.*; is the server running, and does it listen there\?\n$/)
    expect(await call(['pub', '--unix', path, '-p', '1', '-t', 'a', '-n'])).toMatchObject({
      stderr: expect.stringContaining('--unix names the server: leave out -L, -h and -p'),
    })
    expect(await call(['pub', ...broker.address, '-A', 'eth0', '-t', 'a', '-n'])).toMatchObject({
      stderr: expect.stringContaining('-A has to be an address'),
    })
  })

  it.each([
    ['nats', ['-t', 'a', '-q', '2'], 'the message has QoS 2, but NATS takes QoS up to 1;'],
    ['NATS', ['-t', 'a.b'], 'the message has the topic "a.b" with ".", but NATS takes no topic with this character;'],
    ['aws-iot-core', ['-t', 'a/'.repeat(9)], 'the message has a topic of 10 levels, but AWS IoT Core takes at most 8;'],
    ['rabbitmq', ['-t', 'a', '--will-topic', 'w', '--will-qos', '2'], 'but RabbitMQ takes QoS up to 1;'],
  ])(
    '--server %s refuses with 64, before it connects, what this server does not take: %j',
    async (name, args, text) => {
      const broker = await startBroker()
      const { code, stderr } = await call(['pub', ...broker.address, '--server', name, ...args, '-m', 'x'])
      expect(stderr).toContain(text)
      expect({ code, received: broker.server.received }).toEqual({ code: 64, received: [] })
    },
  )

  it('--server warns once of a topic that this server changes, and publishes to it', async () => {
    const broker = await startBroker()
    const outcome = await call(['pub', ...broker.address, '--server', 'rabbitmq', '-t', 'a.b', '-m', 'x', '-q', '1'])
    expect(outcome.stderr.match(/RabbitMQ makes/g)).toHaveLength(1)
    expect(outcome.code).toBe(0)
    expect(broker.published).toMatchObject([{ topic: 'a.b' }])
  })

  it('-q 2 ends with 0 at a server that answers with PUBACK, and says what that means', async () => {
    const broker = await startBroker({ habits: 'rabbitmq' })
    const { code, stderr } = await call(['pub', ...broker.address, '-t', 'a', '-m', 'x', '-q', '2'])
    expect(stderr).toMatch(/^mqtt311: the server answered a message at QoS 2 with PUBACK: [^\n]*; publish with -q 1 \(/)
    expect(code).toBe(0)
    expect(broker.published).toMatchObject([{ topic: 'a', text: 'x', qos: 2 }])
  })

  it('-q 2 says of a server that closes what it may lack, each time', async () => {
    const broker = await startBroker({ habits: 'nats' })
    const command = start(['pub', ...broker.address, '-t', 'a', '-m', 'x', '-q', '2'])
    const text = 'perhaps this server does not have QoS 2; then publish with -q 1; next attempt in'
    await command.wrote('stderr', `a message at QoS 2 was unanswered: ${text}`)
    await command.wrote('stderr', 'connected again')
    command.process.kill('SIGINT')
    expect((await command.end()).code).toBe(130)
  })

  it('takes the options of the MQTT.js command line', async () => {
    const broker = await startBroker()
    const server = ['--hostname', broker.host, '--port', String(broker.port), '--protocol', 'mqtt']
    const login = ['--clientId', 'lamp', '--username', 'ann', '--password', 'secret', '--keepalive', '30']
    const will = ['--will-topic', 'gone', '--will-message', 'bye']
    const message = ['--topic', 'a', '--message', 'x', '--qos', '1', '--retain']
    expect(await call(['pub', ...server, ...login, ...will, ...message])).toMatchObject({ code: 0, stderr: '' })
    expect(await broker.server.receives('connect')).toMatchObject({
      clientId: 'lamp',
      username: 'ann',
      password: Buffer.from('secret'),
      keepAlive: 30,
      will: { topic: 'gone', payload: Buffer.from('bye') },
    })
    await call(['pub', ...server, '--topic', 'b', '--qos', '1', '--stdin'], { input: 'all\nof it' })
    await call(['pub', ...server, '--topic', 'c', '--qos', '1', '--multiline'], { input: 'one\ntwo' })
    expect(broker.published.map(({ topic, text, retain }) => [topic, text, retain])).toEqual([
      ['a', 'x', true],
      ['b', 'all\nof it', false],
      ['c', 'one', false],
      ['c', 'two', false],
    ])
  })

  it('refuses bytes on the command line that Node cannot tell apart, and publishes them from standard input', async () => {
    const broker = await startBroker()
    const refused = await shell(`mqtt311 pub ${broker.address.join(' ')} -t a -m $'\\xff'`)
    expect(refused).toMatchObject({ code: 64, stderr: expect.stringContaining('-m has bytes that are not UTF-8') })
    const sent = await call(['pub', ...broker.address, '-t', 'a', '-q', '1', '-s'], {
      input: Uint8Array.of(0xff, 0, 13),
    })
    expect(sent).toMatchObject({ code: 0, stderr: '' })
    expect((await broker.server.receives('publish')).payload).toEqual(Buffer.of(0xff, 0, 13))
  })

  it('takes server, user, password and topic from a URL, before the environment', async () => {
    const broker = await startBroker()
    const host = broker.host.includes(':') ? `[${broker.host}]` : broker.host
    const url = `mqtt://ann:p%40ss@${host}:${broker.port}/lamp/1`
    const env = { MQTT_USERNAME: 'another', MQTT_PASSWORD: 'of another' }
    const { code } = await call(['pub', '-L', url, '-m', 'on', '-q', '1'], { env })
    expect(code).toBe(0)
    expect(await broker.server.receives('connect')).toMatchObject({ username: 'ann', password: Buffer.from('p@ss') })
    expect(broker.published).toMatchObject([{ topic: 'lamp/1', text: 'on' }])
  })

  it('takes the server and who we are from the environment, and the command line before it', async () => {
    const broker = await startBroker()
    const env = {
      MQTT_HOST: broker.host,
      MQTT_PORT: String(broker.port),
      MQTT_USERNAME: 'ann',
      MQTT_PASSWORD: 'secret',
      MQTT_CLIENT_ID: 'from-environment',
    }
    await call(['pub', '-t', 'a', '-m', 'x'], { env })
    await call(['pub', '-t', 'a', '-m', 'x', '-i', 'typed', '-u', 'bob'], { env })
    await call(['pub', ...broker.address, '-t', 'a', '-m', 'x'], { env: { ...env, MQTT_HOST: 'nowhere.invalid' } })
    const host = broker.host.includes(':') ? `[${broker.host}]` : broker.host
    await call(['pub', '-L', `mqtt://eve@${host}:${broker.port}`, '-t', 'a', '-m', 'x'], { env })
    for (const [clientId, username] of [
      ['from-environment', 'ann'],
      ['typed', 'bob'],
      ['from-environment', 'ann'],
      ['from-environment', 'eve'],
    ]) {
      const connect = await broker.server.receives('connect')
      expect(connect).toMatchObject({ clientId, username, password: Buffer.from('secret') })
    }
  })

  it('-I makes a Client Identifier of a prefix and the process id', async () => {
    const broker = await startBroker()
    await call(['pub', ...broker.address, '-t', 'a', '-m', 'x', '-I', 'hall-'])
    expect((await broker.server.receives('connect')).clientId).toMatch(/^hall-\d+$/)
  })

  it('reads a password from a file, without the line break at its end', async () => {
    const broker = await startBroker()
    const file = temporaryFile('password')
    writeFileSync(file, 'secret\n')
    const args = ['pub', ...broker.address, '-t', 'a', '-m', 'x', '-u', 'ann', '--password-file', file]
    expect(await call(args)).toMatchObject({ code: 0, stderr: '' })
    expect((await broker.server.receives('connect')).password?.toString()).toBe('secret')
  })

  it('reads a password without the byte order mark of an editor, and none that is not UTF-8', async () => {
    const broker = await startBroker()
    const file = temporaryFile('password')
    const args = ['pub', ...broker.address, '-t', 'a', '-m', 'x', '-u', 'ann', '--password-file', file]
    writeFileSync(file, '\ufeffsecret\r\n')
    expect(await call(args)).toMatchObject({ code: 0, stderr: '' })
    expect((await broker.server.receives('connect')).password?.toString()).toBe('secret')
    writeFileSync(file, '\ufeffsecret', 'utf16le')
    const { code, stderr } = await call(args)
    expect([code, stderr]).toEqual([66, 'mqtt311: the file of --password-file is no text in UTF-8\n'])
  })

  it('publishes a file, all of standard input, and nothing', async () => {
    const broker = await startBroker()
    const file = temporaryFile('payload')
    writeFileSync(file, 'from\na file\n')
    await call(['pub', ...broker.address, '-t', 'a', '-q', '1', '-f', file])
    await call(['pub', ...broker.address, '-t', 'a', '-q', '1', '-s'], { input: 'two\nlines\n' })
    await call(['pub', ...broker.address, '-t', 'a', '-q', '1', '-n', '-r'])
    expect(broker.published.map(({ text }) => text)).toEqual(['from\na file\n', 'two\nlines\n', ''])
  })

  // A client has the same queue whatever the message comes from.
  it('publishes what is larger than the default queue of a client', async () => {
    const broker = await startBroker({ maxPacketBytes: 100_000_000 })
    const outcome = await call(['pub', ...broker.address, '-t', 'a', '-q', '1', '-f', fileOf(70_000_000)])
    expect(outcome).toMatchObject({ code: 0, stderr: '' })
    expect((await broker.server.receives('publish')).payload.length).toBe(70_000_000)
  })

  it.each(['-f', '-s', '-l'])('publishes with %s what is larger than all that it keeps unanswered', async (flag) => {
    const broker = await startBroker()
    const source = flag === '-f' ? '-f' : `${flag} <`
    const outcome = await shell(`mqtt311 pub ${broker.address.join(' ')} -t a -q 1 ${source} ${fileOf(5_000_000)}`)
    expect(outcome).toMatchObject({ code: 0, stderr: '' })
    expect((await broker.server.receives('publish')).payload.length).toBe(5_000_000)
  })

  it('publishes each line, empty ones and an unfinished last one too', async () => {
    const broker = await startBroker()
    const outcome = await run(['pub', ...broker.address, '-t', 'a', '-q', '2', '-l'], { input: 'one\n\nthree' })
    expect(outcome).toEqual({ code: 0, signal: null, stdout: '', stderr: '' })
    expect(broker.published.map(({ text }) => text)).toEqual(['one', '', 'three'])
  })

  it.each([0, 1])('publishes thousands of lines at QoS %i in their order, and all of them', async (qos) => {
    const broker = await startBroker()
    const lines = Array.from({ length: 5_000 }, (_, index) => `line ${index}`)
    const input = `${lines.join('\n')}\n`
    const { code } = await run(['pub', ...broker.address, '-t', 'a', '-q', String(qos), '-l'], { input })
    expect(code).toBe(0)
    expect(broker.published.map(({ text }) => text)).toEqual(lines)
  })

  it('publishes a line when it comes, not when the input ends', async () => {
    const broker = await startBroker()
    const command = start(['pub', ...broker.address, '-t', 'a', '-q', '1', '-l', '-d'], { input: 'open' })
    await command.wrote('stderr', 'CONNACK accepted')
    command.process.stdin.write('first\n')
    await command.wrote('stderr', 'PUBACK id 1')
    command.process.stdin.end('second\n')
    expect(await command.end()).toMatchObject({ code: 0 })
    expect(broker.published.map(({ text }) => text)).toEqual(['first', 'second'])
  })

  it('goes on after a lost connection, and says so', async () => {
    const broker = await startBroker()
    const command = start(['pub', ...broker.address, '-t', 'a', '-q', '1', '-l', '-d'], { input: 'open' })
    command.process.stdin.write('first\n')
    await command.wrote('stderr', 'PUBACK id 1')
    broker.server.cut()
    await command.wrote('stderr', 'next attempt in')
    command.process.stdin.end('second\n')
    const { code, stderr } = await command.end()
    expect(stderr).toContain('mqtt311: connected again\n')
    expect(code).toBe(0)
    expect(broker.published.map(({ text }) => text)).toEqual(['first', 'second'])
  })

  it('shows no progress where nobody sees it', async () => {
    const broker = await startBroker()
    const { stderr } = await shell(`seq 2000 | mqtt311 pub ${broker.address.join(' ')} -t a -q 1 -l`)
    expect(stderr).toBe('')
    expect(broker.published).toHaveLength(2_000)
  })

  it.each([
    ['SIGHUP', 'SIGHUP'],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends it with DISCONNECT, so that no will is published, and its end is %s', async (sent, end) => {
    const broker = await startBroker()
    const command = start(
      ['pub', ...broker.address, '-t', 'a', '-l', '-d', '--will-topic', 'will', '--will-payload', 'gone'],
      { input: 'open' },
    )
    await command.wrote('stderr', 'CONNACK')
    command.process.kill(sent)
    const { code, signal, stderr } = await command.end()
    expect(code ?? signal).toBe(end)
    expect(stderr).toContain('DISCONNECT')
    expect(broker.published).toEqual([])
  })

  it('leaves what a resumed session brings to those who want it', async () => {
    const broker = await startBroker()
    const subscribe = ['sub', ...broker.address, '-t', 'a', '-q', '1', '-c', '-i', 'one']
    await run([...subscribe, '-E'])
    await broker.server.publish('a', 'kept', { qos: 1 })
    await run(['pub', ...broker.address, '-t', 'b', '-m', 'x', '-q', '1', '-c', '-i', 'one'])
    expect(await run([...subscribe, '-C', '1'])).toMatchObject({ code: 0, stdout: 'kept\n' })
  })

  it('--trace explains every byte, and no secret', async () => {
    const broker = await startBroker()
    const { code, stderr } = await run([
      ...['pub', ...broker.address, '-t', 'lamp/1', '-m', 'on', '-q', '1'],
      ...['-u', 'ann', '-P', 'hunter2-hunter2', '--trace'],
    ])
    expect(code).toBe(0)
    for (const text of ['┌─ CONNECT', '┌─ CONNACK  accepted', '┌─ PUBLISH  QoS 1', '┌─ PUBACK', '┌─ DISCONNECT']) {
      expect(stderr).toContain(text)
    }
    expect(stderr).toContain('15 bytes')
    expect(stderr).not.toContain('hunter2')
    expect(stderr).not.toContain('68 75 6e')
    expect(stderr.split('\n').filter((line) => [...line].length > 80)).toEqual([])
  })

  it('has colours only where they are asked for', async () => {
    const broker = await startBroker()
    const args = ['pub', ...broker.address, '-t', 'a', '-m', 'x', '--trace']
    expect((await run(args)).stderr).not.toContain('\x1b[')
    expect((await run(args, { env: { FORCE_COLOR: '1' } })).stderr).toContain('\x1b[')
    expect((await run(args, { env: { FORCE_COLOR: '0' } })).stderr).not.toContain('\x1b[')
    expect((await run(args, { env: { NO_COLOR: '1' } })).stderr).not.toContain('\x1b[')
  })
})
