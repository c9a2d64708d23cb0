import type { World } from './world.js'

/** What the application knows: what it was promised, and what it was given. */
export class Tally {
  /** By message: what the promise of its publish said. */
  readonly outcome: ('not asked' | 'asked' | 'acknowledged' | 'stored' | 'rejected')[]
  /** By message from the server: how often its handler started, and how often it came to its end. */
  readonly started: number[]
  readonly finished: number[]
  readonly surprises: string[] = []
  readonly #notedIn = new Map<number, number>()

  constructor(world: World) {
    this.outcome = world.outgoing.map(() => 'not asked')
    this.started = world.incoming.map(() => 0)
    this.finished = world.incoming.map(() => 0)
  }

  /** True if every message has been given to a client. */
  get asked(): boolean {
    return !this.outcome.includes('not asked')
  }

  publishing(message: number): void {
    this.outcome[message] = 'asked'
  }

  resolved(message: number, until: 'acknowledged' | 'stored'): void {
    this.outcome[message] = until
  }

  rejected(message: number): void {
    this.outcome[message] = 'rejected'
  }

  /** The store has it that the message was handled in this session of the server, of those that the client knows. */
  noted(message: number, session: number): void {
    this.#notedIn.set(message, session)
  }

  handling(message: number, qos: number, session: number): void {
    if (this.#notedIn.get(message) === session)
      this.surprises.push(`in/${message} was handled again after that was noted`)
    if (qos === 0) this.surprises.push(`in/${message} came at QoS 0`)
    this.started[message] = (this.started[message] ?? 0) + 1
  }

  handled(message: number): void {
    this.finished[message] = (this.finished[message] ?? 0) + 1
  }

  /** A client of this epoch has ended by itself: nothing in this world gives it a reason to. */
  refused(current: boolean, error: Error): void {
    if (current) this.surprises.push(`the client ended: ${error.message}`)
  }
}
