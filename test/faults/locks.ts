/**
 * `npm run locks`: stores that open one directory at the same moment, from processes, from containers and from workers of a
 * cluster. Each of them holds the lock until all have an answer, so two winners of a round are two that have it at once. It
 * ends with 1 if there ever were two, or a round without a winner.
 */
import { type ChildProcess, fork } from 'node:child_process'
import cluster from 'node:cluster'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { table } from './table.js'

const directory = mkdtempSync(join(tmpdir(), 'mqtt311-locks-'))
process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const program = join(directory, 'lock-contender.mjs')
await build({
  entryPoints: [fileURLToPath(new URL('lock-contender.ts', import.meta.url))],
  outfile: program,
  bundle: true,
  format: 'esm',
  platform: 'node',
  logLevel: 'silent',
})

const namespace = ['--pid', '--fork', '--mount-proc', process.execPath]
const inOwnProcess = (): ChildProcess => fork(program)
const inOwnContainer = (): ChildProcess => fork(program, { execPath: 'unshare', execArgv: namespace })
const inCluster = (): ChildProcess => {
  cluster.setupPrimary({ exec: program })
  return cluster.fork().process
}

async function answer(contender: ChildProcess): Promise<string> {
  const ended = new AbortController()
  try {
    const message = once(contender, 'message', { signal: ended.signal })
    const exit = once(contender, 'exit', { signal: ended.signal }).then(() => ['ended without an answer'])
    return String((await Promise.race([message, exit.catch(() => ['stopped'])]))[0])
  } finally {
    ended.abort()
  }
}

function ask(contenders: readonly ChildProcess[], order: string): Promise<string[]> {
  return Promise.all(
    contenders.map((contender) => {
      const answered = answer(contender)
      contender.send(order)
      return answered
    }),
  )
}

const rows: string[][] = []
let isFaulty = false

async function contend(name: string, start: () => ChildProcess, count: number, rounds: number): Promise<void> {
  const contenders = Array.from({ length: count }, start)
  const score = { won: 0, two: 0, none: 0, errors: 0 }
  try {
    await Promise.all(contenders.map(answer))
    const place = join(directory, name.replaceAll(' ', '-'))
    for (let round = 0; round < rounds; round++) {
      const answers = await ask(contenders, `open\n${Date.now() + 10}\n${place}`)
      const winners = answers.filter((given) => given === 'won').length
      const others = answers.filter((given) => given !== 'won' && given !== 'refused')
      for (const other of others) console.error(`${name}, round ${round}: ${other}`)
      score.won += winners
      score.two += winners > 1 ? 1 : 0
      score.none += winners === 0 ? 1 : 0
      score.errors += others.length
      await ask(contenders, 'close')
    }
  } finally {
    for (const contender of contenders) contender.disconnect()
  }
  const verdict = score.two === 0 ? 'never two' : 'TWO AT ONCE'
  isFaulty ||= score.two + score.none + score.errors > 0
  rows.push([name, ...[rounds, score.won, score.two, score.none, score.errors].map(String), verdict])
}

await contend('six processes', inOwnProcess, 6, 200)
if (process.getuid?.() === 0 && process.platform === 'linux') {
  await contend('two pid namespaces', inOwnContainer, 2, 100)
} else {
  rows.push(['two pid namespaces', '0', '0', '0', '0', '0', 'not run: only root of a Linux can'])
}
await contend('four cluster workers', inCluster, 4, 50)

console.log(table(['contenders', 'rounds', 'winners', 'two', 'none', 'errors', ''], rows))
process.exitCode = isFaulty ? 1 : 0
