import { describe, expect, it } from 'vitest'
import { buildCommand, call, run, shell, start, startHere, terminal } from './program.js'
import { type Broker, startBroker } from './servers.js'

buildCommand()

/** A `sub` whose SUBSCRIBE has been answered. */
async function subscribed(broker: Broker, ...args: readonly string[]) {
  const command = startHere(['sub', ...broker.address, ...args])
  await broker.server.receives('subscribe')
  return command
}

/** The same in a process of its own, which has read the answer. */
async function subscribedApart(broker: Broker, ...args: readonly string[]) {
  const command = start(['sub', ...broker.address, '-d', ...args])
  await command.wrote('stderr', 'SUBACK')
  await broker.server.receives('subscribe')
  return command
}

describe('mqtt311 sub', () => {
  it.each([
    { args: ['-v'], line: 'lamp/1 on\n' },
    { args: [], line: 'on\n' },
    { args: ['-N'], line: 'on' },
    { args: ['--raw'], line: 'on' },
    { args: ['-F', '%t|%p|%l|%q|%r|%x'], line: 'lamp/1|on|2|0|0|6f6e\n' },
  ])('prints with $args', async ({ args, line }) => {
    const broker = await startBroker()
    const command = await subscribed(broker, '-t', 'lamp/#', '-C', '1', ...args)
    await broker.server.publish('lamp/1', 'on')
    expect(await command.end()).toMatchObject({ code: 0, stdout: line })
  })

  it('-W may be as short as a millisecond', async () => {
    const { code, stderr } = await call(['sub', ...(await startBroker()).address, '-t', 'a', '-W', '0.001'])
    expect([code, stderr]).toEqual([27, 'mqtt311: the 0.001 seconds of -W have passed\n'])
  })

  it('subscribes to the topic of -L and to those of -t, as mosquitto_sub does', async () => {
    const broker = await startBroker()
    const url = `${broker.server.url}/lamp/1`
    expect(await call(['sub', '-L', url, '-t', 'door', '-t', 'lamp/1', '-E'])).toMatchObject({ code: 0, stderr: '' })
    const { subscriptions } = await broker.server.receives('subscribe')
    expect(subscriptions.map(({ filter }) => filter)).toEqual(['lamp/1', 'door'])
  })

  it('takes the topic of MQTT_URL only if no other is given', async () => {
    const broker = await startBroker()
    const env = { MQTT_URL: `${broker.server.url}/lamp/1` }
    for (const [args, filter] of [
      [[], 'lamp/1'],
      [['-t', 'door'], 'door'],
    ] as const) {
      expect(await call(['sub', ...args, '-E'], { env })).toMatchObject({ code: 0, stderr: '' })
      const { subscriptions } = await broker.server.receives('subscribe')
      expect(subscriptions).toEqual([{ filter, qos: 0 }])
    }
  })

  it('--json prints an object a line', async () => {
    const broker = await startBroker()
    const command = await subscribed(broker, '-t', '#', '-C', '3', '-q', '1', '--json')
    await broker.server.publish('lamp/1', 'say "on"\n', { qos: 1 })
    await broker.server.publish('lamp/2', Uint8Array.of(0xff, 0), { qos: 0 })
    await broker.server.publish('lamp/3', '', { qos: 0 })
    const { code, stdout } = await command.end()
    expect(code).toBe(0)
    const objects = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(objects).toMatchObject([
      { topic: 'lamp/1', qos: 1, retain: 0, payloadlen: 9, mid: 1, payload: 'say "on"\n' },
      { topic: 'lamp/2', qos: 0, retain: 0, payloadlen: 2, payload64: '/wA=' },
      { topic: 'lamp/3', qos: 0, retain: 0, payloadlen: 0, payload: null },
    ])
    expect(objects[0].tst).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d{4}$/)
  })

  it('--trace shows a hundred filters and Return Codes, and the number of the others', async () => {
    const broker = await startBroker()
    const filters = Array.from({ length: 900 }, (_, index) => ['-t', `f/${index}`])
    const { code, stderr } = await run(['sub', ...broker.address, ...filters.flat(), '-E', '--trace'])
    expect(code).toBe(0)
    const [, subscribe = '', suback = ''] = stderr.split(/┌─ SUB/)
    expect(subscribe.match(/Requested QoS/g)).toHaveLength(100)
    expect(subscribe).toContain('800 more')
    expect(suback.match(/ granted: /g)).toHaveLength(100)
    expect(suback).toContain('800 more')
  })

  it.each([
    [
      '-d',
      / {2}! {3}a Topic Name that has the wildcard "\+": "v\/a\+b" \[MQTT-3\.3\.2-2\]\n.*PUBLISH QoS 1 id 1 topic "v\/a\+b" 1 byte\n/,
    ],
    ['--trace', /4 {2}76 2f 61\[2b\]62 +Topic Name +"v\/a\+b".*\n.*MQTT-3\.3\.2-2/],
  ])(
    'prints a topic with a wildcard, which RabbitMQ sends, and shows with %s what is wrong with it',
    async (flag, shown) => {
      const broker = await startBroker()
      const command = start(['sub', ...broker.address, '-t', 'v/#', '-v', '-C', '2', flag])
      const connection = await broker.server.accepts()
      await broker.server.receives('subscribe')
      connection.sendBytes(Buffer.from('320a0005762f612b62000178' + '300400027661', 'hex'))
      const { code, stdout, stderr } = await command.end()
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'v/a+b x\nva (null)\n' })
      expect(stderr).toMatch(shown)
    },
  )

  it('--raw gives the payload byte by byte', async () => {
    const broker = await startBroker()
    const payload = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 256))
    const command = await subscribedApart(broker, '-t', 'a', '-C', '1', '--raw')
    await broker.server.publish('a', payload)
    await command.end()
    expect(command.bytes.equals(payload)).toBe(true)
  })

  it('subscribes to several filters, and prints a message once for each PUBLISH', async () => {
    const broker = await startBroker()
    const command = await subscribed(broker, '-t', 'a', '-t', 'b/+', '-v', '-C', '2')
    for (const topic of ['a', 'c', 'b/1']) await broker.server.publish(topic, topic)
    expect((await command.end()).stdout).toBe('a a\nb/1 b/1\n')
  })

  it('-T hides, and what is hidden does not count for -C', async () => {
    const broker = await startBroker()
    const command = await subscribed(broker, '-t', '#', '-T', 'a/#', '-C', '1', '-v')
    await broker.server.publish('a/1', 'no')
    await broker.server.publish('b', 'yes')
    expect((await command.end()).stdout).toBe('b yes\n')
  })

  it('-R does not print what was retained', async () => {
    const broker = await startBroker()
    await broker.server.publish('a', 'old', { retain: true })
    const command = await subscribed(broker, '-t', 'a', '-R', '-C', '1')
    await broker.server.publish('a', 'new')
    expect((await command.end()).stdout).toBe('new\n')
  })

  it('-R with -C counts what is printed, and nothing that was retained', async () => {
    const broker = await startBroker()
    await broker.server.publish('a/1', 'old', { retain: true })
    await broker.server.publish('a/2', 'old', { retain: true })
    expect((await call(['sub', ...broker.address, '-t', 'a/+', '-C', '2', '-v'])).stdout).toBe('a/1 old\na/2 old\n')
    await broker.server.receives('subscribe')
    const command = await subscribed(broker, '-t', 'a/+', '-R', '-C', '2', '-v')
    await broker.server.publish('a/1', 'new')
    await broker.server.publish('a/2', 'new', { retain: true })
    expect(await command.end()).toMatchObject({ code: 0, stdout: 'a/1 new\na/2 new\n' })
  })

  it('in a terminal, shows topics in colour and control characters by their number', async () => {
    const broker = await startBroker()
    const payload = Buffer.from('\x1b[2J\r\u009b31m\ttwo\nlines')
    await broker.server.publish('a', payload, { retain: true })
    const sub = `mqtt311 sub ${broker.address.join(' ')} -t a -C 1`
    const escaped = '\\x1b[2J\\x0d\\x9b31m\ttwo\r\nlines\r\n'
    expect((await terminal(sub).end()).stdout).toBe(escaped)
    expect((await terminal(`${sub} -v`).end()).stdout).toBe(`\x1b[36ma\x1b[0m ${escaped}`)
    expect((await terminal(`NO_COLOR=1 ${sub} -v`).end()).stdout).toBe(`a ${escaped}`)
    expect((await terminal(`${sub} -F '\\e[1m%t %p'`).end()).stdout).toBe(`\x1b[1ma ${escaped}`)
    expect((await terminal(`${sub} --raw`).end()).stdout).toBe(payload.toString().replace('\n', '\r\n'))
    expect((await shell(sub)).stdout).toBe(`${payload}\n`)
  })

  it.each([
    ['ejabberd', ['-t', 'a/'.repeat(8)], 'the filter has a topic of 9 levels, but ejabberd takes at most 8;'],
    ['activemq', ['-t', '$share/g/t'], 'the filter "$share/g/t" is a shared subscription, but ActiveMQ takes none'],
    ['nats', ['-t', 'a', '-t', 'a b'], 'the filter has the topic "a b" with " ", but NATS takes no topic with this'],
    [
      'rabbitmq',
      ['-t', 'a', '-q', '2'],
      'the filter "a" is to be subscribed at QoS 2, but RabbitMQ takes QoS up to 1;',
    ],
  ])(
    '--server %s refuses with 64, before it connects, what this server does not take: %j',
    async (name, args, text) => {
      const broker = await startBroker()
      const { code, stderr } = await call(['sub', ...broker.address, '--server', name, ...args])
      expect(stderr).toContain(text)
      expect({ code, received: broker.server.received }).toEqual({ code: 64, received: [] })
    },
  )

  it('--server warns once of a topic that this server changes, and subscribes to it', async () => {
    const broker = await startBroker()
    const outcome = await call(['sub', ...broker.address, '--server', 'rabbitmq', '-t', 'a.b', '-E'])
    expect(outcome.stderr.match(/RabbitMQ makes/g)).toHaveLength(1)
    expect(outcome.code).toBe(0)
    expect(broker.server.received).toContainEqual(
      expect.objectContaining({ type: 'subscribe', subscriptions: [{ filter: 'a.b', qos: 0 }] }),
    )
  })

  it('-E ends as soon as it has subscribed', async () => {
    const broker = await startBroker()
    expect(await run(['sub', ...broker.address, '-t', 'a', '-E'])).toMatchObject({ code: 0, stdout: '', stderr: '' })
  })

  it('-C acknowledges the messages that it prints and none behind them', async () => {
    const broker = await startBroker()
    const args = ['-t', 'a', '-q', '1', '-c', '-i', 'reader']
    await call(['sub', ...broker.address, ...args, '-E'])
    for (const text of ['1', '2', '3', '4', '5']) await broker.server.publish('a', text, { qos: 1 })
    expect((await call(['sub', ...broker.address, ...args, '-C', '2'])).stdout).toBe('1\n2\n')
    expect((await call(['sub', ...broker.address, ...args, '-C', '3'])).stdout).toBe('3\n4\n5\n')
  })

  it('-U ends what a persistent session has', async () => {
    const broker = await startBroker()
    const session = ['-c', '-i', 'reader', '-q', '1']
    await call(['sub', ...broker.address, ...session, '-t', 'a', '-t', 'b', '-E'])
    await call(['sub', ...broker.address, ...session, '-U', 'a', '-E'])
    await broker.server.publish('a', 'not this', { qos: 1 })
    await broker.server.publish('b', 'this', { qos: 1 })
    expect((await call(['sub', ...broker.address, ...session, '-t', 'c', '-C', '1'])).stdout).toBe('this\n')
  })

  it('-W ends it with 27, also when messages came', async () => {
    const broker = await startBroker()
    const command = await subscribed(broker, '-t', 'a', '-W', '1.5')
    await broker.server.publish('a', 'one')
    const { code, stdout, stderr } = await command.end()
    expect({ code, stdout }).toEqual({ code: 27, stdout: 'one\n' })
    expect(stderr).toContain('mqtt311: the 1.5 seconds of -W have passed\n')
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('%s ends it cleanly, with DISCONNECT and 0', async (signal) => {
    const broker = await startBroker()
    const command = await subscribedApart(broker, '-t', 'a', '--will-topic', 'will')
    command.process.kill(signal)
    const { code, stderr } = await command.end()
    expect(code).toBe(0)
    expect(stderr).toContain('DISCONNECT')
    expect(broker.published).toEqual([])
  })

  it('SIGINT before -C is reached is no success', async () => {
    const broker = await startBroker()
    const command = await subscribedApart(broker, '-t', 'a', '-C', '1')
    command.process.kill('SIGINT')
    expect((await command.end()).code).toBe(130)
  })

  it('ends with 0 and in silence when nobody reads any more', async () => {
    const broker = await startBroker()
    broker.server.answer('subscribe', ({ packetId }, connection) => {
      connection.send({ type: 'suback', packetId, returnCodes: [0] })
      // That nobody reads is found by writing, so the messages go on until the command is gone.
      const line = { type: 'publish', topic: 'a', payload: Buffer.from('line'), qos: 0, retain: false } as const
      const timer = setInterval(() => connection.send(line), 20)
      connection.closed.then(() => clearInterval(timer))
    })
    const line = `mqtt311 sub ${broker.address.join(' ')} -t a | head -n 1`
    expect(await shell(line)).toEqual({ code: 0, signal: null, stdout: 'line\n', stderr: '' })
  })

  it('lives through a lost connection, and says so', async () => {
    const broker = await startBroker()
    const command = await subscribedApart(broker, '-t', 'a', '-C', '2')
    await broker.server.publish('a', 'before')
    await command.wrote('stdout', 'before')
    const again = broker.server.receives('subscribe')
    broker.server.cut()
    await again
    await broker.server.publish('a', 'after')
    const { code, stdout, stderr } = await command.end()
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'before\nafter\n' })
    expect(stderr).toMatch(/^mqtt311: the server closed the connection; next attempt in \d+\.\d s$/m)
    expect(stderr).toContain('mqtt311: connected again\n')
  })

  it('a subscription that is refused ends it with 77', async () => {
    const broker = await startBroker()
    broker.server.refuse('subscribe', { topic: 'no' })
    const { code, stdout, stderr } = await run(['sub', ...broker.address, '-t', 'yes', '-t', 'no'])
    expect(stderr).toBe('mqtt311: the server refused to subscribe "no"; check the rights of this client\n')
    expect({ code, stdout }).toEqual({ code: 77, stdout: '' })
  })

  it('a subscription that is refused with 0x8F is told as the fault of the filter, not of the rights', async () => {
    const broker = await startBroker({ habits: 'ejabberd' })
    const { code, stderr } = await call(['sub', ...broker.address, '-t', '1/2/3/4/5/6/7/8/9'])
    expect(stderr).toMatch(
      /0x8f: Topic Filter invalid\); the server takes no such filter: perhaps it has too many levels\n$/,
    )
    expect(code).toBe(77)
  })

  it('%J leaves out what is no JSON, and says so; -C counts it', async () => {
    const broker = await startBroker()
    const command = await subscribed(broker, '-t', 'a', '-C', '2', '-F', '%J')
    await broker.server.publish('a', 'no json')
    await broker.server.publish('a', '{"on": true}')
    const { stdout, stderr } = await command.end()
    expect(stdout).toContain('"payload":{"on": true}}\n')
    expect(stderr).toContain('mqtt311: the payload on "a" is no JSON\n')
  })

  it('--quiet leaves stderr to -d alone', async () => {
    const broker = await startBroker()
    const command = await subscribedApart(broker, '-t', 'a', '-C', '1', '-F', '%J', '--quiet')
    const again = broker.server.receives('subscribe')
    broker.server.cut()
    await again
    await broker.server.publish('a', 'no json')
    const { code, stderr } = await command.end()
    expect(code).toBe(0)
    expect(stderr).toContain('PUBLISH')
    expect(stderr).not.toContain('mqtt311:')
  })
})
