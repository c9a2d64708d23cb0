import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { signConnect } from 'mqtt311/aliyun'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Platform, type PlatformOptions, startPlatform } from '../../fixtures/platform/index.js'
import { client, server } from '../../fixtures/tls/index.js'
import { buildCommand, call, run, shell, start, temporaryFile } from './program.js'
import { listen, startBroker } from './servers.js'

buildCommand()

const tlsFile = (name: string) => fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url))
const cafile = tlsFile('ca.pem')
const device = { productKey: 'a1cli', deviceName: 'lamp', deviceSecret: 'hunter2-hunter2' }
const flags = ['--product-key', device.productKey, '--device-name', device.deviceName]
const env = { DEVICE_SECRET: device.deviceSecret }

async function platform(options: PlatformOptions = {}): Promise<Platform & { readonly address: readonly string[] }> {
  const started = await startPlatform({ devices: [device], ...options })
  onTestFinished(() => started.close())
  return { ...started, address: ['-h', started.host, '-p', String(started.port), '--cafile', cafile] }
}

describe('mqtt311 sign', () => {
  const signed = signConnect({ ...device, timestamp: 1700000000000 })
  const args = ['sign', ...flags, '--timestamp', '1700000000000']

  it('prints client id, user name and password', async () => {
    expect(await run(args, { env })).toEqual({
      code: 0,
      signal: null,
      stdout: `client id  ${signed.clientId}\nuser name  ${signed.username}\npassword   ${signed.password}\n`,
      stderr: '',
    })
  })

  it('--format json is what a program reads', async () => {
    expect(JSON.parse((await call([...args, '--format', 'json'], { env })).stdout)).toEqual(signed)
  })

  it('--format env is what a shell reads', async () => {
    const { stdout } = await shell(
      `export DEVICE_SECRET=${device.deviceSecret}
      eval "$(mqtt311 ${args.join(' ')} --format env)"
      printf '%s\\n' "$MQTT_URL" "$MQTT_CLIENT_ID" "$MQTT_USERNAME" "$MQTT_PASSWORD"`,
    )
    const url = 'mqtts://ipv6.itls.cn-shanghai.aliyuncs.com:1883'
    expect(stdout.trimEnd().split('\n')).toEqual([url, signed.clientId, signed.username, signed.password])
  })

  it('--format mosquitto is what mosquitto_pub takes', async () => {
    const options = ['--format', 'mosquitto', '--endpoint', 'product', '--region', 'us-west-1']
    const { stdout } = await call([...args, ...options], { env })
    expect(stdout).toBe(
      `-V mqttv311 -h a1cli.iot-as-mqtt.us-west-1.aliyuncs.com -p 1883 -k 360 -i '${signed.clientId}' ` +
        `-u '${signed.username}' -P '${signed.password}' --tls-use-os-certs\n`,
    )
  })

  it('takes every part of the signature, and the secret from a file', async () => {
    const file = temporaryFile('secret')
    writeFileSync(file, `${device.deviceSecret}\n`)
    const others = ['--client-id', '00:11:22', '--sign-method', 'hmacsha1', '--secure-mode', '3', '--timestamp', 'none']
    const { stdout } = await call(['sign', ...flags, '--device-secret-file', file, ...others, '--format', 'json'])
    expect(JSON.parse(stdout)).toEqual(
      signConnect({ ...device, clientId: '00:11:22', signMethod: 'hmacsha1', secureMode: 3, timestamp: false }),
    )
  })
})

