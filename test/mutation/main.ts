/**
 * npm run mutation                             300 mutants of the folders below, another sample each time
 * npm run mutation -- --sample 50 --seed 7     fewer, and the same again
 * npm run mutation -- --sample all             all of them: many hours
 * npm run mutation -- --only src/store/        only files with this in their path
 * npm run mutation -- --parallel 1             one at a time (2)
 * npm run mutation -- --list                   shows them, runs nothing
 *
 * A mutant is killed if a test of its folder fails. Survivors that judged.csv explains are counted apart; after any
 * other, the exit code is 1.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cell, readRows } from '../../fixtures/vectors/vector-file.js'
import { Random } from '../fuzz/random.js'
import { type Mutant, mutantsOf } from './mutants.js'
import { folderOf, folders, sourcesOf, testsFor, testsOf } from './noticing-tests.js'
import { root, Trial, type Verdict } from './trial.js'

const { values } = parseArgs({
  options: {
    sample: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string', default: '' },
    parallel: { type: 'string', default: '2' },
    list: { type: 'boolean', default: false },
  },
})

const sources = new Map(
  folders.flatMap((folder) => sourcesOf(folder)).map((file) => [file, readFileSync(join(root, file), 'utf8')]),
)
const all = [...sources]
  .flatMap(([file, text]) => mutantsOf(file, text))
  .filter(({ file }) => file.includes(values.only))

function lineOf({ file, start, end, replacement }: Mutant): { readonly before: string; readonly after: string } {
  const text = sources.get(file) ?? ''
  const from = text.lastIndexOf('\n', start) + 1
  const to = text.indexOf('\n', end)
  return {
    before: text.slice(from, to).trim(),
    after: (text.slice(from, start) + replacement + text.slice(end, to)).trim(),
  }
}

const judged = new Set(
  readRows(new URL('judged.csv', import.meta.url)).map(
    (row) => `${cell(row, 'file')}\n${cell(row, 'before')}\n${cell(row, 'after')}`,
  ),
)

function isJudged(mutant: Mutant): boolean {
  const { before, after } = lineOf(mutant)
  return judged.has(`${mutant.file}\n${before}\n${after}`)
}

function described(mutant: Mutant): string {
  const { before, after } = lineOf(mutant)
  return `${mutant.file}:${mutant.line} ${mutant.operator}\n  - ${before}\n  + ${after}`
}

function sampled(mutants: readonly Mutant[]): readonly Mutant[] {
  if (values.sample === 'all') return mutants
  const random = new Random(Number(values.seed))
  const rest = [...mutants]
  const count = Math.min(Number(values.sample), rest.length)
  return Array.from({ length: count }, () => rest.splice(random.below(rest.length), 1)).flat()
}

const chosen = sampled(all)
console.log(`${chosen.length} of ${all.length} mutants, seed ${values.seed}`)
if (values.list) {
  for (const mutant of chosen) console.log(described(mutant))
  process.exit()
}

type Counts = Record<Verdict | 'judged', number>
const counts: ReadonlyMap<string, Counts> = new Map(
  folders.map((folder) => [folder, { killed: 0, 'timed out': 0, survived: 0, judged: 0 }]),
)
const begun = performance.now()
let next = 0

/** Without a mutant all tests pass; else each mutant would count as killed. */
async function requireSound(trial: Trial): Promise<void> {
  for (const folder of folders.filter((name) => chosen.some(({ file }) => folderOf(file) === name))) {
    for (const group of testsOf(folder)) {
      const verdict = await trial.run(group)
      if (verdict !== 'survived') throw new Error(`the tests of ${folder} fail without any mutant`)
    }
  }
}

async function work(trial: Trial): Promise<void> {
  for (let mutant = chosen[next]; mutant !== undefined; mutant = chosen[next]) {
    next += 1
    const verdict = await trial.judge(mutant, testsFor(mutant.file))
    const judgedVerdict = verdict === 'survived' && isJudged(mutant) ? 'judged' : verdict
    const count = counts.get(folderOf(mutant.file))
    if (count !== undefined) count[judgedVerdict] += 1
    if (judgedVerdict === 'survived') console.log(`survived: ${described(mutant)}`)
    if (next % 20 === 0) console.log(`${next} begun after ${secondsGone()} s`)
  }
}

function secondsGone(): string {
  return ((performance.now() - begun) / 1000).toFixed(0)
}

const trials = Array.from({ length: Number(values.parallel) }, () => new Trial())
try {
  for (const trial of trials.slice(0, 1)) await requireSound(trial)
  await Promise.all(trials.map(work))
} finally {
  for (const trial of trials) trial.end()
}

for (const [folder, count] of counts) {
  const dead = count.killed + count['timed out']
  if (dead + count.survived + count.judged === 0) continue
  const score = (100 * dead) / Math.max(1, dead + count.survived)
  console.log(
    `${folder}: ${count.killed} killed, ${count['timed out']} timed out, ${count.survived} survived, ${count.judged} survived for a reason (judged.csv): score ${score.toFixed(1)} %`,
  )
  if (count.survived > 0) process.exitCode = 1
}
console.log(`seed ${values.seed}, in ${secondsGone()} s`)
