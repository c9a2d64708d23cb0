import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { ConnectionRefusedError, connect, type MqttClient } from 'mqtt311'
import { type AliyunOptions, aliyun, registerDevice, type SecretDevice } from 'mqtt311/aliyun'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ca } from '../../fixtures/tls/index.js'
import { buildCommand, call, run, start, temporaryFile, terminal } from './program.js'
import { listen } from './servers.js'

buildCommand()

const lamp = { productKey: 'a1', deviceName: 'lamp', deviceSecret: 'hunter2-hunter2' }
const overTcp: SecretDevice = { ...lamp, secureMode: 3 }
const topic = '/a1/lamp/user/get'
const tlsFile = (name: string) => fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url))
const certificate = ['--cert', tlsFile('server.pem'), '--key', tlsFile('server-key.pem')]

/** The emulator as a process of its own, with one lamp that the environment knows, and where it listens. */
async function platform(args: readonly string[] = [], options: Parameters<typeof start>[1] = {}) {
  const { productKey: PRODUCT_KEY, deviceName: DEVICE_NAME, deviceSecret: DEVICE_SECRET } = lamp
  const env = { PRODUCT_KEY, DEVICE_NAME, DEVICE_SECRET, ...options.env }
  const command = start(['platform', '-p', '0', ...args], { ...options, env })
  await command.wrote('stdout', '\n')
  const [, url = ''] = /^listening on (mqtts?:\/\/\S+), /.exec(command.bytes.toString()) ?? []
  return { command, url }
}

/** A client of ours, ended with the test. */
async function online(url: string, device: SecretDevice, options: AliyunOptions = {}) {
  const client = await connect(aliyun(device, { url, ...(url.startsWith('mqtts') ? { tls: { ca } } : {}), ...options }))
  onTestFinished(() => client.end())
  return client
}

