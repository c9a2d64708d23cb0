import type { QoS } from '../../codec/control-packet.js'
import type { Pacer } from '../session-settings.js'

/** Asks the pacer for each PUBLISH, and remembers when to ask it again and how many it has made wait. */
export class PacingGate {
  readonly #pacer: Pacer
  #opensAt = Number.POSITIVE_INFINITY
  #paced = 0
  /** The message that was held back last, so that asking for it twice does not count it twice. */
  #waiting: object | undefined

  constructor(pacer: Pacer) {
    this.#pacer = pacer
  }

  /** When the message that is held back may go; Infinity if none is. */
  get opensAt(): number {
    return this.#opensAt
  }

  get paced(): number {
    return this.#paced
  }

  /** Nothing is held back any more, or nothing can be sent anyway. */
  reset(): void {
    this.#opensAt = Number.POSITIVE_INFINITY
  }

  admits(message: { readonly qos: QoS }, now: number): boolean {
    if (this.#pacer.admit(message.qos, now)) return true
    this.#opensAt = this.#pacer.nextAt(message.qos, now)
    if (this.#waiting !== message) this.#paced += 1
    this.#waiting = message
    return false
  }
}
