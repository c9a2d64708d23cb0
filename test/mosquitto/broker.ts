/**
 * A mosquitto broker of our own: its own ports, its own configuration, its own directory, and gone when it is closed.
 *
 *   stopped --start()--> running --stop(signal)--> stopped
 *
 * The ports stay the same across restarts, as those of a real broker do.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort, type LoopbackHost, loopbackHost } from '../servers/process/ports.js'

export interface BrokerOptions {
  /** Whether sessions and messages outlive a restart; mosquitto writes them to its directory when it is told to stop. */
  readonly persistence?: boolean | undefined
  /** Further lines of mosquitto.conf, such as `max_inflight_messages 20`. */
  readonly settings?: readonly string[] | undefined
  /** Passwords by user name. Without it, everybody may connect. */
  readonly users?: Readonly<Record<string, string>> | undefined
  /** The certificate of the TLS listener: a name of fixtures/tls. Default `server`. */
  readonly certificate?: 'server' | 'expired' | 'other-name' | 'unknown-issuer' | undefined
  /** 'on': Nagle's algorithm, as mosquitto has it unless told otherwise. Default 'off'. */
  readonly nagle?: 'on' | 'off' | undefined
  /** Whether the TLS listener lets in only clients with a certificate of the test CA. */
  readonly requireCertificate?: boolean | undefined
}

const howToGetMosquitto =
  'mosquitto is missing: run `apt-get install mosquitto mosquitto-clients` as root (Debian, Ubuntu), or put mosquitto, mosquitto_pub, mosquitto_sub and mosquitto_passwd on the PATH'

/**
 * Limits that no test reaches. mosquitto 2.0.11 has two faults beyond them: of the messages at QoS 2 that a client has under way
 * beyond `max_inflight_messages` (20 unless set), it acknowledges all and delivers none; and with `max_queued_messages 0`,
 * which means without limit, it breaks the connection off instead (its issue 3088).
 */
export const roomy = ['max_queued_messages 1000000', 'max_inflight_messages 1000'] as const

const run = promisify(execFile)
const tlsDirectory = fileURLToPath(new URL('../../fixtures/tls/', import.meta.url))

const { PATH = '' } = process.env
/** Debian keeps the broker where the PATH of ordinary users does not lead. */
export const environment = { ...process.env, PATH: `${PATH}:/usr/sbin:/usr/local/sbin` }

/** What a failure to start a program of mosquitto means for a person. */
export function explainMissing(error: unknown): Error {
  const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
  if (missing) return new Error(howToGetMosquitto, { cause: error })
  return error instanceof Error ? error : new Error(String(error))
}

type Phase = { readonly is: 'stopped' } | { readonly is: 'running'; readonly process: ChildProcess }

const stopped: Phase = { is: 'stopped' }

export class Broker implements AsyncDisposable {
  /** `::1`, or `127.0.0.1` on a machine without IPv6. */
  readonly host: LoopbackHost
  readonly port: number
  readonly tlsPort: number
  readonly #directory: string
  #phase: Phase = stopped
  #lastLines: string[] = []

  private constructor(host: LoopbackHost, ports: readonly [number, number], directory: string) {
    this.host = host
    this.port = ports[0]
    this.tlsPort = ports[1]
    this.#directory = directory
  }

  static async start(options: BrokerOptions = {}): Promise<Broker> {
    const host = loopbackHost()
    const directory = await mkdtemp(path.join(os.tmpdir(), 'mqtt311-mosquitto-'))
    const broker = new Broker(host, [await freePort(host), await freePort(host)], directory)
    try {
      await broker.#configure(options)
      await broker.start()
    } catch (error) {
      await broker.close()
      throw explainMissing(error)
    }
    return broker
  }

  get url(): string {
    return `mqtt://${this.#authority}:${this.port}`
  }

  get tlsUrl(): string {
    return `mqtts://${this.#authority}:${this.tlsPort}`
  }

  get #authority(): string {
    return this.host === '::1' ? '[::1]' : this.host
  }

  /** Resolves when the broker accepts connections. */
  async start(): Promise<void> {
    if (this.#phase.is === 'running') return
    const child = spawn('mosquitto', ['-c', path.join(this.#directory, 'mosquitto.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: environment,
    })
    this.#phase = { is: 'running', process: child }
    running.add(child)
    child.once('exit', () => running.delete(child))
    await Promise.race([this.#ready(child), failure(child, () => this.#lastLines)])
  }

  /** The broker says that it runs once all its listeners are open. Its later lines are read too, or it would block. */
  #ready(child: ChildProcess): Promise<void> {
    this.#lastLines = []
    return new Promise((resolve) => {
      if (child.stderr === null) return
      createInterface({ input: child.stderr }).on('line', (line) => {
        this.#lastLines = [...this.#lastLines.slice(-9), line]
        if (/mosquitto version \S+ running/.test(line)) resolve()
      })
    })
  }

  /** Resolves when the process is gone. SIGTERM lets it write its sessions to disk; SIGKILL takes back what it had not written. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.#phase.is === 'stopped') return
    const child = this.#phase.process
    this.#phase = stopped
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
    child.kill(signal)
    await once(child, 'exit')
  }

  async restart(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.stop(signal)
    await this.start()
  }

  /** The broker stands still, and its kernel goes on acknowledging bytes: a peer that is there and is dead. */
  freeze(): void {
    if (this.#phase.is === 'running') this.#phase.process.kill('SIGSTOP')
  }

  thaw(): void {
    if (this.#phase.is === 'running') this.#phase.process.kill('SIGCONT')
  }

  async close(): Promise<void> {
    await this.stop('SIGKILL')
    await rm(this.#directory, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #configure(options: BrokerOptions): Promise<void> {
    const { persistence = false, settings = [], users } = options
    const { certificate = 'server', nagle = 'off', requireCertificate = false } = options
    const file = (name: string) => path.join(this.#directory, name)
    const lines = [
      // Started by root it would become another user, to whom the directory does not belong.
      `user ${os.userInfo().username}`,
      'log_dest stderr',
      'log_type error',
      'log_type warning',
      'log_type information',
      'connection_messages false',
      `set_tcp_nodelay ${nagle === 'off'}`,
      `allow_anonymous ${users === undefined}`,
      ...(users === undefined ? [] : [`password_file ${file('passwords')}`]),
      ...(persistence ? ['persistence true', `persistence_location ${this.#directory}/`] : []),
      ...settings,
      `listener ${this.port} ${this.host}`,
      `listener ${this.tlsPort} ${this.host}`,
      `cafile ${path.join(tlsDirectory, 'ca.pem')}`,
      `certfile ${path.join(tlsDirectory, `${certificate}.pem`)}`,
      `keyfile ${path.join(tlsDirectory, `${certificate}-key.pem`)}`,
      `require_certificate ${requireCertificate}`,
    ]
    await writeFile(file('mosquitto.conf'), `${lines.join('\n')}\n`)
    if (users !== undefined) await writePasswords(file('passwords'), users)
  }
}

/** Brokers that would outlive a test run that is torn down. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

async function writePasswords(file: string, users: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(users).map(([name, password]) => `${name}:${password}`)
  await writeFile(file, `${lines.join('\n')}\n`)
  await run('mosquitto_passwd', ['-U', file], { env: environment })
  await chmod(file, 0o600)
}

async function failure(child: ChildProcess, lastLines: () => readonly string[]): Promise<never> {
  // `once` rejects with the 'error' of a program that could not be started.
  const [code, signal] = await once(child, 'exit')
  const said = lastLines().join('\n')
  throw new Error(`mosquitto ended with ${code ?? signal} before it was ready:\n${said}`)
}
