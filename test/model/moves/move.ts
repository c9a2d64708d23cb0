/** One thing that may happen next. */
import type { Mishaps } from '../configuration/configuration.js'
import type { Input } from '../world/subject.js'
import type { World } from '../world/world.js'

/** The world as the observer sees it before the engine is told, and what the engine is told, if anything. */
export interface Moved {
  readonly world: World
  readonly input?: Input
}

export interface Move {
  readonly name: string
  /** The mishap that it is. Moves without one have to lead to rest. */
  readonly costs?: keyof Mishaps
  readonly act: () => Moved
}

/** An input that says nothing but when. */
export function at(
  world: World,
  is: 'subscribe' | 'unsubscribe' | 'ping' | 'connect' | 'lost' | 'cut' | 'tick' | 'full' | 'drained' | 'busy' | 'room',
): Input {
  return { is, now: world.now }
}