describe('mqtt311 platform', () => {
  it('tells its address first, then every packet of a device, until SIGINT, which is its end: 0', async () => {
    const { command, url } = await platform(['-l'], { input: 'open' })
    expect(url).toMatch(/^mqtt:\/\/\[::1\]:\d+$/)
    const client = await online(url, { ...overTcp, timestamp: 1 })
    const arrived = new Promise<string>((resolve) => {
      client.subscribe(topic, (message) => resolve(message.text()))
    })
    await command.wrote('stdout', 'SUBSCRIBE')
    command.process.stdin.write(`${topic} turn left\n`)
    expect(await arrived).toBe('turn left')
    await client.publish('/a1/lamp/user/update', 'on', { qos: 1 })
    await client.ping()
    await client.unsubscribe(topic)
    await client.end()
    await command.wrote('stdout', 'the connection ends')
    command.process.kill('SIGINT')
    const { code, stdout, stderr } = await command.end()
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [first, ...lines] = stdout.trimEnd().split('\n')
    expect(first).toBe(`listening on ${url}, with 1 device and 0 products`)
    const withoutTimes = lines.map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} {2}/, ''))
    expect(withoutTimes).toEqual([
      'a1/lamp  ──▶ CONNECT accepted: client id "a1.lamp|securemode=3,signmethod=hmacsha256,timestamp=1|", Keep Alive 360 s, clean session, plain TCP',
      'a1/lamp  ──▶ SUBSCRIBE "/a1/lamp/user/get", QoS 0 granted',
      'a1/lamp  ◀── PUBLISH "/a1/lamp/user/get", QoS 1, 9 bytes: "turn left"',
      'a1/lamp  ──▶ PUBACK',
      'a1/lamp  ──▶ PUBLISH "/a1/lamp/user/update", QoS 1, 2 bytes: "on"',
      'a1/lamp  ──▶ PINGREQ',
      'a1/lamp  ──▶ UNSUBSCRIBE "/a1/lamp/user/get"',
      'a1/lamp  ──▶ DISCONNECT',
      'a1/lamp  the connection ends: after DISCONNECT',
    ])
  })

  it('refuses a wrong secret with 4, and prints the reason, but no secret', async () => {
    const { command, url } = await platform()
    const error = await online(url, { ...overTcp, deviceSecret: 'hunter3-hunter3' }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConnectionRefusedError)
    expect(error).toMatchObject({ returnCode: 4 })
    await command.wrote('stdout', 'plain TCP\n')
    const printed = command.bytes.toString()
    expect(printed).toContain(
      'user name "lamp&a1"  ──▶ CONNECT ✗ refused with Return Code 4: the signature is wrong: it has',
    )
    expect(printed).toMatch(
      /the hmacsha256 of 'clientIda1\.lampdeviceNamelampproductKeya1timestamp\d+'; is the secret right\?/,
    )
    expect(printed).not.toContain('hunter')
  })

  it('ends the first connection of a device for the second, and says so', async () => {
    const { command, url } = await platform()
    const first = await online(url, overTcp, { reconnect: false })
    const ended = first.closed.catch((reason: unknown) => reason)
    await online(url, overTcp)
    expect(await ended).toMatchObject({ code: 'MQTT_CONNECTION_LOST' })
    await command.wrote('stdout', 'a1/lamp  ✗ the connection ends: a second connection of this device throws it out\n')
    command.process.kill('SIGTERM')
    expect((await command.end()).stdout).toMatch(/a1\/lamp {2}the connection ends: the platform ends\n$/)
  })

  it('over TLS gives a device that has no secret yet one by registration, and lets it in with that', async () => {
    const product = { productKey: 'a1', productSecret: 'hunter2-of-the-product' }
    const args = ['--product', `a1=${product.productSecret}`, '--device', 'a1/new', ...certificate]
    const { command, url } = await platform(args)
    expect(url).toMatch(/^mqtts:/)
    const device = await registerDevice({ ...product, deviceName: 'new', url, tls: { ca } })
    await connect(aliyun(device, { url, tls: { ca } })).then((client) => client.end())
    const token = await registerDevice({ ...product, deviceName: 'unknown', preRegistered: false, url, tls: { ca } })
    await connect(aliyun(token, { url, tls: { ca } })).then((client) => client.end())
    const wrong = { ...product, productSecret: 'wrong', deviceName: 'new', url, tls: { ca } }
    await expect(registerDevice(wrong)).rejects.toMatchObject({ returnCode: 4 })
    await command.wrote('stdout', 'refused with Return Code 4')
    const printed = command.bytes.toString()
    expect(printed).toContain('with 2 devices and 1 product\n')
    expect(printed).toMatch(/a1\/new {2}──▶ CONNECT accepted as a registration: .*TLSv1\.3/)
    expect(printed).toMatch(/a1\/new {2}◀── PUBLISH "\/ext\/register", QoS 1, \d+ bytes, not shown: a secret/)
    expect(printed).toMatch(/a1\/unknown {2}◀── PUBLISH "\/ext\/regnwl", QoS 1, \d+ bytes, not shown: a secret/)
    const { deviceSecret = 'none' } = device
    const { deviceToken = 'none' } = token
    expect(printed).not.toContain('hunter')
    for (const secret of [deviceSecret, deviceToken]) {
      expect(secret).toMatch(/^[0-9a-f]{32}$/)
      expect(printed).not.toContain(secret)
    }
  })

  it('knows a device by its certificate', async () => {
    const { command, url } = await platform([...certificate, '--device-cert', `a1/cert=${tlsFile('client.pem')}`])
    const pair = ['--cert', tlsFile('client.pem'), '--key', tlsFile('client-key.pem')]
    const names = ['--product-key', 'a1', '--device-name', 'cert']
    const address = ['-L', url, '--cafile', tlsFile('ca.pem')]
    expect(await call(['pub', ...address, ...names, ...pair, '-t', '/a', '-m', 'x', '-q', '1'])).toMatchObject({
      code: 0,
    })
    await command.wrote('stdout', 'a1/cert  ──▶ CONNECT accepted')
  })

  it('reads devices and products from a file, with comments', async () => {
    const file = temporaryFile('devices')
    writeFileSync(file, '# the hall\na1/bulb=a=b/c\r\n\na2=the/secret of a2\n')
    const { url } = await platform(['--secrets-file', file, '--device', 'a1/door=x'], { env: { DEVICE_SECRET: '' } })
    await online(url, { productKey: 'a1', deviceName: 'bulb', deviceSecret: 'a=b/c', secureMode: 3 })
    await online(url, { productKey: 'a1', deviceName: 'door', deviceSecret: 'x', secureMode: 3 })
    await expect(online(url, overTcp)).rejects.toMatchObject({ returnCode: 4 })
  })

  it('without TLS refuses products alone, whose devices could not register: 64', async () => {
    const file = temporaryFile('products')
    writeFileSync(file, 'a2=secret\n')
    const { code, stderr } = await call(['platform', '--secrets-file', file])
    expect(stderr).toContain('no device could connect: devices register over TLS only: give --cert and --key')
    expect(code).toBe(64)
  })

  it('names the line of that file that is neither a device nor a product, and not what stands there', async () => {
    const file = temporaryFile('devices')
    writeFileSync(file, '# the hall\n\na1/bulb=a\nhunter2\n')
    const { code, stderr } = await call(['platform', '--secrets-file', file])
    expect(stderr).toContain('line 4 of --secrets-file takes a product as KEY=SECRET, not a string of 7 characters')
    expect(code).toBe(64)
  })

  it('knows a device once, by what the command line says, if the environment has it too', async () => {
    const { command, url } = await platform(['--device', 'a1/lamp=another'])
    expect(command.bytes.toString()).toContain('with 1 device and 0 products\n')
    await online(url, { ...overTcp, deviceSecret: 'another' })
  })

  it('knows the product of the environment', async () => {
    const { command } = await platform(certificate, { env: { PRODUCT_SECRET: 'hunter2' } })
    expect(command.bytes.toString()).toContain('with 1 device and 1 product\n')
  })

  it('does not show its secrets to ps', async () => {
    const { command } = await platform(['--device', 'a1/door=hunter2'])
    const shown = execFileSync('ps', ['-o', 'args=', '-p', String(command.process.pid)]).toString()
    expect(shown.trim()).toBe('mqtt311 platform')
  })

  it('keeps the limits unless it is told not to, and prints what it drops', async () => {
    const unlimited = { profile: { name: 'any' } }
    const { command, url } = await platform()
    const client = await online(url, overTcp, unlimited)
    for (let count = 0; count <= 30; count += 1) await client.publish('/a', 'x')
    await command.wrote('stdout', '✗ dropped in silence: more than 30 a second at QoS 0')
    const free = await platform(['--no-limits'])
    const other = await online(free.url, overTcp, unlimited)
    for (let count = 0; count <= 30; count += 1) await other.publish('/a', 'x')
    await other.ping()
    await free.command.wrote('stdout', 'PINGREQ')
    expect(free.command.bytes.toString()).not.toContain('dropped')
  })

  it('is broken on purpose', async () => {
    const { command, url } = await platform(['--broken', 'signature'])
    await expect(online(url, overTcp)).rejects.toMatchObject({ returnCode: 4 })
    await command.wrote('stdout', 'refused with Return Code 4: every signature counts as wrong here')
  })

  it.each<[string, (client: MqttClient) => Promise<unknown>, string]>([
    ['suback', (client) => client.subscribe(topic), `SUBSCRIBE "${topic}", QoS 0 ✗ not answered\n`],
    ['puback', (client) => client.publish('/a', 'x', { qos: 1 }), 'PUBLISH "/a", QoS 1, 1 byte: "x" ✗ not answered\n'],
    ['pingresp', (client) => client.ping(), 'PINGREQ ✗ not answered\n'],
  ])('with --broken %s does not say that it has answered', async (what, ask, text) => {
    const { command, url } = await platform(['--broken', what])
    const client = await online(url, overTcp)
    ask(client).catch(() => {})
    await command.wrote('stdout', text)
    client.destroy()
  })

  it('with --broken delivery says that it loses what it is given to publish', async () => {
    const { command, url } = await platform(['--broken', 'delivery', '-l'], { input: 'open' })
    const client = await online(url, overTcp)
    await client.subscribe(topic)
    command.process.stdin.write(`${topic} on\n`)
    await command.wrote('stdout', `PUBLISH "${topic}", QoS 1, 2 bytes: "on" ✗ dropped in silence: lost on purpose\n`)
  })

  it('publishes the bytes of a line of standard input as they are', async () => {
    const { command, url } = await platform(['-l'], { input: 'open' })
    const client = await online(url, overTcp)
    const arrived = new Promise<Buffer>((resolve) => {
      client.subscribe('/a1/lamp/灯', (message) => resolve(message.payload))
    })
    await command.wrote('stdout', 'SUBSCRIBE')
    command.process.stdin.write(Buffer.concat([Buffer.from('/a1/lamp/灯  '), Buffer.of(0xff, 0, 0xa0, 10)]))
    expect(await arrived).toEqual(Buffer.of(32, 0xff, 0, 0xa0))
  })

  it('goes on when standard input ends, and tells of lines that reach nobody', async () => {
    const { command } = await platform(['-l'], { input: '/a1/x hello\n\nwith/# a wildcard\n' })
    await command.wrote('stdout', 'standard input: no device has subscribed to this topic')
    await command.wrote('stderr', 'mqtt311: a line of standard input begins with no topic: ')
    command.process.kill('SIGTERM')
    expect(await command.end()).toMatchObject({ code: 0 })
  })

  it('ends when its output is read no more: 0', async () => {
    const { command } = await platform(['-l'], { input: 'open' })
    command.process.stdout.destroy()
    command.process.stdin.write('a b\na b\n')
    expect(await command.end()).toMatchObject({ code: 0, stderr: '' })
  })

  it('says that its port is taken: 69', async () => {
    const { host, port } = await listen(createServer())
    const args = ['platform', '-h', `[${host}]`, '-p', String(port), '--device', 'a1/lamp=x']
    const { code, stderr } = await run(args)
    expect(stderr).toBe(
      `mqtt311: the server cannot listen on ${host}, port ${port}: another program has it; give another by -p, 0 for any free one\n`,
    )
    expect(code).toBe(69)
  })

  it.each([
    ['2001:db8::1', 'cannot listen on 2001:db8::1, port 1883: -h is no address of this machine'],
    ['host.invalid', 'cannot listen on host.invalid, port 1883: -h is no address of this machine'],
  ])('says that it cannot listen on %s: 69', async (host, text) => {
    const { code, stderr } = await call(['platform', '-h', host, '--device', 'a1/lamp=x'])
    expect(stderr).toContain(text)
    expect(code).toBe(69)
  })

  it('says that its certificate cannot be used: 66', async () => {
    const args = ['platform', '--device', 'a1/lamp=x', '--cert', tlsFile('server.pem'), '--key', tlsFile('ca.pem')]
    const { code, stderr } = await call(args)
    expect(stderr).toContain('the certificates and the key cannot be used')
    expect(code).toBe(66)
  })

  it('has help that fits a terminal of 60 columns', async () => {
    const { code, stdout } = await terminal('stty cols 60; mqtt311 platform --help').end()
    expect(code).toBe(0)
    expect(stdout.split('\r\n').filter((line) => line.length > 60)).toEqual([])
  })
})
