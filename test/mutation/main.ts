/**
 * npm run mutation                             200 mutants of src/codec and src/protocol, another sample each time
 * npm run mutation -- --sample 50 --seed 7     fewer, and the same again
 * npm run mutation -- --sample all             all of them: some hours
 * npm run mutation -- --only codec/utf8        only files with this in their path
 * npm run mutation -- --parallel 1             one at a time (2)
 * npm run mutation -- --list                   shows them, runs nothing
 *
 * A mutant is killed if a test of its folder fails. Survivors that judged.csv explains are counted apart; after any
 * other, the exit code is 1.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cell, readRows } from '../../fixtures/vectors/vector-file.js'
import { Random } from '../fuzz/random.js'
import { type Mutant, mutantsOf } from './mutants.js'
import { root, Trial, type Verdict } from './trial.js'

const { values } = parseArgs({
  options: {
    sample: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string', default: '' },
    parallel: { type: 'string', default: '2' },
    list: { type: 'boolean', default: false },
  },
})

const folders = ['codec', 'protocol'] as const
/** These take the longest and are needed the least: they run for what the others have let live. */
const slowTests = ['round-trip', 'utf8', 'differential', 'random-sequences', 'stored-session', 'packet-identifiers']

function filesOf(folder: string, ending: string): readonly string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`)
}

function testsOf(folder: string): readonly (readonly string[])[] {
  const files = filesOf(`test/${folder}`, '.test.ts')
  const isSlow = (file: string) => slowTests.some((name) => file.endsWith(`/${name}.test.ts`))
  // What a decoder holds in memory is measured there.
  const others = folder === 'codec' ? ['test/fuzz/fuzz.test.ts'] : []
  return [files.filter((file) => !isSlow(file)), [...files.filter(isSlow), ...others]]
}

const sources = new Map(
  folders
    .flatMap((folder) => filesOf(`src/${folder}`, '.ts'))
    .map((file) => [file, readFileSync(join(root, file), 'utf8')]),
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

const counts: Record<Verdict | 'judged', number> = { killed: 0, 'timed out': 0, survived: 0, judged: 0 }
const begun = performance.now()
let next = 0

async function work(): Promise<void> {
  const trial = new Trial()
  try {
    for (const folder of folders) {
      const verdict = await trial.run(testsOf(folder).flat())
      if (verdict !== 'survived') throw new Error(`the tests of ${folder} fail without any mutant`)
    }
    for (let mutant = chosen[next]; mutant !== undefined; mutant = chosen[next]) {
      next += 1
      const folder = folders.find((name) => mutant.file.startsWith(`src/${name}/`)) ?? 'codec'
      const verdict = await trial.judge(mutant, testsOf(folder))
      const judgedVerdict = verdict === 'survived' && isJudged(mutant) ? 'judged' : verdict
      counts[judgedVerdict] += 1
      if (judgedVerdict === 'survived') console.log(`survived: ${described(mutant)}`)
    }
  } finally {
    trial.end()
  }
}

await Promise.all(Array.from({ length: Number(values.parallel) }, work))

const dead = counts.killed + counts['timed out']
const score = (100 * dead) / Math.max(1, dead + counts.survived)
console.log(
  `${counts.killed} killed, ${counts['timed out']} timed out, ${counts.survived} survived, ${counts.judged} survived for a reason (judged.csv)`,
)
console.log(`score ${score.toFixed(1)} %, in ${((performance.now() - begun) / 1000).toFixed(0)} s`)
if (counts.survived > 0) process.exitCode = 1
