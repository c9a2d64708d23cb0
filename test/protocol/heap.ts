/** Measures how many bytes an object keeps alive. */
import { garbageCollector } from '../garbage-collector.js'

const collect = garbageCollector()

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
 * Bytes that the object of `make` keeps alive: the middle one of three measurements. The compiler and caches take memory too; with a
 * hundred objects it counts little. Where an object takes long to make and a fault would be large, fewer objects tell as much.
 */
export async function retainedBytes(make: () => object, objects = 100): Promise<number> {
  // The first call also compiles code, which takes memory.
  make()
  const kept: object[][] = []
  const weighings: number[] = []
  // All objects stay till the end, so that the heap is looked at once between two measurements.
  for (let before = await settledHeap(); weighings.length < 3; ) {
    kept.push(Array.from({ length: objects }, make))
    const after = await settledHeap()
    weighings.push((after - before) / objects)
    before = after
  }
  const [, middle = Number.NaN] = kept.length === 3 ? weighings.sort((a, b) => a - b) : []
  return middle
}