describe('a device of the platform', () => {
  it('publishes and subscribes over TLS, and its secret is nowhere to be seen', async () => {
    const server = await platform()
    const topic = `/${device.productKey}/${device.deviceName}/user/get`
    const command = start(['sub', ...server.address, ...flags, '-t', topic, '-C', '1', '--trace'], { env })
    await command.wrote('stderr', '┌─ SUBACK')
    await server.send(topic, 'turn left')
    const outcome = await command.end()
    expect(outcome).toMatchObject({ code: 0, stdout: 'turn left\n' })
    expect(outcome.stderr).not.toContain(device.deviceSecret)
    expect(server.seen.connects).toHaveLength(1)
    const published = await call(['pub', ...server.address, ...flags, '-t', topic, '-m', 'x', '-q', '1'], { env })
    expect(published).toMatchObject({ code: 0, stderr: '' })
    expect(server.seen.publishesWith(1)).toBe(1)
  })

  it('has the Keep Alive that the help tells', async () => {
    const server = await platform()
    await call(['pub', ...server.address, ...flags, '-t', '/a', '-m', 'x', '-q', '1'], { env })
    const [, told] = /default 60 \(platform:\s+(\d+)\)/.exec((await call(['pub', '--help'])).stdout) ?? []
    expect(server.seen.connects[0]?.keepAlive).toBe(Number(told))
  })

  it('is known by the environment alone, over plain TCP if it says so', async () => {
    const server = await platform({ tls: false })
    const names = { PRODUCT_KEY: device.productKey, DEVICE_NAME: device.deviceName, ...env }
    const args = ['pub', '-t', '/a', '-m', 'x', '-q', '1', '--secure-mode', '3']
    const address = ['-h', server.host, '-p', String(server.port), '--product-key', device.productKey]
    expect(await call([...args, ...address], { env: names })).toMatchObject({ code: 0, stderr: '' })
    expect(server.seen.connects[0]?.tls).toBeUndefined()
  })

  it('with a certificate shows that instead of a signature', async () => {
    const server = await platform({ devices: [{ productKey: 'a1cli', deviceName: 'cert', certificate: client.cert }] })
    const names = ['--product-key', 'a1cli', '--device-name', 'cert']
    const pair = ['--cert', tlsFile('client.pem'), '--key', tlsFile('client-key.pem')]
    const args = ['pub', ...server.address, ...names, ...pair, '-t', '/a', '-m', 'x', '-q', '1']
    expect(await call(args, { env })).toMatchObject({ code: 0, stderr: '' })
    expect(server.seen.connects.map(({ username }) => username)).toEqual(['cert&a1cli'])
    const signed = await call([...args, '--sign-method', 'hmacsha1'])
    expect(signed.stderr).toContain('one with a token or a certificate signs nothing')
    expect(signed.code).toBe(64)
  })

  it('is known by any option of the platform', async () => {
    for (const option of [
      ['--endpoint', 'x509'],
      ['--instance-id', 'iot-1'],
      ['--secure-mode', '3'],
    ]) {
      const { code, stderr } = await call(['pub', '-t', '/a', '-m', 'x', ...option])
      expect(stderr).toContain('the ProductKey is missing: give --product-key, or set PRODUCT_KEY')
      expect(code).toBe(64)
    }
  })

  it('goes to the endpoint that is typed, and not to the server of the environment', async () => {
    const args = [
      'pub',
      ...flags,
      '-t',
      '/a',
      '-m',
      'x',
      '--endpoint',
      'product',
      '-p',
      '443',
      '--region',
      'cn-beijing',
    ]
    const { code, stderr } = await call(args, { env: { ...env, MQTT_HOST: '::1' } })
    expect(stderr).toContain('cn-beijing has no public instance: give --instance-id')
    expect(code).toBe(64)
  })

  it('has one proof of who it is', async () => {
    const file = temporaryFile('token')
    writeFileSync(file, 'token')
    const args = ['pub', ...flags, '-t', '/a', '-m', 'x', '--device-token-file', file]
    const both = await call([...args, '--device-secret', 'secret'])
    expect(both).toMatchObject({ code: 64, stderr: expect.stringContaining('a secret and a token both prove') })
    const nameless = await call(args)
    expect(nameless.stderr).toContain(
      'the client id that came with the token is missing: give -i, or set MQTT_CLIENT_ID',
    )
    expect(nameless.code).toBe(64)
  })

  it('with a wrong secret is refused with 4', async () => {
    const server = await platform()
    const args = ['pub', ...server.address, ...flags, '-t', '/a', '-m', 'x']
    const { code, stderr } = await call(args, { env: { DEVICE_SECRET: 'wrong' } })
    expect(stderr).toContain('Return Code 4')
    expect(code).toBe(4)
  })

  it('does not send what the platform forbids: 64', async () => {
    const server = await platform()
    const { code, stderr } = await call(['pub', ...server.address, ...flags, '-t', '/a', '-m', 'x', '-q', '2'], { env })
    expect(stderr).toMatch(/^mqtt311: [^\n]*QoS/i)
    expect(code).toBe(64)
    expect(server.seen.connects).toEqual([])
  })

  it.each([
    [['-h', '::1', '-p', '1', '-W', '0.1']],
    [['--unix', '/nowhere/socket', '-W', '0.1']],
    [['-u', 'ann', '-p', '1', '-W', '0.1']],
  ])(
    'is told where %j names another server or user, so that the device of the environment is not used',
    async (args) => {
      const { stderr } = await call(['pub', ...args, '-t', '/a', '-m', 'x'], {
        env: { ...env, PRODUCT_KEY: 'a1cli', DEVICE_NAME: 'lamp' },
      })
      expect(stderr).toContain(
        'the device of PRODUCT_KEY and DEVICE_NAME is not used, because another server or user is',
      )
    },
  )
})

