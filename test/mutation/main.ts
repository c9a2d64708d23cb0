/**
 * npm run mutation                             300 mutants of the folders below, another sample each time
 * npm run mutation -- --sample 50 --seed 7     fewer, and the same again
 * npm run mutation -- --sample all             all of them: many hours
 * npm run mutation -- --only src/store/        only files with this in their path
 * npm run mutation -- --judged --sample all    only those that judged.csv explains: do they still survive?
 * npm run mutation -- --parallel 1             one at a time (2)
 * npm run mutation -- --list                   shows them, runs nothing
 * npm run mutation -- --each                   says the verdict on each, and the seconds that it took
 *
 * A mutant is killed if a test of its folder fails, of those that reach its place. One that only makes tests hang is counted apart,
 * and so are survivors that the compiler refuses or that judged.csv explains; after any other survivor, the exit code is 1.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cell, readRows } from '../../fixtures/vectors/vector-file.js'
import { Random } from '../fuzz/random.js'
import { Compiler } from './compiler.js'
import { type Mutant, mutantsOf } from './mutants.js'
import { folderOf, folders, sourcesOf, testsFor, testsOf } from './noticing-tests.js'
import { type Probed, withProbes } from './reach.js'
import { type Measured, root, Trial } from './trial.js'
import type { Verdict } from './verdict.js'

const { values } = parseArgs({
  options: {
    sample: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string', default: '' },
    parallel: { type: 'string', default: '2' },
    judged: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    each: { type: 'boolean', default: false },
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

const chosen = sampled(values.judged ? all.filter(isJudged) : all)
console.log(`${chosen.length} of ${all.length} mutants, seed ${values.seed}`)
if (values.list) {
  for (const mutant of chosen) console.log(described(mutant))
  process.exit()
}

type Counts = Record<Verdict['is'] | 'judged', number>
const counts: ReadonlyMap<string, Counts> = new Map(
  folders.map((folder) => [folder, { killed: 0, refused: 0, 'timed out': 0, survived: 0, judged: 0 }]),
)
const begun = performance.now()
let next = 0

/** The sources with probes; each probe has a number of its own. */
const probed = new Map<string, Probed>()
let probes = 0
for (const file of new Set(chosen.map((mutant) => mutant.file))) {
  const withThem = withProbes(file, sources.get(file) ?? '', probes)
  probed.set(file, withThem)
  probes += withThem.regions.size
}

async function work(trial: Trial, measured: Measured): Promise<void> {
  for (let mutant = chosen[next]; mutant !== undefined; mutant = chosen[next]) {
    next += 1
    const tests = testsFor(mutant, probed.get(mutant.file) ?? { text: '', regions: new Map() }, measured)
    const before = performance.now()
    const verdict = await trial.judge(mutant, tests)
    const is = verdict.is === 'survived' && isJudged(mutant) ? 'judged' : verdict.is
    const count = counts.get(folderOf(mutant.file))
    if (count !== undefined) count[is] += 1
    const seconds = ((performance.now() - before) / 1000).toFixed(1)
    if (values.each)
      console.log(`${is} ${mutant.file}:${mutant.line} in ${seconds} s${'by' in verdict ? ` by ${verdict.by}` : ''}`)
    if (is === 'survived') console.log(`survived ${tests.length} test files: ${described(mutant)}`)
    if (is === 'timed out') console.log(`timed out: ${described(mutant)}`)
    if (next % 10 === 0) console.log(`${next} begun after ${secondsGone()} s`)
  }
}

function secondsGone(): string {
  return ((performance.now() - begun) / 1000).toFixed(0)
}

const compiler = new Compiler()
const trials: Trial[] = []
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const trial of trials) trial.end()
    process.exit(1)
  })
}
try {
  const first = new Trial(compiler)
  trials.push(first)
  const tests = folders.filter((name) => chosen.some(({ file }) => folderOf(file) === name)).flatMap(testsOf)
  const measured = await first.measure(probed, [...new Set(tests)])
  console.log(`${tests.length} test files without a mutant: ${secondsGone()} s`)
  while (trials.length < Number(values.parallel)) trials.push(new Trial(compiler, measured.durations))
  await Promise.all(trials.map((trial) => work(trial, measured)))
} finally {
  for (const trial of trials) trial.end()
}

for (const [folder, count] of counts) {
  const dead = count.killed + count.refused + count['timed out']
  if (dead + count.survived + count.judged === 0) continue
  const score = (100 * dead) / Math.max(1, dead + count.survived)
  console.log(
    `${folder}: killed by a test ${count.killed}, refused by the compiler ${count.refused}, timed out ${count['timed out']}, survived ${count.survived}, survived for a reason (judged.csv) ${count.judged}: score ${score.toFixed(1)} %`,
  )
  if (count.survived > 0) process.exitCode = 1
}
console.log(`seed ${values.seed}, in ${secondsGone()} s`)
