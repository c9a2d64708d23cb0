/**
 * What a program pays before its first message: loading the package, and the first connection. Each number comes from processes
 * of their own, run as users run them: plain Node, and the built package.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { ca as authority } from '../../fixtures/tls/index.js'
import { startSink } from '../clients/against-sink.js'
import { median } from '../measure/machine.js'
import { roundsOf } from '../measure/rounds.js'
import type { Server } from '../measure/subjects.js'
import type { Effort, Row, Table } from '../part.js'

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

/** Says what it has taken up to here. Node loads nothing more for this. */
const report = `
  const ms = performance.now()
  const rss = process.memoryUsage.rss()
  globalThis.gc?.()
  const { heapUsed } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  const cost = { ms, cpuMs: (user + system) / 1e3, residentMB: rss / 1e6, heapMB: heapUsed / 1e6 }
  process.getBuiltinModule('node:fs').writeSync(1, JSON.stringify(cost))
  process.exit()
`

const root = fileURLToPath(new URL('../../', import.meta.url))
const built = (file: string) => JSON.stringify(join(root, 'dist', file))
const rival = JSON.stringify(join(root, 'node_modules/mqtt/build/index.js'))

/** A program, and what each of its runs has taken. */
class Program {
  readonly name: string
  readonly source: string
  readonly flags: readonly string[]
  readonly costs: Cost[] = []

  /** The extension of the name says whether it is CommonJS or an ES module. */
  constructor(name: `${string}.${'cjs' | 'mjs'}`, source: string, flags: readonly string[] = []) {
    this.name = name
    this.source = `${source}\n${report}`
    this.flags = flags
  }

  async run(directory: string): Promise<void> {
    const path = join(directory, this.name)
    await writeFile(path, this.source)
    const program = spawn(process.execPath, [...this.flags, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(program, 'exit')
    const told = await text(program.stdout)
    const [code] = await ended
    if (code !== 0) throw new Error(`${this.name} ended with ${code}`)
    this.costs.push(JSON.parse(told))
  }

  median(measured: Measured): number {
    return median(this.costs.map(measured))
  }
}

type Measured = (cost: Cost) => number

const time: Measured = ({ ms }) => ms
const cpuTime: Measured = ({ cpuMs }) => cpuMs
const resident: Measured = ({ residentMB }) => residentMB
const heap: Measured = ({ heapMB }) => heapMB

/** All programs once, then all once more: each meets the same machine in the same mood. */
async function inTurns(runs: number, programs: readonly Program[]): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'mqtt311-start-up-'))
  try {
    for (let run = 0; run < runs; run += 1) for (const program of programs) await program.run(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

interface Subjects {
  readonly base: Program
  readonly ours: Program
  readonly theirs: Program
}

/** Medians above the base, and their ratio. */
function row(work: string, unit: string, { base, ours, theirs }: Subjects, measured: Measured): Row {
  const anchor = base.median(measured)
  const [mine, others] = [ours.median(measured) - anchor, theirs.median(measured) - anchor]
  return { work, unit, ours: mine, theirs: others, ratio: others / mine, anchor }
}

async function loading(runs: number): Promise<Table> {
  const nothing = new Program('nothing.cjs', '')
  const emptyModule = new Program('nothing.mjs', '')
  const required = {
    base: nothing,
    ours: new Program('ours.cjs', `require(${built('cjs/index.js')})`),
    theirs: new Program('theirs.cjs', `require(${rival})`),
  }
  const imported = {
    base: nothing,
    ours: new Program('ours.mjs', `import ${built('index.js')}`),
    theirs: new Program('theirs.mjs', `import ${rival}`),
  }
  await inTurns(runs, [nothing, emptyModule, required.ours, required.theirs, imported.ours, imported.theirs])
  const loader = (measured: Measured) => (emptyModule.median(measured) - nothing.median(measured)).toFixed(1)
  return {
    id: 'start-up-load',
    title: 'Loading the package',
    how: `Above a program that does nothing (the last column); medians of ${runs} processes each, in turns.`,
    rival: 'MQTT.js',
    anchor: 'nothing',
    rows: [
      row('require: time', 'ms', required, time),
      row('require: CPU time', 'ms', required, cpuTime),
      row('require: resident memory', 'MB', required, resident),
      row('import: time', 'ms', imported, time),
      row('import: CPU time', 'ms', imported, cpuTime),
      row('import: resident memory', 'MB', imported, resident),
    ],
    notes: [
      `Of what an import takes, an empty ES module takes ${loader(time)} ms, ${loader(cpuTime)} ms of CPU time and ` +
        `${loader(resident)} MB: that is the loader of Node.`,
    ],
  }
}

/** Programs that connect once, and stay connected until they end. */
function connecting(link: 'TCP' | 'TLS', { port, ca }: Server): Subjects {
  const certificates = ca === undefined ? '' : `, ca: ${JSON.stringify(ca)}`
  const [node, ready, protocol] = ca === undefined ? ['net', 'connect', 'mqtt'] : ['tls', 'secureConnect', 'mqtts']
  const bare = `
    import { connect } from 'node:${node}'
    const buffer = Buffer.allocUnsafeSlow(65_536)
    const connectPacket = Buffer.from('101000044d5154540402003c000461626364', 'hex')
    await new Promise((resolve, reject) => {
      const callback = () => (resolve(), true)
      const socket = connect({ host: '::1', port: ${port}, onread: { buffer, callback }${certificates} })
      socket.on('error', reject).once('${ready}', () => socket.write(connectPacket))
    })`
  const ours = `
    import { connect } from ${built('index.js')}
    const client = await connect({ host: '::1', port: ${port}${ca === undefined ? '' : `, tls: { ca: ${JSON.stringify(ca)} }`} })`
  const theirs = `
    import mqtt from ${rival}
    const options = { host: '::1', port: ${port}, protocol: '${protocol}', protocolVersion: 4${certificates} }
    const client = await mqtt.connectAsync(options)`
  const program = (name: string, source: string) => new Program(`${name}-${link}.mjs`, source, ['--expose-gc'])
  return { base: program('socket', bare), ours: program('ours', ours), theirs: program('theirs', theirs) }
}

async function firstClient(runs: number, link: 'TCP' | 'TLS', server: Server): Promise<Row[]> {
  const subjects = connecting(link, server)
  await inTurns(runs, [subjects.base, subjects.ours, subjects.theirs])
  return [
    row(`${link}: time`, 'ms', subjects, time),
    row(`${link}: CPU time`, 'ms', subjects, cpuTime),
    row(`${link}: resident memory`, 'MB', subjects, resident),
    row(`${link}: heap`, 'MB', subjects, heap),
  ]
}

async function firstClients(runs: number): Promise<Table> {
  const { process: sink, ports } = await startSink()
  const rows = [
    ...(await firstClient(runs, 'TCP', { port: ports.tcp })),
    ...(await firstClient(runs, 'TLS', { port: ports.tls, ca: authority })),
  ]
  sink.kill()
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
  yield await loading(roundsOf(effort, 41))
  yield await firstClients(roundsOf(effort, 21))
}
