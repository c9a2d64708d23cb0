/**
 * What is kept of a device across its connections: its session and its meter. The platform keeps sessions by device, and its
 * CONNACK does not say so.
 */

import { Broker, type Occupant } from '../../testing/broker/broker.js'
import { allHabits } from '../../testing/broker/habits.js'
import type { ServedMessage, ServedSession } from '../../testing/broker/served-session.js'
import { Meter } from './limits.js'

/** More devices than anybody tries by hand. User names may be made up: those beyond this number share one meter. */
const metersMax = 10_000

export class DeviceSessions extends Broker {
  readonly #now: () => number
  readonly #meters = new Map<string, Meter>()
  /** The sessions of the devices that are connected, by the key of the device. */
  readonly #connected = new Map<string, ServedSession>()

  constructor({ reportsSession, now }: { readonly reportsSession: boolean; now(): number }) {
    super(allHabits({ grantedQosMax: 1, sessionPresent: reportsSession ? 'truthful' : 'never' }))
    this.#now = now
  }

  override enter(key: string, cleanSession: boolean, occupant: Occupant): ReturnType<Broker['enter']> {
    const entered = super.enter(key, cleanSession, occupant)
    if (entered !== undefined) this.#connected.set(key, entered.session)
    return entered
  }

  override leave(key: string, session: ServedSession, cleanSession: boolean): void {
    this.#connected.delete(key)
    super.leave(key, session, cleanSession)
  }

  /** Sends a message to one device, whether or not it has subscribed. Returns false if the device is not connected. */
  push(key: string, message: ServedMessage): boolean {
    const session = this.#connected.get(key)
    session?.deliver(message)
    return session !== undefined
  }

  meterOf(name: string): Meter {
    const key = this.#meters.has(name) || this.#meters.size < metersMax ? name : ''
    const meter = this.#meters.get(key) ?? new Meter(this.#now)
    this.#meters.set(key, meter)
    return meter
  }
}
