/**
 * npm run fuzz                                      a minute: half of it for the decoder, half for the client
 * npm run fuzz -- --seconds 600                     ten
 * npm run fuzz -- --target decoder                  only bytes into the decoder; `--target client` only servers that lie to the client
 * npm run fuzz -- --target decoder --inputs 1000000 so many inputs, however long they take
 * npm run fuzz -- --target client --runs 200000     so many runs
 * npm run fuzz -- --seed 7                          the same again (the default is another seed each time)
 * npm run fuzz -- --target client --seed 7 --runs 1 one run, with all that happens in it; `--steps 5` ends it after so many steps
 * npm run fuzz -- --target decoder --save           adds the inputs that reached new blocks to fixtures/fuzz/inputs.txt
 *
 * Ends with exit code 1 after a finding. A finding of the decoder is a vector in the making: fixtures/vectors/malformed.csv, or
 * golden.csv where the bytes are right. A finding of the client is a test in the making.
 */
import { parseArgs } from 'node:util'
import { fuzzClient } from './client/fuzz-client.js'
import { fuzzDecoder } from './fuzz-decoder.js'

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: 'both' },
    seconds: { type: 'string' },
    inputs: { type: 'string' },
    runs: { type: 'string' },
    steps: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    save: { type: 'boolean', default: false },
  },
})
const { target, save } = values
if (!['both', 'decoder', 'client'].includes(target)) throw new Error(`there is no target ${target}: decoder or client`)
const seed = Number(values.seed)

/** `count` is how much a target has to do; without it, there is a time. */
function secondsFor(count: string | undefined): number {
  if (values.seconds === undefined && count !== undefined) return Infinity
  return Number(values.seconds ?? 60) / (target === 'both' ? 2 : 1)
}

const numberOf = (text: string | undefined): number => (text === undefined ? Infinity : Number(text))

let found = false
if (target !== 'client') {
  found = fuzzDecoder({ seconds: secondsFor(values.inputs), inputs: numberOf(values.inputs), seed, save })
}
if (target !== 'decoder') {
  const steps = Number(values.steps)
  const limits = { seconds: secondsFor(values.runs), runs: numberOf(values.runs), seed, steps }
  found = (await fuzzClient(limits)) || found
}
if (found) process.exitCode = 1
