/** Bytes into the decoder, with a report every ten seconds, and the findings at the end. */
import { PacketDecoder } from '../../src/codec/index.js'
import { BlockCoverage } from './block-coverage.js'
import { saveInputs, seedInputs } from './corpus.js'
import { DecodingCheck } from './decoding-check.js'
import { Fuzzer } from './fuzzer.js'
import { CONSTANT_BYTES, heldBytes } from './held-memory.js'
import { smallest } from './smallest.js'

/** One more is a flood of the same. */
const MAX_FINDINGS = 20
const REPORT_EVERY_SECONDS = 10

export interface DecoderLimits {
  readonly seconds: number
  readonly inputs: number
  readonly seed: number
  readonly save: boolean
}

/** True if something was found. */
export function fuzzDecoder({ seconds, inputs, seed, save }: DecoderLimits): boolean {
  // Almost every input ends with an error, and collecting its stack takes longer than all the rest.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  const coverage = new BlockCoverage()
  const check = new DecodingCheck((maxPacketBytes) => new PacketDecoder({ maxPacketBytes }))
  const fuzzer = new Fuzzer(check, coverage, seedInputs(), seed)
  const size = fuzzer.corpus.inputs.length
  console.log(`decoder: seed ${seed}, ${size} inputs to begin with, ${coverage.blocksReached} blocks`)

  const begun = process.hrtime.bigint()
  let lastReport = 0
  for (;;) {
    fuzzer.batch()
    const elapsed = Number(process.hrtime.bigint() - begun) / 1e9
    const over = elapsed >= seconds || fuzzer.inputs >= inputs || fuzzer.findings.length >= MAX_FINDINGS
    if (over || elapsed - lastReport >= REPORT_EVERY_SECONDS) {
      lastReport = elapsed
      console.log(line(fuzzer, coverage, elapsed))
    }
    if (over) break
  }
  coverage.end()
  Error.stackTraceLimit = stackTraceLimit

  for (const { input } of fuzzer.findings) {
    const { bytes, cuts, maxPacketBytes, message } = smallest(check, input)
    console.log(
      `\nfinding: ${bytes.toString('hex')}\n  cut at ${cuts.join(' ')}, maxPacketBytes ${maxPacketBytes}\n  ${message}`,
    )
  }
  if (save) saveInputs(fuzzer.reachedNew, `seed ${seed}`)
  return holdsTooMuch() || fuzzer.findings.length > 0
}

function line(fuzzer: Fuzzer, coverage: BlockCoverage, elapsed: number): string {
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

/** Whether a decoder holds too much before the end of a packet. */
function holdsTooMuch(): boolean {
  const maxPacketBytes = 65_536
  const bound = 2 * maxPacketBytes + CONSTANT_BYTES
  let most = 0
  for (const chunkBytes of [1000, 65_536]) {
    const held = heldBytes(() => new PacketDecoder({ maxPacketBytes }), maxPacketBytes, chunkBytes)
    const chunks = `in chunks of ${chunkBytes} bytes`
    console.log(
      `held before the end of a packet of ${maxPacketBytes} bytes, ${chunks}: ${held.toFixed(0)}, at most ${bound}`,
    )
    most = Math.max(most, held)
  }
  return most > bound
}
