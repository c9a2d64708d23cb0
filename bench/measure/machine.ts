/** What every result says of where and when it was measured. */
import { cpus, loadavg } from 'node:os'

export interface Circumstances {
  /** The processors and the release of Node, as a sentence without its full stop. */
  readonly machine: string
  /** Processes that wanted the processor, on average over the minute before. */
  readonly load: number
  /** Year, month and day. */
  readonly date: string
}

export function circumstances(): Circumstances {
  const processors = cpus()
  const model = processors[0]?.model ?? 'unknown processor'
  return {
    machine: `${processors.length} x ${model}, Node ${process.version}`,
    load: Math.round(10 * (loadavg()[0] ?? Number.NaN)) / 10,
    date: new Date().toISOString().slice(0, 10),
  }
}

/** Of an odd number, the one in the middle. */
export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >>> 1] ?? Number.NaN
}

/** Milliseconds on a clock that all processes of the machine share. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
