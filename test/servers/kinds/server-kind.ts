/** What the tests have to know of a kind of server to start it. What it does otherwise than others is in its `answers`. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { QoS } from 'mqtt311/codec'
import type { LoopbackHost } from '../process/ports.js'
import type { Answers } from '../questions/question.js'

export interface Place {
  readonly directory: string
  readonly host: LoopbackHost
  readonly port: number
  readonly tlsPort: number
}

export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly cwd?: string | undefined
}

export interface Login {
  readonly username: string
  readonly password: string
}

export interface ServerKind {
  /** The name of its test, and of its profile in `mqtt311/servers`. */
  readonly name: 'mosquitto' | 'rabbitmq' | 'activemq' | 'nats' | 'ejabberd' | 'aedes'
  /** What the project's documentation calls it. */
  readonly title: string
  /** The version that the answers are true of. */
  readonly version: string
  /** How a person gets it. */
  readonly install: string
  /** The version that is installed; rejects if there is none. */
  installed(): Promise<string>
  /** Writes what the server reads. The first command is the server, the others are what it needs beside it. */
  prepare(place: Place): Promise<readonly Command[]>
  /** The login of ordinary clients, for a server that asks everybody for one. */
  readonly login?: Login | undefined
  /** The QoS at which a client may publish. */
  readonly publishes: readonly QoS[]
  /**
   * What it does with messages when the connections of its clients are cut. `loses`: it forgets some that it has acknowledged, and
   * gives others a Packet Identifier that another still has.
   */
  readonly overCuts: 'keeps' | 'loses'
  /** What outlives `kill -9`: what the server has acknowledged, or nothing that it has not written yet by chance. */
  readonly afterKill: 'kept' | 'lost'
  /** What it answers otherwise than the standard lets one expect, and otherwise than most do. */
  readonly answers: Partial<Answers>
}

/** Who may connect: anybody without a name, both users with these passwords, the second one to `ok/#` only. */
export const users = { u1: 'pw1', u2: 'pw2' } as const

const run = promisify(execFile)

/** The PATH with the folders where Debian keeps servers, to which the PATH of ordinary users does not lead. */
export const searchPath = `${process.env.PATH ?? ''}:/usr/sbin:/usr/local/sbin`

/** What a program prints. */
export async function outputOf(program: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(program, args, { env: { ...process.env, PATH: searchPath } })
  return stdout.trim()
}

/** The version of a package of Debian, without the revision that Debian adds; rejects if it is not installed. */
export async function debianVersion(name: string): Promise<string> {
  const said = await outputOf('dpkg', '--status', name)
  const [, version] = /^Version: (?:\d+:)?([\d.]+)/m.exec(said) ?? []
  if (version === undefined || !said.includes('Status: install ok installed')) {
    throw new Error(`the package ${name} is not installed`)
  }
  return version
}

const tlsDirectory = new URL('../../../fixtures/tls/', import.meta.url)

/** A file of fixtures/tls. */
export function tlsFile(name: 'ca' | 'server' | 'server-key'): string {
  return fileURLToPath(new URL(`${name}.pem`, tlsDirectory))
}
