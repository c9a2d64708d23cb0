/**
 * Prints messages until `count` messages are taken, or the output fails.
 *
 * A message is acknowledged when it is printed or cannot be printed, or when the options hide it. Messages after the last one that counts
 * are not acknowledged: in a persistent session the next command gets them.
 */

import type { MqttClient } from '../../client/mqtt-client.js'
import type { Message } from '../../client/options/client-options.js'
import { note, print } from '../terminal/output.js'
import { Unprintable } from './message-format.js'
import type { Printer } from './message-printer.js'

/** The result of a handler that does not acknowledge its message, so that the server keeps the message. */
const unacknowledged = new Promise<never>(() => {})

/** What becomes of a message. 'last': nothing is printed, and the command is done. */
export type Fate = 'printed' | 'hidden' | 'last'

export class MessageReader {
  /** Resolves when the last message has been printed, rejects when the output fails. */
  readonly finished: Promise<void>
  /** Set later: the client is made after this reader, because `take` is the handler of the client. */
  client: MqttClient | undefined
  readonly #printer: Printer
  #remaining: number
  #state: 'reading' | 'over' = 'reading'
  #resolve = () => {}
  #reject: (error: unknown) => void = () => {}

  constructor(printer: Printer, count = Infinity) {
    this.#printer = printer
    this.#remaining = count
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // The output may fail before a caller awaits this promise.
    this.finished.catch(() => {})
  }

  get isOver(): boolean {
    return this.#state === 'over'
  }

  async take(message: Message, fate: Fate): Promise<void> {
    if (this.#state === 'over') {
      // end() waits half a second for running handlers, but not for the handler that calls it.
      this.client?.end()
      return unacknowledged
    }
    if (fate === 'hidden') return
    if (fate === 'last') return this.#end()
    const bytes = this.#printer(message, new Date())
    try {
      // -C counts a message that cannot be printed too, as mosquitto_sub does: it was acknowledged, and a script waits for the end.
      if (bytes instanceof Unprintable) note(`mqtt311: ${bytes.reason}`)
      else await print(bytes)
    } catch (error) {
      this.#state = 'over'
      this.#reject(error)
      return unacknowledged
    }
    this.#remaining -= 1
    if (this.#remaining === 0) this.#end()
  }

  #end(): void {
    this.#state = 'over'
    this.#resolve()
  }
}
