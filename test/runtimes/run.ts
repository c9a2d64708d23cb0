/** Runs the program by one command, and compares what it says with what is expected. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { checks, type World } from './checks.js'
import type { Command, Setup } from './setups.js'

/** What is claimed, in the order of the program. */
export const claims: readonly string[] = Object.keys(checks)

/** What the program has said: undefined for a claim that holds, or what was wrong. A claim that was not tried is missing. */
export type Faults = ReadonlyMap<string, string | undefined>

export interface Outcome {
  readonly faults: Faults
  /** What is wrong with the end of the program; undefined if it ended by itself, with exit code 0. */
  readonly badEnd: string | undefined
}

/** How long a program may say nothing. Longer than the program waits for a check. */
const silenceMsMax = 60_000

/** jest says by these words that a test has left something open, and ends all the same. */
const openHandles = /open handle|did not exit/

export function run(
  [command, ...args]: Command,
  folder: string,
  world: World,
  silenceMs = silenceMsMax,
): Promise<Outcome> {
  const { PATH, HOME } = process.env
  const child = spawn(command, args, {
    cwd: folder,
    env: { PATH, HOME, MQTT311_RUNTIMES: JSON.stringify(world) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const faults = new Map<string, string | undefined>()
  let complaint = ''
  const silence = setTimeout(() => child.kill('SIGKILL'), silenceMs)
  const lines = createInterface(child.stdout)
  lines.on('line', (line) => {
    silence.refresh()
    if (!line.startsWith('{"claim"')) return
    const { claim, fault }: { claim: string; fault?: string } = JSON.parse(line)
    faults.set(claim, fault)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(silence)
      const isOrderly = code === 0 && !openHandles.test(complaint)
      const end = signal === null ? `ended with exit code ${code}` : 'did not end by itself'
      resolve({ faults, badEnd: isOrderly ? undefined : `${end}: ${complaint.slice(-2_000)}` })
    })
  })
}

/** What differs from what is expected, in words; empty if all is as it should be. */
export function surprises({ exceptions }: Pick<Setup, 'exceptions'>, { faults, badEnd }: Outcome): string[] {
  const expected = new Map(Object.entries(exceptions))
  const found = claims.flatMap((claim) => {
    const fault = faults.get(claim)
    if (!faults.has(claim)) return [`was not tried: ${claim}`]
    if (fault !== undefined && !expected.has(claim)) return [`does not hold: ${claim}: ${fault}`]
    if (fault === undefined && expected.has(claim)) return [`holds, and should not: ${claim}`]
    return []
  })
  return badEnd === undefined ? found : [...found, badEnd]
}
