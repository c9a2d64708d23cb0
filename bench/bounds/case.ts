/** What a server sends, or a program asks, in three sizes. */
import { setImmediate as turn } from 'node:timers/promises'
import { type Client, type Open, type OurClient, ours, theirs } from './clients.js'

/** All is prepared: only `run` is measured. */
export interface Work {
  /** What the time is divided by: messages, calls or the like. */
  readonly entries: number
  /** 'again': the preparation took too long for what was to be measured. */
  run(): Promise<unknown>
  /** Afterwards; not measured. */
  end(): void
}

export type Prepare = (port: number, size: number) => Promise<Work>

export interface Case {
  readonly title: string
  /** What happens in it, as a sentence; `N` is the size. */
  readonly how: string
  readonly sizes: { readonly full: readonly number[]; readonly quick: readonly [number, number] }
  /** Which memory tells of the bound: `peak` is resident, `kept` is what is left after garbage collection. */
  readonly memory: 'peak' | 'kept'
  /** The quick form allows so much memory at its larger size. */
  readonly boundBytes: number
  readonly prepare: { readonly ours: Prepare; readonly theirs?: Prepare }
}

/** The same for both clients. */
export function both(prepare: (open: Open<Client>, size: number) => Promise<Work>): Case['prepare'] {
  return {
    ours: (port, size) => prepare(ours(port), size),
    theirs: (port, size) => prepare(theirs(port), size),
  }
}

/** What only mqtt311 has. */
export function oursAlone(prepare: (open: Open<OurClient>, size: number) => Promise<Work>): Case['prepare'] {
  return { ours: (port, size) => prepare(ours(port), size) }
}

export const nothing = () => {}

/** Makes many calls in some turns of the event loop, because one long loop would be the program's own turn. */
export async function inTurns<T>(count: number, call: (index: number) => T): Promise<T[]> {
  const results: T[] = []
  for (let index = 0; index < count; index += 1) {
    results.push(call(index))
    if (index % 500 === 499) await turn()
  }
  return results
}

/** Counts promises that settle, at less cost than `Promise.allSettled`. */
export class Settling {
  readonly all: Promise<void>
  #left: number
  #resolve = nothing
  rejected = 0

  constructor(count: number) {
    this.#left = count
    this.all = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  add(promise: Promise<unknown>): void {
    promise.then(this.#settled, this.#failed)
  }

  readonly #settled = (): void => {
    this.#left -= 1
    if (this.#left === 0) this.#resolve()
  }

  readonly #failed = (): void => {
    this.rejected += 1
    this.#settled()
  }
}

/** A handler whose first call never ends; the others are done at once. */
export class OneSlowHandler {
  called = 0

  readonly handle = (): Promise<void> | undefined => {
    this.called += 1
    return this.called === 1 ? new Promise(nothing) : undefined
  }
}
