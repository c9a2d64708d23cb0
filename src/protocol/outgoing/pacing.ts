import type { QoS } from '../../codec/control-packet.js'
import type { Pacer } from '../session-settings.js'

/** Asks the pacer before each PUBLISH. Knows when to ask again, and how many messages had to wait. */
export class PacingGate {
  readonly #pacer: Pacer
  #opensAt = Infinity
  #paced = 0
  /** The message that the pacer refused last: if the pacer refuses it again, it is not counted again. */
  #waiting: object | undefined

  constructor(pacer: Pacer) {
    this.#pacer = pacer
  }

  /** When the refused message may be sent; Infinity if no message was refused. */
  get opensAt(): number {
    return this.#opensAt
  }

  get paced(): number {
    return this.#paced
  }

  /** No message waits for the pacer: the pacer will be asked again, or nothing can be sent. */
  reset(): void {
    this.#opensAt = Infinity
  }

  admits(message: { readonly qos: QoS }, now: number): boolean {
    if (this.#pacer.admit(message.qos, now)) return true
    this.#opensAt = this.#pacer.nextAt(message.qos, now)
    if (this.#waiting !== message) this.#paced += 1
    this.#waiting = message
    return false
  }
}
