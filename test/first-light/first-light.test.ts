import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { builtProgram } from '../built-program.js'

const source = new URL('../../fixtures/first-light/main.ts', import.meta.url)
const root = fileURLToPath(new URL('../..', import.meta.url))

interface Run {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** The program of `npm start`, on the sources. */
async function run(...args: string[]): Promise<Run> {
  const program = await builtProgram(source)
  const env = { ...process.env, NO_COLOR: '1', PRODUCT_KEY: '', DEVICE_NAME: '', DEVICE_SECRET: '' }
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, ...args], { cwd: root, env }, (_, stdout, stderr) => {
      resolve({ exitCode: child.exitCode ?? -1, stdout, stderr })
    })
  })
}

describe('the program of npm start', () => {
  let plain: Run
  beforeAll(async () => {
    plain = await run()
  })

  it('shows every packet, the TLS version and the address, and says that all of it worked', () => {
    const { exitCode, stdout } = plain
    expect(exitCode).toBe(0)
    for (const title of [
      'CONNECT ',
      'CONNACK ',
      'SUBSCRIBE ',
      'SUBACK ',
      'PUBLISH  QoS 0',
      'PUBLISH  QoS 1',
      'PUBACK ',
    ]) {
      expect(stdout).toContain(`┌─ ${title}`)
    }
    expect(stdout).toMatch(/┌─ PINGREQ .*[\s\S]*┌─ PINGRESP .*[\s\S]*┌─ DISCONNECT /)
    expect(stdout).toMatch(/TLS +TLSv1\.[23]/)
    expect(stdout).toMatch(/address +\[(::1|127\.0\.0\.1)\]:\d+/)
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('All of it worked.')
  })

  it('shows of the password its method and its length, and nothing else', () => {
    const { stdout } = plain
    expect(stdout).toMatch(/Password {11}64 upper-case hex digits/)
    expect(stdout).not.toMatch(/[0-9A-F]{64}/)
  })

  it.concurrent.each([
    ['signature', 'CONNECT, signed just now: the server refused the connection with Return Code 4'],
    ['connack', 'CONNECT, signed just now: no CONNACK within'],
    ['suback', 'SUBSCRIBE: '],
    ['puback', 'PUBLISH at QoS 1, to its PUBACK: '],
    ['pingresp', 'PINGREQ, to its PINGRESP: no PINGRESP came'],
    ['delivery', 'a command from the platform, at QoS 1: the command did not arrive'],
  ])('ends with exit code 1 and says what failed when the emulator is broken: %s', async (breakage, message) => {
    const { exitCode, stdout, stderr } = await run('--broken', breakage)
    expect(exitCode).toBe(1)
    expect(stderr).toContain(`It did not work: ${message}`)
    expect(stdout).not.toContain('All of it worked.')
  })
})
