/** Two ways to do the same work, in turns, so that both meet the same machine in the same mood. */

import type { Effort } from '../part.js'
import { median } from './machine.js'

/** An odd number: the median of the rounds is a round. */
export function roundsOf(effort: Effort, full = 5): number {
  return effort === 'full' ? full : 1
}

export interface Rounds<T> {
  readonly ours: readonly T[]
  readonly theirs: readonly T[]
}

/** Who goes first changes with every round. */
export async function alternate<T>(
  count: number,
  ours: () => Promise<T>,
  theirs: () => Promise<T>,
): Promise<Rounds<T>> {
  const rounds = { ours: [] as T[], theirs: [] as T[] }
  for (let round = 0; round < count; round += 1) {
    if (round % 2 === 0) rounds.ours.push(await ours())
    rounds.theirs.push(await theirs())
    if (round % 2 === 1) rounds.ours.push(await ours())
  }
  return rounds
}

export interface Compared {
  readonly ours: number
  readonly theirs: number
  readonly ratio: number
}

/** Medians of what was measured, and of the ratio in each round. `better` says which end of the scale wins. */
export function compared<T>(rounds: Rounds<T>, better: 'less' | 'more', measured: (round: T) => number): Compared {
  const [ours, theirs] = [rounds.ours.map(measured), rounds.theirs.map(measured)]
  const ratios = ours.map((mine, round) => {
    const other = theirs[round] ?? Number.NaN
    return better === 'less' ? other / mine : mine / other
  })
  return { ours: median(ours), theirs: median(theirs), ratio: median(ratios) }
}
