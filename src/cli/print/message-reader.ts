/**
 * Prints messages until there have been enough, or nobody reads any more.
 *
 * A message is acknowledged when it has been printed, or was not to be printed. What comes behind the last one is left
 * unacknowledged: in a persistent session the next command gets it.
 */

import type { MqttClient } from '../../client/mqtt-client.js'
import type { Message } from '../../client/options/client-options.js'
import { note, print } from '../terminal/output.js'
import { Unprintable } from './message-format.js'
import type { Printer } from './message-printer.js'

/** What a handler returns that does not acknowledge its message: the server keeps it for the next who reads. */
const never = new Promise<never>(() => {})

export class MessageReader {
  /** Resolves when the last message has been printed, rejects when the output fails. */
  readonly finished: Promise<void>
  /** Set as soon as there is one: it is made with `take` as its handler, and so after this reader. */
  client: MqttClient | undefined
  readonly #printer: Printer
  readonly #wanted: (message: Message) => boolean
  #left: number
  #state: 'reading' | 'over' = 'reading'
  #resolve = () => {}
  #reject: (error: unknown) => void = () => {}

  constructor(printer: Printer, wanted: (message: Message) => boolean, count = Number.POSITIVE_INFINITY) {
    this.#printer = printer
    this.#wanted = wanted
    this.#left = count
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // It may fail before anybody waits for it.
    this.finished.catch(() => {})
  }

  async take(message: Message): Promise<void> {
    if (this.#state === 'over') {
      // end() gives the handlers that still run half a second, but not the one that calls it.
      this.client?.end()
      return never
    }
    if (!this.#wanted(message)) return
    const bytes = this.#printer(message, new Date())
    if (bytes instanceof Unprintable) return note(`mqtt311: ${bytes.reason}`)
    try {
      await print(bytes)
    } catch (error) {
      this.#state = 'over'
      this.#reject(error)
      return never
    }
    this.#left -= 1
    if (this.#left > 0) return
    this.#state = 'over'
    this.#resolve()
  }
}
