/**
 * How time, turns of the event loop and memory grow with what a server sends or a program asks. Each measurement has a process of
 * its own, and the server is in another. The quick form asserts ratios of growth, and no time: a noisy machine does not change them
 * by much.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Effort, Row, Table } from '../part.js'
import { askedCases } from './asked-cases.js'
import type { Case } from './case.js'
import { incomingCases } from './incoming-cases.js'
import type { Job, Told } from './subject.js'

const limitMs = 60_000
/** In the quick form, where its times mean nothing, MQTT.js is given up sooner. */
const quickRivalLimitMs = 5_000
/** In the quick form, one entry may cost so many times more at the larger size than at the smaller one. */
const growthMax = 4
const rounds = { full: 5, quick: 3 } as const

const built = new URL('../../dist/bounds/', import.meta.url)
const cases = { ...incomingCases, ...askedCases }

/** What a size costs, in the best of some rounds; undefined if one of them did not come to an end. */
type Measured = Told | undefined
type Subject = Pick<Job, 'case' | 'holder' | 'port'>

/** One file for each process, so that its start does not take most of the time. */
async function bundle(): Promise<void> {
  await build({
    entryPoints: ['server', 'subject'].map((name) => fileURLToPath(new URL(`./${name}.ts`, import.meta.url))),
    outdir: fileURLToPath(built),
    ...{ bundle: true, packages: 'external', format: 'esm', platform: 'node', target: 'node20', logLevel: 'error' },
  })
}

async function startServer(): Promise<{ readonly process: ChildProcess; readonly port: number }> {
  const server = fork(new URL('server.js', built), { execArgv: [] })
  const [port]: number[] = await once(server, 'message')
  if (port === undefined) throw new Error('the server told no port')
  return { process: server, port }
}

/** What the process of one job tells; undefined if it takes too long. */
async function toldBy(job: Job, withinMs: number): Promise<readonly Told[] | undefined> {
  const subject = fork(new URL('subject.js', built), { execArgv: ['--expose-gc'] })
  const stuck = setTimeout(() => subject.kill('SIGKILL'), withinMs)
  const told = new Promise<readonly Told[] | undefined>((resolve, reject) => {
    subject.once('message', (message: Told[]) => resolve(message))
    subject.once('exit', (code, signal) => {
      if (signal === 'SIGKILL') return resolve(undefined)
      reject(new Error(`the process of ${job.case} ended with ${code ?? signal} before it told what it found`))
    })
  })
  subject.send(job)
  return told.finally(() => {
    clearTimeout(stuck)
    subject.kill()
  })
}

/** Noise makes time longer, never shorter. Memory is that of the first round, which finds no room that another one has left. */
function best([first, ...others]: readonly Told[]): Measured {
  if (first === undefined) return undefined
  const all = [first, ...others]
  const [cpuMs, worstTurnMs] = [
    Math.min(...all.map((told) => told.cpuMs)),
    Math.min(...all.map((told) => told.worstTurnMs)),
  ]
  return { ...first, cpuMs, worstTurnMs }
}

/** Each round of each size in a process of its own. After a size that takes too long no larger one is tried. */
async function measureApart(subject: Subject, sizes: readonly number[]): Promise<Measured[]> {
  const results: Measured[] = []
  for (const size of sizes) {
    const told: Told[] = []
    for (let round = 0; round < rounds.full; round += 1) {
      const one = await toldBy({ ...subject, sizes: [size], rounds: 1 }, limitMs)
      if (one === undefined) return sizes.map((_, index) => results[index])
      told.push(...one)
    }
    results.push(best(told))
  }
  return results
}

/** All rounds of all sizes in one process, to be done soon. */
async function measureTogether(
  subject: Subject,
  sizes: readonly number[],
  times: number,
  withinMs: number,
): Promise<Measured[]> {
  const told = (await toldBy({ ...subject, sizes, rounds: times }, withinMs)) ?? []
  return sizes.map((size) => best(told.filter((one) => one.size === size)))
}

const count = (number: number) => number.toLocaleString('en')
const memoryOf = ({ memory }: Case, told: Told) => Math.max(0, memory === 'peak' ? told.peakBytes : told.keptBytes)
const perEntry = ({ cpuMs, entries }: Told) => cpuMs / entries
/** How many times more an entry costs at the larger size. */
const growth = (smaller: Told, larger: Told) => perEntry(larger) / perEntry(smaller)

