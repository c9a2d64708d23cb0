/**
 * What a program pays before its first message: loading the package, and the first connection. Each number comes from a process of
 * its own, run as users run it: plain Node, and the built package.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { startSink } from './against-sink.js'
import { median } from './machine.js'
import { packageTable } from './package-size.js'
import type { Effort, Row, Table } from './part.js'
import { roundsOf } from './rounds.js'
import type { Server } from './subjects.js'

/** What one process has taken. */
interface Cost {
  /** From the start of the process to the end of what it was asked. */
  readonly ms: number
  /** CPU time, of all threads: other programs do not count. */
  readonly cpuMs: number
  readonly residentMB: number
  /** After garbage collection, where it was asked for. */
  readonly heapMB: number
}

/** Node loads nothing more for this. */
const report = `
  globalThis.gc?.()
  const { heapUsed } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  const cost = { ms, cpuMs: (user + system) / 1e3, residentMB: rss / 1e6, heapMB: heapUsed / 1e6 }
  process.getBuiltinModule('node:fs').writeSync(1, JSON.stringify(cost))
  process.exit()
`
const mark = 'const ms = performance.now(); const rss = process.memoryUsage.rss()'

const packages = fileURLToPath(new URL('../', import.meta.url))
const built = (file: string) => JSON.stringify(join(packages, 'dist', file))
const rival = JSON.stringify(join(packages, 'node_modules/mqtt/build/index.js'))

/** What is loaded, by the extension that says how. */
const programs = {
  nothing: { cjs: `${mark};${report}`, mjs: `${mark};${report}` },
  ours: {
    cjs: `require(${built('index.cjs')}); ${mark};${report}`,
    mjs: `import ${built('index.js')}; ${mark};${report}`,
  },
  theirs: {
    cjs: `require(${rival}); ${mark};${report}`,
    mjs: `import ${rival}; ${mark};${report}`,
  },
}

/** Connects once, and stays connected until the process ends. */
function connecting({ port, ca }: Server) {
  const secure = ca !== undefined
  const certificates = secure ? `, ca: ${JSON.stringify(ca)}` : ''
  const connected = `${mark};${report}`
  return {
    nothing: `
      import { connect } from 'node:${secure ? 'tls' : 'net'}'
      const buffer = Buffer.allocUnsafeSlow(65_536)
      const packet = Buffer.from('101000044d5154540402003c000461626364', 'hex')
      await new Promise((resolve, reject) => {
        const callback = () => (resolve(), true)
        const socket = connect({ host: '::1', port: ${port}, onread: { buffer, callback }${certificates} })
        socket.on('error', reject).once('${secure ? 'secureConnect' : 'connect'}', () => socket.write(packet))
      })
      ${connected}`,
    ours: `
      import { connect } from ${built('index.js')}
      const client = await connect({ host: '::1', port: ${port}${secure ? `, tls: { ca: ${JSON.stringify(ca)} }` : ''} })
      ${connected}`,
    theirs: `
      import mqtt from ${rival}
      const protocol = '${secure ? 'mqtts' : 'mqtt'}'
      const client = await mqtt.connectAsync({ host: '::1', port: ${port}, protocol, protocolVersion: 4${certificates} })
      ${connected}`,
  }
}

type Subject = keyof typeof programs
type Costs = Readonly<Record<Subject, readonly Cost[]>>

/** The programs as files in a directory, run in turns. */
class Programs implements AsyncDisposable {
  readonly #directory: string

  private constructor(directory: string) {
    this.#directory = directory
  }

  static async make(): Promise<Programs> {
    return new Programs(await mkdtemp(join(tmpdir(), 'mqtt311-start-up-')))
  }

