/**
 * The state that all connections of the server share: Sessions and retained messages. It gives a message of a publisher to the
 * Sessions that have subscribed. It has no I/O and no clock: `served-connection.ts` calls it for the packets of a client, and a
 * `Peer` sends packets to a client.
 */
import type { QoS } from '../../codec/control-packet.js'
import { topicMatches } from '../../codec/topic.js'
import type { AllHabits } from './habits.js'
import { type Receipt, type ServedMessage, ServedSession } from './served-session.js'

/** What the rules of a test refuse. */
export interface Refusals {
  /** The Return Code for the CONNECT; 0 accepts it. */
  connect(): number
  filter(filter: string): boolean
  publish(): boolean
}

/** The connection that has a Session. A new connection with the same Client Identifier takes the Session over. */
export interface Occupant {
  takenOver(): void
}

/** The bounds of the server. A further Session is refused with Return Code 3; a further retained message is not kept. */
const sessionsMax = 10_000
const retainedMax = 10_000
/** The largest number of Topic Filters of one Session; a further one is refused. */
const filtersMax = 10_000

export class Broker {
  readonly habits: AllHabits
  /** Retained messages by Topic Name. */
  readonly retained = new Map<string, ServedMessage>()
  readonly #sessions = new Map<string, ServedSession>()
  readonly #occupants = new Map<string, Occupant>()
  #unnamed = 0

  constructor(habits: AllHabits) {
    this.habits = habits
  }

  /** The subscriptions of a Session. */
  subscriptionsOf(clientId: string): ReadonlyMap<string, QoS> {
    return this.#sessions.get(clientId)?.subscriptions ?? new Map()
  }

  /** [MQTT-3.1.3-6] Makes a Client Identifier for a client that sent none. */
  newClientId(): string {
    this.#unnamed += 1
    return `unnamed-${this.#unnamed}`
  }

  /**
   * Gives the Session of this Client Identifier to a connection. An earlier connection that has it is ended before [MQTT-3.1.4-2].
   * Returns undefined if there is no room for a further Session.
   */
  enter(
    clientId: string,
    cleanSession: boolean,
    occupant: Occupant,
  ): { readonly session: ServedSession; readonly sessionPresent: boolean } | undefined {
    this.#occupants.get(clientId)?.takenOver()
    // [MQTT-3.1.2-6] a clean Session begins without the earlier state
    if (cleanSession) this.#discard(clientId)
    const kept = this.#sessions.get(clientId)
    if (kept === undefined && this.#sessions.size >= sessionsMax) return undefined
    const session = kept ?? new ServedSession(this.habits)
    this.#sessions.set(clientId, session)
    this.#occupants.set(clientId, occupant)
    return { session, sessionPresent: kept?.saysPresent() ?? false }
  }

  /** The connection has ended; a clean Session ends with it. */
  leave(clientId: string, session: ServedSession, cleanSession: boolean): void {
    this.#occupants.delete(clientId)
    session.leave()
    if (cleanSession) this.#discard(clientId)
  }

  /** Forgets the Session of one client, or all Sessions and all retained messages. */
  forget(clientId: string | undefined): void {
    if (clientId !== undefined) return this.#discard(clientId)
    for (const each of [...this.#sessions.keys()]) this.#discard(each)
    this.retained.clear()
  }

  #discard(clientId: string): void {
    this.#sessions.get(clientId)?.discard()
    this.#sessions.delete(clientId)
  }

  /** Sends a message to every Session with a Topic Filter for it. Returns the number of these Sessions. */
  publish(message: ServedMessage, receipt?: Receipt): number {
    if (message.retain) this.#retain(message)
    let sessions = 0
    for (const session of this.#sessions.values()) {
      const copies = this.#copiesFor(session, message.topic)
      if (copies.length > 0) sessions += 1
      // [MQTT-3.3.1-9] RETAIN is 0 for a Session that had subscribed before the message was published
      for (const qos of copies) session.deliver({ ...message, qos: lower(qos, message.qos), retain: false }, receipt)
    }
    return sessions
  }

  /** Resolves with the number of Sessions that a message was sent to, when each has acknowledged it. */
  publishAndWait(message: ServedMessage): Promise<number> {
    return new Promise((resolve) => {
      // It begins at 1, so that it cannot be 0 before all Sessions have the message.
      let open = 1
      let sessions = 0
      const opened = () => {
        open += 1
      }
      const settled = () => {
        open -= 1
        if (open === 0) resolve(sessions)
      }
      sessions = this.publish(message, { opened, settled })
      settled()
    })
  }

  /** The granted QoS of each copy that a Session gets. */
  #copiesFor(session: ServedSession, topic: string): readonly QoS[] {
    const levels: QoS[] = []
    for (const [filter, qos] of session.subscriptions) if (this.#matches(filter, topic)) levels.push(qos)
    const { overlappingFilters } = this.habits
    if (levels.length < 2 || overlappingFilters === 'each') return levels
    return [levels.reduce(overlappingFilters === 'highest' ? higher : lower)]
  }

  #matches(filter: string, topic: string): boolean {
    if (topicMatches(filter, topic)) return true
    // With `s` instead of `$`, the wildcards match the first level too.
    const isDollar = this.habits.wildcardsMatchDollar && topic.startsWith('$')
    return isDollar && topicMatches(filter, `s${topic.slice(1)}`) && /^[#+]/.test(filter)
  }

  /** [MQTT-3.3.1-10] [MQTT-3.3.1-11] An empty message removes the retained one, and is not kept itself. */
  #retain(message: ServedMessage): void {
    if (message.payload.length === 0) this.retained.delete(message.topic)
    else if (this.retained.size < retainedMax || this.retained.has(message.topic)) {
      this.retained.set(message.topic, message)
    }
  }

  /** Adds or replaces a subscription [MQTT-3.8.4-3]. Returns the granted QoS, or undefined if the filter is refused. */
  subscribe(session: ServedSession, filter: string, qos: QoS): QoS | undefined {
    const { subscriptions } = session
    if (filter.split('/').length > this.habits.filterLevelsMax) return undefined
    if (subscriptions.size >= filtersMax && !subscriptions.has(filter)) return undefined
    const granted = lower(qos, this.habits.grantedQosMax)
    subscriptions.set(filter, granted)
    return granted
  }

  /** Sends the retained messages that match a new subscription [MQTT-3.3.1-6] [MQTT-3.3.1-8]. */
  sendRetained(session: ServedSession, filter: string, granted: QoS): void {
    if (!this.habits.retainedForWildcards && /[#+]/.test(filter)) return
    for (const message of this.retained.values()) {
      if (!this.#matches(filter, message.topic)) continue
      session.deliver({ ...message, qos: lower(granted, message.qos) })
    }
  }
}

function lower(left: QoS, right: QoS): QoS {
  return left < right ? left : right
}

function higher(left: QoS, right: QoS): QoS {
  return left > right ? left : right
}
