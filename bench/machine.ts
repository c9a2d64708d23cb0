/** What every table says of where and how it was measured. */
import { cpus, loadavg } from 'node:os'

/** The processor and the release of Node, as a sentence without its full stop. */
export function machine(): string {
  const processors = cpus()
  return `${processors.length} x ${processors[0]?.model ?? 'unknown processor'}, Node ${process.version}`
}

/** Processes that want the processor now, on average over the last minute. */
export function load(): string {
  return loadavg()[0]?.toFixed(1) ?? 'unknown'
}

/** Of an odd number, the one in the middle. */
export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >>> 1] ?? Number.NaN
}
