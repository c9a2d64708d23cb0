/**
 * npm run fuzz                            a minute of inputs
 * npm run fuzz -- --seconds 600           ten
 * npm run fuzz -- --inputs 1000000        so many inputs, however long they take
 * npm run fuzz -- --seed 7                the same inputs again (the default is another seed each time)
 * npm run fuzz -- --save                  adds the inputs that reached new blocks to fixtures/fuzz/inputs.txt
 *
 * Ends with exit code 1 after a finding. A finding is a vector in the making: fixtures/vectors/malformed.csv, or
 * golden.csv where the bytes are right.
 */
import { parseArgs } from 'node:util'
import { PacketDecoder } from '../../src/codec/index.js'
import { BlockCoverage } from './block-coverage.js'
import { saveInputs, seedInputs } from './corpus.js'
import { DecodingCheck } from './decoding-check.js'
import { Fuzzer } from './fuzzer.js'
import { CONSTANT_BYTES, heldBytes } from './held-memory.js'
import { smallest } from './smallest.js'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    inputs: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    save: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds)
const inputs = Number(values.inputs)
const seed = Number(values.seed)
/** One more is a flood of the same. */
const MAX_FINDINGS = 20
const REPORT_EVERY_SECONDS = 10

// Almost every input ends with an error, and collecting its stack takes longer than all the rest.
const { stackTraceLimit } = Error
Error.stackTraceLimit = 0

const coverage = new BlockCoverage()
const check = new DecodingCheck((maxPacketBytes) => new PacketDecoder({ maxPacketBytes }))
const fuzzer = new Fuzzer(check, coverage, seedInputs(), seed)
console.log(`seed ${seed}, ${fuzzer.corpus.inputs.length} inputs to begin with, ${coverage.blocksReached} blocks`)

const begun = process.hrtime.bigint()
let lastReport = 0
for (;;) {
  fuzzer.batch()
  const elapsed = Number(process.hrtime.bigint() - begun) / 1e9
  const over = elapsed >= seconds || fuzzer.inputs >= inputs || fuzzer.findings.length >= MAX_FINDINGS
  if (over || elapsed - lastReport >= REPORT_EVERY_SECONDS) {
    lastReport = elapsed
    console.log(line(elapsed))
  }
  if (over) break
}

function line(elapsed: number): string {
  return [
    `${elapsed.toFixed(0)} s`,
    `${fuzzer.inputs} inputs`,
    `${(fuzzer.inputs / elapsed).toFixed(0)} a second`,
    `${coverage.blocksReached} of ${coverage.blocks} blocks`,
    `${fuzzer.corpus.outcomes} outcomes`,
    `corpus ${fuzzer.corpus.inputs.length}`,
    `${fuzzer.findings.length} findings`,
  ].join(', ')
}

coverage.end()
Error.stackTraceLimit = stackTraceLimit

for (const { input } of fuzzer.findings) {
  const { bytes, cuts, maxPacketBytes, message } = smallest(check, input)
  console.log(
    `\nfinding: ${bytes.toString('hex')}\n  cut at ${cuts.join(' ')}, maxPacketBytes ${maxPacketBytes}\n  ${message}`,
  )
  process.exitCode = 1
}

const maxPacketBytes = 65_536
for (const chunkBytes of [1000, 65_536]) {
  const held = heldBytes(() => new PacketDecoder({ maxPacketBytes }), maxPacketBytes, chunkBytes)
  const bound = 2 * maxPacketBytes + CONSTANT_BYTES
  const chunks = `in chunks of ${chunkBytes} bytes`
  console.log(
    `held before the end of a packet of ${maxPacketBytes} bytes, ${chunks}: ${held.toFixed(0)}, at most ${bound}`,
  )
  if (held > bound) process.exitCode = 1
}

if (values.save) saveInputs(fuzzer.reachedNew, `seed ${seed}`)
