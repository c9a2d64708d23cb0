/**
 * A server of any kind, started from its package for a test: its own ports, its own directory, and gone when it is closed.
 *
 *   stopped --start()--> running --stop(signal)--> stopped
 *
 * It is ready when a client has been admitted on both of its ports. It is ended by the process id of the child that was
 * started, so each kind starts a program that is the server itself, and no script that only waits for it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { type ClientOptions, MqttClient } from 'mqtt311'
import { ca } from '../../../fixtures/tls/index.js'
import type { Command, Place, ServerKind } from '../kinds/server-kind.js'
import { freePort, type LoopbackHost, loopbackHost } from './ports.js'

type Phase = { readonly is: 'stopped' } | { readonly is: 'running'; readonly process: ChildProcess }

const stopped: Phase = { is: 'stopped' }

/** What the longest start, that of RabbitMQ on a busy machine, stays well below. */
const startTimeoutMs = 240_000

export class ServerProcess implements AsyncDisposable {
  readonly kind: ServerKind
  readonly host: LoopbackHost
  readonly port: number
  readonly tlsPort: number
  readonly #directory: string
  #commands: readonly Command[] = []
  #phase: Phase = stopped
  /** What the server needs beside it, such as the name service of Erlang. */
  readonly #companions: ChildProcess[] = []
  #lastLines: string[] = []

  private constructor(kind: ServerKind, directory: string, place: Omit<Place, 'directory'>) {
    this.kind = kind
    this.host = place.host
    this.port = place.port
    this.tlsPort = place.tlsPort
    this.#directory = directory
  }

  static async start(kind: ServerKind): Promise<ServerProcess> {
    const host = loopbackHost()
    const directory = await mkdtemp(path.join(os.tmpdir(), `mqtt311-${kind.name}-`))
    // Some servers give up their rights, and work as a user of their own.
    await chmod(directory, 0o755)
    const [port, tlsPort] = [await freePort(host), await freePort(host)]
    const server = new ServerProcess(kind, directory, { host, port, tlsPort })
    try {
      server.#commands = await kind.prepare({ directory, host, port, tlsPort })
      await server.start()
    } catch (error) {
      await server.close()
      throw error
    }
    return server
  }

  /** Where a client connects. */
  address(via: 'TCP' | 'TLS' = 'TCP'): ClientOptions {
    const { host } = this
    const { login = {} } = this.kind
    return via === 'TCP' ? { ...login, host, port: this.port } : { ...login, host, port: this.tlsPort, tls: { ca } }
  }

  /** Resolves when both ports admit clients. */
  async start(): Promise<void> {
    if (this.#phase.is === 'running') return
    const [command, ...companions] = this.#commands
    if (command === undefined) throw new Error(`${this.kind.name} was not prepared`)
    if (this.#companions.length === 0) for (const each of companions) this.#companions.push(this.#spawn(each))
    const child = this.#spawn(command)
    this.#phase = { is: 'running', process: child }
    const giveUp = AbortSignal.timeout(startTimeoutMs)
    const ready = Promise.all([admitted(this.address('TCP'), giveUp), admitted(this.address('TLS'), giveUp)])
    await Promise.race([ready, this.#failure(child)]).catch((error: unknown) => {
      throw new Error(`${this.kind.name} does not start. Its last lines:\n${this.#lastLines.join('\n')}`, {
        cause: error,
      })
    })
  }

  #spawn({ program, args, env, cwd }: Command): ChildProcess {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      cwd: cwd ?? this.#directory,
    })
    running.add(child)
    child.once('exit', () => running.delete(child))
    // Its lines are read, or it would block.
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on('line', (line) => {
        this.#lastLines = [...this.#lastLines.slice(-19), line]
      })
    }
    return child
  }

  async #failure(child: ChildProcess): Promise<never> {
    // `once` rejects with the 'error' of a program that could not be started.
    const [code, signal] = await once(child, 'exit')
    throw new Error(`it ended with ${code ?? signal} before it was ready`)
  }

  /** Resolves when the process is gone. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.#phase.is === 'stopped') return
    const child = this.#phase.process
    this.#phase = stopped
    await ended(child, signal)
  }

  async restart(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.stop(signal)
    await this.start()
  }

  async close(): Promise<void> {
    await this.stop('SIGKILL')
    for (const companion of this.#companions.splice(0)) await ended(companion, 'SIGKILL')
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

async function ended(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  child.kill(signal)
  await once(child, 'exit')
}

/** Resolves when a client that tries again and again has been admitted. */
async function admitted(address: ClientOptions, signal: AbortSignal): Promise<void> {
  const reconnect = { minDelayMs: 50, maxDelayMs: 100, maxAttemptsPerMinute: 10_000, retryInitial: true }
  const { username, password, ...place } = address
  // RabbitMQ listens before it knows its users, and answers with Return Code 5 until then: retried only where credentials may change.
  const credentials = () => ({ clientId: 'is-ready', username, password })
  const client = new MqttClient({ ...place, credentials, connectTimeoutMs: 1_000, reconnect, signal })
  await client.connect()
  await client.end()
}

/** Servers that would outlive a test run that is torn down. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
