/** The resident memory of this process, as Linux counts it. */
import { readFileSync, writeFileSync } from 'node:fs'

/** Bytes now, and at the peak since the peak was last forgotten. */
export function resident(): { readonly now: number; readonly peak: number } {
  const status = readFileSync('/proc/self/status', 'utf8')
  const bytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') }
}

/** From now on, the peak is that of what follows. The bytes that are held now. */
export function forgetPeak(): number {
  globalThis.gc?.()
  writeFileSync('/proc/self/clear_refs', '5')
  return resident().now
}