function rowsOf(one: Case, sizes: readonly number[], ours: readonly Measured[], theirs: readonly Measured[]): Row[] {
  const rows: Row[] = []
  const add = (work: string, unit: string, mine: number, rival: number | undefined, isCompared = false) =>
    rows.push({
      ...{ work, unit, ours: mine, limit: limitMs },
      ...(rival === undefined ? {} : { theirs: rival }),
      ...(isCompared && rival !== undefined && rival < limitMs ? { ratio: rival / mine } : {}),
    })
  for (const [index, size] of sizes.entries()) {
    const [mine, rival, tried] = [ours[index], theirs[index], one.prepare.theirs !== undefined && theirs.length > index]
    add(`${count(size)}: CPU time`, 'ms', mine?.cpuMs ?? limitMs, rival?.cpuMs ?? (tried ? limitMs : undefined), true)
    if (mine === undefined) continue
    add(`${count(size)}: worst turn`, 'ms', mine.worstTurnMs, rival?.worstTurnMs, true)
    const memory = one.memory === 'peak' ? 'memory at the peak' : 'memory kept'
    const megabytes = (told: Told) => memoryOf(one, told) / 1_000_000
    add(`${count(size)}: ${memory}`, 'MB', megabytes(mine), rival && megabytes(rival))
    const [smaller, theirSmaller] = [ours[index - 1], theirs[index - 1]]
    if (smaller === undefined) continue
    const work = `growth from ${count(smaller.size)} to ${count(size)}`
    add(work, 'times', growth(smaller, mine), theirSmaller && rival && growth(theirSmaller, rival))
  }
  return rows
}

/** What the quick form asserts of mqtt311. */
function failuresOf({ title, boundBytes, ...one }: Case, [smaller, larger]: readonly Measured[]): string[] {
  if (smaller === undefined || larger === undefined) return [`${title}: not finished after ${limitMs / 1000} s`]
  const microseconds = (told: Told) => `${(1_000 * perEntry(told)).toFixed(3)} us of ${count(told.size)}`
  const [grown, memory] = [growth(smaller, larger), memoryOf({ title, boundBytes, ...one }, larger)]
  return [
    ...(grown <= growthMax
      ? []
      : [
          `${title}: one costs ${grown.toFixed(1)} times more, at most ${growthMax} are allowed: ` +
            `${microseconds(smaller)}, ${microseconds(larger)}`,
        ]),
    ...(memory <= boundBytes
      ? []
      : [`${title}: ${count(memory)} bytes of memory for ${count(larger.size)}, the bound is ${count(boundBytes)}`]),
  ]
}

export async function* run(effort: Effort): AsyncGenerator<Table> {
  await bundle()
  const server = await startServer()
  try {
    for (const [name, one] of Object.entries(cases)) {
      const subject = { case: name, port: server.port }
      const sizes = one.sizes[effort]
      const hasRival = one.prepare.theirs !== undefined
      const [ours, theirs] =
        effort === 'full'
          ? [
              await measureApart({ ...subject, holder: 'ours' }, sizes),
              hasRival ? await measureApart({ ...subject, holder: 'theirs' }, sizes) : [],
            ]
          : [
              await measureTogether({ ...subject, holder: 'ours' }, sizes, rounds.quick, limitMs),
              hasRival
                ? await measureTogether({ ...subject, holder: 'theirs' }, sizes.slice(0, 1), 1, quickRivalLimitMs)
                : [],
            ]
      yield {
        id: `bounds-${name}`,
        title: one.title,
        how:
          `${one.how} The best of ${rounds[effort]} ${effort === 'full' ? 'processes' : 'rounds'}; ` +
          'the worst turn is the most processor time of the main thread between two moments at which a timer could fire; ' +
          'growth is how many times more one of them costs.',
        ...(hasRival ? { rival: 'MQTT.js' } : {}),
        rows: rowsOf(one, sizes, ours, theirs),
        failures: effort === 'quick' ? failuresOf(one, ours) : [],
      }
    }
  } finally {
    server.process.kill()
  }
}
