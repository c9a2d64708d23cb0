import type { SessionState } from '../session-state.js'

/** The shortest time between two connections that are given up for messages that had no room. */
const gapsFilledEveryMs = 5_000

/**
 * A message had no room, and was not kept. When all messages are acknowledged except those, the connection is given up, so that the
 * server sends these again. But first a PINGREQ is sent: its PINGRESP shows that the server has read our acknowledgements.
 */
export class GapFilling {
  readonly #session: Pick<SessionState<unknown, unknown>, 'incoming' | 'gapFilledAt'>
  /** The number of that PINGREQ. */
  #ping: number | undefined

  constructor(session: Pick<SessionState<unknown, unknown>, 'incoming' | 'gapFilledAt'>) {
    this.#session = session
  }

  /** When the PINGREQ is due; Infinity if no connection has to be given up. */
  get deadline(): number {
    if (this.#ping !== undefined || !this.#session.incoming.wantsGapFilled) return Infinity
    return this.#session.gapFilledAt + gapsFilledEveryMs
  }

  /** The PINGREQ was sent. */
  pinged(ping: number): void {
    this.#ping = ping
  }

  /** This PINGREQ is answered. Returns true if the connection has to be given up now. */
  isAnswered(ping: number, now: number): boolean {
    if (ping !== this.#ping) return false
    this.#session.gapFilledAt = now
    return true
  }
}
