/** Measures how many bytes an object keeps alive. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Collects all garbage. Waits for the next turn first, because a turn keeps alive whatever a WeakRef gave it. */
export async function collectGarbage(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  collect()
}

/** The bytes of the heap that are in use when another collection would free no more. */
async function settledHeap(): Promise<number> {
  let lowest = Infinity
  for (let unchanged = 0; unchanged < 2; ) {
    await collectGarbage()
    const { heapUsed } = process.memoryUsage()
    unchanged = heapUsed < lowest - 256 ? 0 : unchanged + 1
    lowest = Math.min(lowest, heapUsed)
  }
  return lowest
}

/**
 * Bytes that one object of so many keeps alive. The compiler and caches take memory too; with a hundred objects it counts
 * little. This is a function of its own so that objects of the measurement before are not on the stack.
 */
async function weigh(make: () => object, objects: number): Promise<number> {
  const before = await settledHeap()
  const kept = Array.from({ length: objects }, make)
  const after = await settledHeap()
  return (after - before) / kept.length
}

/**
 * Bytes that the object of `make` keeps alive: the middle one of three measurements. Where an object takes long to make and a
 * fault would be large, fewer objects tell as much.
 */
export async function retainedBytes(make: () => object, objects = 100): Promise<number> {
  // The first call also compiles code, which takes memory.
  make()
  const weighings = [await weigh(make, objects), await weigh(make, objects), await weigh(make, objects)]
  const [, middle = Number.NaN] = weighings.sort((a, b) => a - b)
  return middle
}
