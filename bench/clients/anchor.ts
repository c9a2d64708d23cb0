/** libmosquitto, in C, at the same work: what the clients in JavaScript can hope to come near. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { QoS } from '../measure/subjects.js'
import type { Throughput } from './throughput.js'

const run = promisify(execFile)

export const howToGetTheAnchor =
  'For libmosquitto (C) beside these: `apt-get install gcc libmosquitto-dev` as root (Debian, Ubuntu), and run it again.'

export interface AnchorWork {
  readonly does: 'publish' | 'receive'
  readonly topic: string
  readonly qos: QoS
  readonly messages: number
  readonly width: number
}

/** The compiled program. */
export class Anchor implements AsyncDisposable {
  readonly #directory: string

  private constructor(directory: string) {
    this.#directory = directory
  }

  /** Undefined where there is no compiler or no libmosquitto to compile against. */
  static async compile(): Promise<Anchor | undefined> {
    const anchor = new Anchor(await mkdtemp(join(tmpdir(), 'mqtt311-anchor-')))
    const source = fileURLToPath(new URL('./libmosquitto.c', import.meta.url))
    try {
      await run('cc', ['-O2', '-o', anchor.#program, source, '-lmosquitto'])
      return anchor
    } catch {
      await anchor[Symbol.asyncDispose]()
      return undefined
    }
  }

  get #program(): string {
    return join(this.#directory, 'libmosquitto')
  }

  /** `begin` is called when the program is connected and, if it receives, has subscribed. */
  async measure(port: number, work: AnchorWork, begin: () => void = () => {}): Promise<Throughput> {
    const { does, topic, qos, messages, width } = work
    const program = spawn(this.#program, [does, '::1', ...[port, topic, qos, messages, width].map(String)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(program, 'exit')
    let told: string | undefined
    for await (const line of createInterface({ input: program.stdout })) {
      if (line === 'ready') begin()
      else told = line
    }
    const [code] = await ended
    const [cpu, wall] = told?.split(' ').map(Number) ?? []
    if (cpu === undefined || wall === undefined) throw new Error(`libmosquitto ended with ${code}`)
    return { perSecond: (1e6 * messages) / wall, cpuMicroseconds: cpu / messages }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true })
  }
}
