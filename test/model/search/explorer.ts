/**
 * Breadth-first exploration of all that can happen in a configuration.
 *
 * A state is a World and an engine. The World is copied freely; the engine is made anew for each step and given the inputs that
 * lead to the state, back to the last start of the process. States are told apart by the SHA-1 of their text: that two
 * different ones share it is not to be expected in the life of this machine. Breadth first, so the first trace to a broken
 * rule is a shortest one.
 *
 * When all states are known, the steps that are no mishaps are searched for a cycle. There is none, so every run in which mishaps
 * come to an end comes to rest; and in every state of rest all is done.
 */
import { hash } from 'node:crypto'
import { checkEngine, checkRest } from '../checks/state-checks.js'
import type { Configuration } from '../configuration/configuration.js'
import type { Move } from '../moves/move.js'
import { moves } from '../moves/moves.js'
import { Broken } from '../world/broken.js'
import { type Input, Subject } from '../world/subject.js'
import type { World } from '../world/world.js'
import { stateOnCycle } from './cycle.js'
import { textOf } from './state-text.js'
import { start, take } from './step.js'

export interface Exploration {
  readonly configuration: Configuration
  readonly states: number
  readonly transitions: number
  readonly depth: number
  readonly restingStates: number
  readonly seconds: number
  /** False if the bound on states was reached first. */
  readonly complete: boolean
  /** The rule that does not hold, and the names of the moves that lead there. */
  readonly broken: { readonly rule: string; readonly trace: readonly string[] } | undefined
}

const NONE = -1

class Explorer {
  readonly #configuration: Configuration
  readonly #maxStates: number
  readonly #known = new Map<string, number>()
  readonly #parents: number[] = []
  readonly #moveOf: number[] = []
  readonly #inputOf: number[] = []
  readonly #moveNames = new Interned<string>()
  readonly #inputs = new Interned<Input>()
  readonly #edgesFrom: number[] = []
  readonly #edgesTo: number[] = []
  #transitions = 0
  #resting = 0
  #depth = 0

  constructor(configuration: Configuration, maxStates: number) {
    this.#configuration = configuration
    this.#maxStates = maxStates
  }

  run(): Exploration {
    const began = performance.now()
    const broken = this.#search() ?? this.#cycle()
    return {
      configuration: this.#configuration,
      states: this.#parents.length,
      transitions: this.#transitions,
      depth: this.#depth,
      restingStates: this.#resting,
      seconds: (performance.now() - began) / 1000,
      complete: broken === undefined && this.#parents.length < this.#maxStates,
      broken,
    }
  }

  #search(): Exploration['broken'] {
    const first = start(this.#configuration)
    this.#add(first, NONE, '', undefined)
    let frontier = [{ index: 0, world: first }]
    while (frontier.length > 0) {
      const next: { readonly index: number; readonly world: World }[] = []
      for (const { index, world } of frontier) {
        if (this.#parents.length >= this.#maxStates) return undefined
        const broken = this.#expand(index, world, next)
        if (broken !== undefined) return broken
      }
      if (next.length > 0) this.#depth += 1
      frontier = next
    }
    return undefined
  }

  #expand(
    index: number,
    world: World,
    next: { readonly index: number; readonly world: World }[],
  ): Exploration['broken'] {
    const possible = moves(world, this.#configuration)
    const inputs = this.#inputsTo(index)
    const engine = () => Subject.replay(this.#configuration, inputs)
    if (possible.every(({ costs }) => costs !== undefined)) {
      this.#resting += 1
      const broken = this.#guard(index, undefined, () => checkRest(world, this.#configuration))
      if (broken !== undefined) return broken
    }
    for (const move of possible) {
      const broken = this.#guard(index, move, () => {
        const step = take(move, engine, this.#configuration)
        this.#transitions += 1
        const known = this.#known.size
        const to = this.#add(step.world, index, move.name, step.input)
        if (this.#known.size > known) {
          if (step.subject !== undefined) checkEngine(step.world, step.subject, this.#configuration)
          next.push({ index: to, world: step.world })
        }
        if (move.costs === undefined) {
          this.#edgesFrom.push(index)
          this.#edgesTo.push(to)
        }
      })
      if (broken !== undefined) return broken
    }
    return undefined
  }

  #guard(index: number, move: Move | undefined, check: () => void): Exploration['broken'] {
    try {
      check()
      return undefined
    } catch (error) {
      const rule =
        error instanceof Broken ? error.message : `the engine failed: ${error instanceof Error ? error.stack : error}`
      return { rule, trace: [...this.#traceTo(index), ...(move === undefined ? [] : [move.name])] }
    }
  }

  #add(world: World, parent: number, move: string, input: Input | undefined): number {
    const key = hash('sha1', textOf(world), 'base64')
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const index = this.#parents.length
    this.#known.set(key, index)
    this.#parents.push(parent)
    this.#moveOf.push(this.#moveNames.number(move, move))
    this.#inputOf.push(input === undefined ? NONE : this.#inputs.number(inputText(input), input))
    return index
  }

  #inputsTo(index: number): readonly Input[] {
    const inputs: Input[] = []
    for (let at = index; at !== NONE; at = this.#parents[at] ?? NONE) {
      const input = this.#inputs.value(this.#inputOf[at] ?? NONE)
      if (input !== undefined) inputs.push(input)
      if (input?.is === 'start') return inputs.reverse()
    }
    inputs.push({ is: 'start', stored: undefined, now: 0 })
    return inputs.reverse()
  }

  #traceTo(index: number): string[] {
    const names: string[] = []
    for (let at = index; at > 0; at = this.#parents[at] ?? NONE)
      names.push(this.#moveNames.value(this.#moveOf[at] ?? NONE) ?? '')
    return names.reverse()
  }

  #cycle(): Exploration['broken'] {
    const index = stateOnCycle(this.#parents.length, this.#edgesFrom, this.#edgesTo)
    if (index === undefined) return undefined
    return { rule: 'without any further mishap this can go on for ever', trace: this.#traceTo(index) }
  }
}

function inputText(input: Input): string {
  return input.is === 'receive' ? `receive ${input.now} ${input.received.name}` : JSON.stringify(input)
}

/** Values that occur often, by number. */
class Interned<V> {
  readonly #numbers = new Map<string, number>()
  readonly #values: V[] = []

  number(text: string, value: V): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    this.#numbers.set(text, this.#values.length)
    return this.#values.push(value) - 1
  }

  value(number: number): V | undefined {
    return this.#values[number]
  }
}

export function explore(configuration: Configuration, maxStates = Infinity): Exploration {
  return new Explorer(configuration, maxStates).run()
}