  /** Whoever runs first in a round would find the caches of the processor cold: so nothing does. */
  async costs(
    name: string,
    sources: Readonly<Record<Subject, string>>,
    runs: number,
    flags: string[] = [],
  ): Promise<Costs> {
    const subjects = ['nothing', 'ours', 'theirs'] as const
    for (const subject of subjects) await writeFile(this.#path(subject, name), sources[subject])
    const costs = { nothing: [] as Cost[], ours: [] as Cost[], theirs: [] as Cost[] }
    for (let run = 0; run < runs; run += 1) {
      for (const subject of subjects) costs[subject].push(await this.#run(this.#path(subject, name), flags))
    }
    return costs
  }

  #path(subject: Subject, name: string): string {
    return join(this.#directory, `${subject}-${name}`)
  }

  async #run(path: string, flags: readonly string[]): Promise<Cost> {
    const program = spawn(process.execPath, [...flags, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(program, 'exit')
    const told = await text(program.stdout)
    const [code] = await ended
    if (code !== 0) throw new Error(`${path} ended with ${code}`)
    return JSON.parse(told)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true })
  }
}

/** Medians, above those of a program that does without. The ratio is of what is above. */
function row(work: string, unit: string, { nothing, ours, theirs }: Costs, measured: (cost: Cost) => number): Row {
  const anchor = median(nothing.map(measured))
  const [mine, others] = [ours, theirs].map((costs) => median(costs.map(measured)) - anchor)
  if (mine === undefined || others === undefined) throw new Error('there are two clients')
  return { work, unit, ours: mine, theirs: others, ratio: others / mine, anchor }
}

const cpu = ({ cpuMs }: Cost) => cpuMs
const wall = ({ ms }: Cost) => ms
const resident = ({ residentMB }: Cost) => residentMB
const heap = ({ heapMB }: Cost) => heapMB

async function loading(sources: Programs, runs: number): Promise<Table> {
  const required = await sources.costs('load.cjs', pick('cjs'), runs)
  const imported = await sources.costs('load.mjs', pick('mjs'), runs)
  // A program in CommonJS that does nothing is `node -e 0`: the loader of ES modules is a cost of importing.
  const [fromImport, fromRequire] = [{ ...imported, nothing: required.nothing }, required]
  const [module, script] = [imported.nothing, required.nothing]
  const loader = (measured: (cost: Cost) => number) => median(module.map(measured)) - median(script.map(measured))
  return {
    id: 'start-up-load',
    title: 'Loading the package',
    how: `Above a program that does nothing (the last column); medians of ${runs} processes each, in turns.`,
    rival: 'MQTT.js',
    anchor: 'nothing',
    rows: [
      row('require: time', 'ms', fromRequire, wall),
      row('require: CPU time', 'ms', fromRequire, cpu),
      row('require: resident memory', 'MB', fromRequire, resident),
      row('import: time', 'ms', fromImport, wall),
      row('import: CPU time', 'ms', fromImport, cpu),
      row('import: resident memory', 'MB', fromImport, resident),
    ],
    notes: [
      `Of what import takes, an ES module that is empty takes ${loader(wall).toFixed(1)} ms, ${loader(cpu).toFixed(1)} ms of CPU time and ` +
        `${loader(resident).toFixed(1)} MB: that is the loader of Node.`,
    ],
  }
}

function pick(format: 'cjs' | 'mjs'): Record<Subject, string> {
  return { nothing: programs.nothing[format], ours: programs.ours[format], theirs: programs.theirs[format] }
}

async function firstClient(
  sources: Programs,
  links: Readonly<Record<'TCP' | 'TLS', Server>>,
  runs: number,
): Promise<Table> {
  const rows: Row[] = []
  for (const link of ['TCP', 'TLS'] as const) {
    const costs = await sources.costs(`${link}.mjs`, connecting(links[link]), runs, ['--expose-gc'])
    rows.push(
      row(`${link}: time`, 'ms', costs, wall),
      row(`${link}: CPU time`, 'ms', costs, cpu),
      row(`${link}: resident memory`, 'MB', costs, resident),
      row(`${link}: heap`, 'MB', costs, heap),
    )
  }
  return {
    id: 'start-up-first-client',
    title: 'The first client of a program',
    how:
      'From the start of the process to CONNACK, above a program that does the same with a bare socket (the last column); the package is ' +
      `imported, and the server is on [::1]; medians of ${runs} processes each, in turns.`,
    rival: 'MQTT.js',
    anchor: 'bare socket',
    rows,
  }
}

export async function* run(effort: Effort): AsyncGenerator<Table> {
  const { ca } = await import('../fixtures/tls/index.js')
  await using sources = await Programs.make()
  yield await loading(sources, roundsOf(effort, 41))
  const { process: sink, ports } = await startSink()
  yield await firstClient(sources, { TCP: { port: ports.tcp }, TLS: { port: ports.tls, ca } }, roundsOf(effort, 21))
  sink.kill()
  yield await packageTable()
}
