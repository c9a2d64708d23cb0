import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildCommand, run, shell, start } from '../cli/program.js'
import { Broker, roomy } from './broker.js'
import { MosquittoSub } from './mosquitto-programs.js'

buildCommand()

let broker: Broker
let locked: Broker
beforeAll(async () => {
  broker = await Broker.start({ settings: roomy })
  locked = await Broker.start({ users: { ann: 'secret' } })
})
afterAll(async () => {
  await broker?.close()
  await locked?.close()
})

const address = ({ host, port }: Broker) => ['-h', host, '-p', String(port)]
const cafile = fileURLToPath(new URL('../../fixtures/tls/ca.pem', import.meta.url))

describe('mqtt311 pub', () => {
  it.each([0, 1, 2] as const)('at QoS %i is heard by mosquitto_sub', async (qos) => {
    const subscriber = await MosquittoSub.start(broker, 'TCP', `pub/${qos}`, 2)
    const args = ['pub', ...address(broker), '-t', `pub/${qos}`, '-q', String(qos), '-l']
    expect(await run(args, { input: 'one\n\nthree\n' })).toEqual({ code: 0, signal: null, stdout: '', stderr: '' })
    const seen = await subscriber.take(3)
    expect(seen.map(({ payload }) => payload.toString())).toEqual(['one', '', 'three'])
    expect(new Set(seen.map((message) => message.qos))).toEqual(new Set([qos]))
  })

  it('over TLS is heard by mosquitto_sub', async () => {
    const subscriber = await MosquittoSub.start(broker, 'TLS', 'pub/tls', 1)
    const args = [
      'pub',
      '-h',
      broker.host,
      '-p',
      String(broker.tlsPort),
      '--cafile',
      cafile,
      '-t',
      'pub/tls',
      '-m',
      'on',
    ]
    expect(await run(args)).toMatchObject({ code: 0, stderr: '' })
    expect((await subscriber.take(1))[0]?.payload.toString()).toBe('on')
  })

  it.each([
    [['-u', 'ann', '-P', 'secret'], 0],
    [['-u', 'ann', '-P', 'wrong'], 5],
    [[], 5],
  ])('with %j ends with %i', async (login, code) => {
    expect((await run(['pub', ...address(locked), '-t', 'a', '-m', 'x', ...login])).code).toBe(code)
  })
})

describe('the same options', () => {
  const options = (topic: string) => `-h ${broker.host} -p ${broker.port} -V mqttv311 -i same -k 30 -q 1 -t ${topic}`

  it.each([
    ['mqtt311 pub', 'mosquitto_sub'],
    ['mosquitto_pub', 'mqtt311 sub'],
    ['mqtt311 pub', 'mqtt311 sub'],
  ])('do the same: %s retains, %s gets it, and it is cleared again', async (pub, sub) => {
    const topic = `same/${pub.split(' ')[0]}/${sub.split(' ')[0]}`
    const line = `
      ${pub} ${options(topic)} -r -m 'twenty degrees' &&
      ${sub} ${options(topic)} -C 1 -W 10 -v &&
      ${sub} ${options(topic)} -C 1 -W 10 -F '%t %q %r %l %x %X|%30t|%-30t|%.4t|%05l' &&
      ${pub} ${options(topic)} -r -n`
    const { code, stdout, stderr } = await shell(line)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const hex = Buffer.from('twenty degrees').toString('hex')
    expect(stdout).toBe(
      `${topic} twenty degrees\n` +
        `${topic} 1 1 14 ${hex} ${hex.toUpperCase()}|${topic.padStart(30)}|${topic.padEnd(30)}|same|00014\n`,
    )
  })

  it.each(['mosquitto_sub', 'mqtt311 sub'])('%s ends with 27 when -W has run out', async (sub) => {
    expect((await shell(`${sub} -h ${broker.host} -p ${broker.port} -t nothing -W 1`)).code).toBe(27)
  })

  it('mosquitto_pub and mosquitto_sub take turns with ours in one persistent session', async () => {
    const session = `-h ${broker.host} -p ${broker.port} -V mqttv311 -c -i session -q 1 -t turn`
    const line = `
      mqtt311 sub ${session} -E &&
      seq 4 | mosquitto_pub -h ${broker.host} -p ${broker.port} -q 1 -t turn -l &&
      mqtt311 sub ${session} -C 2 &&
      mosquitto_sub ${session} -C 2`
    expect(await shell(line)).toEqual({ code: 0, signal: null, stdout: '1\n2\n3\n4\n', stderr: '' })
  })
})

describe('mqtt311 sub', () => {
  it('prints ten thousand lines of mosquitto_pub, in their order, through a pipe', async () => {
    const command = start(['sub', ...address(broker), '-t', 'lines', '-q', '1', '-C', '10000', '-d'])
    await command.wrote('stderr', 'SUBACK')
    const published = await shell(`seq 10000 | mosquitto_pub -h ${broker.host} -p ${broker.port} -q 1 -t lines -l`)
    expect(published).toMatchObject({ code: 0, stderr: '' })
    const { code, stdout } = await command.end()
    expect(code).toBe(0)
    expect(stdout).toBe(Array.from({ length: 10_000 }, (_, index) => `${index + 1}\n`).join(''))
  })

  it('lives through a restart of the broker', async () => {
    const command = start(['sub', ...address(broker), '-t', 'restart', '-C', '1', '-v', '-d'])
    await command.wrote('stderr', 'SUBACK')
    await broker.restart()
    await command.wrote('stderr', 'connected again')
    const retained = ['pub', ...address(broker), '-t', 'restart', '-m', 'back', '-q', '1', '-r']
    expect(await run(retained)).toMatchObject({ code: 0 })
    expect((await command.end()).stdout).toBe('restart back\n')
    await run(['pub', ...address(broker), '-t', 'restart', '-r', '-n'])
  })
})
