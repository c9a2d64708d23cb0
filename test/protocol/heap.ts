/** What a structure keeps alive, weighed. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** A full collection, in a turn in which nothing that the turns before have looked at is kept for their sake. */
export async function collectGarbage(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  collect()
}

/** The heap in use, once the collector has nothing more to give back. */
async function settledHeap(): Promise<number> {
  let lowest = Number.POSITIVE_INFINITY
  for (let unchanged = 0; unchanged < 2; ) {
    await collectGarbage()
    const { heapUsed } = process.memoryUsage()
    unchanged = heapUsed < lowest - 256 ? 0 : unchanged + 1
    lowest = Math.min(lowest, heapUsed)
  }
  return lowest
}

/**
 * Bytes that one of a hundred keeps alive: what the compiler or a cache takes meanwhile is divided among them. A function of
 * its own: nothing of the weighing before is on the scales.
 */
async function weigh(make: () => object): Promise<number> {
  const before = await settledHeap()
  const kept = Array.from({ length: 100 }, make)
  const after = await settledHeap()
  return (after - before) / kept.length
}

/** Bytes that what `make` returns keeps alive: the middle one of three weighings. */
export async function retainedBytes(make: () => object): Promise<number> {
  // The first one brings compiled code with it.
  make()
  const weighings = [await weigh(make), await weigh(make), await weigh(make)]
  const [, middle = Number.NaN] = weighings.sort((a, b) => a - b)
  return middle
}
