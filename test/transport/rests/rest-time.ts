import type { RestTime } from '../../../src/transport/rests/read-rests.js'

/** The time of a test: it moves when the test says so. */
export class SimulatedTime implements RestTime {
  at = 0
  /** How many times a rest began with a new timer, and how long the last one is. */
  timers = 0
  timerMs: number | undefined
  #turnsOver: (() => void)[] = []
  #restOver: (() => void) | undefined

  now(): number {
    return this.at
  }

  afterTurn(action: () => void): void {
    this.#turnsOver.push(action)
  }

  afterRest(action: () => void, ms: number): () => void {
    this.timers += 1
    this.timerMs = ms
    this.#restOver = action
    return () => {
      this.#restOver = undefined
    }
  }

  /** True while there is a timer. */
  get isTimed(): boolean {
    return this.#restOver !== undefined
  }

  /** The turn of the event loop is over. */
  endTurn(): void {
    const actions = this.#turnsOver
    this.#turnsOver = []
    for (const action of actions) action()
  }

  /** The timer fires, if there is one. */
  fire(): void {
    const action = this.#restOver
    this.#restOver = undefined
    action?.()
  }
}