describe('mqtt311 register', () => {
  const product = { productKey: 'a1cli', productSecret: 'product-secret' }
  const names = ['--product-key', product.productKey, '--device-name', 'lamp']
  const products = [product]

  it('prints the secret of the device', async () => {
    const server = await platform({ devices: [device], products })
    const args = ['register', ...server.address, ...names, '--format', 'json']
    const { code, stdout, stderr } = await call(args, { env: { PRODUCT_SECRET: product.productSecret } })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({ productKey: 'a1cli', deviceName: 'lamp' })
  })

  it('-o writes it to a file of its own, which nobody else can read, and never over another', async () => {
    const server = await platform({ devices: [device], products })
    const file = temporaryFile('lamp.env')
    const args = ['register', ...server.address, ...names, '--format', 'env', '-o', file]
    const options = { env: { PRODUCT_SECRET: product.productSecret } }
    expect(await call(args, options)).toMatchObject({ code: 0, stdout: '', stderr: '' })
    expect(readFileSync(file, 'utf8')).toMatch(/^PRODUCT_KEY='a1cli'\nDEVICE_NAME='lamp'\nDEVICE_SECRET='.+'\n$/)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const second = await call(args, options)
    expect(second.stderr).toContain('is not written over')
    expect(second.code).toBe(74)
  })

  it('-o makes room for it before the platform is asked, which may tell it only once', async () => {
    const server = await platform({ devices: [device], products })
    const file = temporaryFile('lamp.env')
    const secret = temporaryFile('product')
    writeFileSync(secret, product.productSecret)
    // A file of more than 1,024 bytes is too large here. The answer has less.
    const { code, stderr } = await shell(
      `ulimit -f 1; mqtt311 register ${[...server.address, ...names].join(' ')} --product-secret-file ${secret} -o ${file}`,
    )
    expect(stderr).toBe('mqtt311: the file of -o cannot be written (EFBIG)\n')
    expect(code).toBe(74)
    expect(server.seen.connects).toEqual([])
    expect(existsSync(file)).toBe(false)
  })

  it('--token gives what pub and sub take, from the environment and as a file', async () => {
    const server = await platform({ products })
    const file = temporaryFile('new.env')
    const names = ['--product-key', product.productKey, '--device-name', 'new']
    const args = ['register', ...server.address, ...names, '--token', '--format', 'env', '-o', file]
    expect(await call(args, { env: { PRODUCT_SECRET: product.productSecret } })).toMatchObject({ code: 0, stderr: '' })
    const pub = `mqtt311 pub ${server.address.join(' ')} -t /a -m x -q 1`
    const outcome = await shell(`set -a; . ${file}; set +a
      ${pub} --product-key a1cli && printf %s "$DEVICE_TOKEN" > ${file} && token=$MQTT_CLIENT_ID && unset DEVICE_TOKEN MQTT_CLIENT_ID
      ${pub} --device-token-file ${file} -i "$token"`)
    expect(outcome).toEqual({ code: 0, signal: null, stdout: '', stderr: '' })
    expect(server.seen.publishesWith(1)).toBe(2)
  })

  it('says of an -o that cannot be made what is wrong with it', async () => {
    const args = ['register', '-h', '::1', '-p', '1', ...names, '-o', `${temporaryFile('none')}/lamp.env`]
    const { code, stderr } = await call(args, { env: { PRODUCT_SECRET: product.productSecret } })
    expect(stderr).toBe('mqtt311: the file of -o cannot be written: there is no such directory\n')
    expect(code).toBe(74)
  })

  it.each([
    ['has no secret', {}, 'has neither deviceSecret nor clientId and deviceToken'],
    ['is for another device', { deviceName: 'door', deviceSecret: 'hunter2' }, 'is for another device'],
    ['is no JSON', undefined, 'is no JSON object'],
  ])('says that an answer that %s is a fault of the platform: 76', async (_, answer, text) => {
    const { server: fake, address } = await startBroker({ tls: server })
    fake.answer('connect', (_packet, connection) => {
      connection.send({ type: 'connack', sessionPresent: false, returnCode: 0 })
      const payload = Buffer.from(JSON.stringify(answer) ?? 'hunter2')
      connection.send({ type: 'publish', topic: '/ext/register', payload, qos: 0, retain: false })
    })
    const file = temporaryFile('lamp.env')
    const args = ['register', ...address, '--cafile', cafile, ...names, '-o', file]
    const { code, stdout, stderr } = await call(args, { env: { PRODUCT_SECRET: product.productSecret } })
    expect(stderr).toMatch(
      /^mqtt311: the platform's (answer|message) on \/ext\/register [^\n]*; this is a fault of the platform\n$/,
    )
    expect(stderr).toContain(text)
    expect(stderr).not.toContain('hunter')
    expect({ code, stdout }).toEqual({ code: 76, stdout: '' })
    expect(existsSync(file)).toBe(false)
  })

  it('ends with SIGINT while it waits for the answer, and takes its empty file away: 130', async () => {
    const server = await platform({ devices: [device], products, broken: 'delivery' })
    const file = temporaryFile('lamp.env')
    const args = ['register', ...server.address, ...names, '-o', file]
    const command = start(args, { env: { PRODUCT_SECRET: product.productSecret } })
    await server.until((seen) => seen.online === 1)
    expect(existsSync(file)).toBe(true)
    command.process.kill('SIGINT')
    const { code, stderr } = await command.end()
    expect({ code, stderr }).toEqual({ code: 130, stderr: 'mqtt311: interrupted by SIGINT\n' })
    expect(existsSync(file)).toBe(false)
  })

  it('towards a plain port that hangs up says that it needs TLS: 78', async () => {
    const rude = await listen(createServer((socket) => socket.once('data', () => socket.resetAndDestroy())))
    const options = { env: { PRODUCT_SECRET: product.productSecret } }
    const { code, stderr } = await call(['register', ...rude.address, ...names], options)
    expect(stderr).toContain('; devices register over TLS: do -h and -p name a port for TLS?\n')
    expect(code).toBe(78)
  })

  it('with a wrong product secret is refused with 4', async () => {
    const server = await platform({ devices: [device], products })
    const file = temporaryFile('refused.env')
    const args = ['register', ...server.address, ...names, '-o', file]
    const { code } = await run(args, { env: { PRODUCT_SECRET: 'wrong' } })
    expect(code).toBe(4)
    // An empty file would stop the next try.
    expect(existsSync(file)).toBe(false)
  })
})
