/**
 * One Session as the server keeps it (section 3.1.2.4): the subscriptions, the Packet Identifiers of QoS 2 messages from the
 * client, and the messages that the client has not acknowledged. With Clean Session 0 the Session outlives its connections.
 *
 *   deliver    QoS 0: written, or dropped when there is no connection
 *              QoS 1, 2: waiting -> in flight, as far as the send window has room
 *   in flight  puback | pubrec -> pubcomp -> settled
 *   resume     everything in flight is sent again, in the same order: PUBREL if PUBREC has come, otherwise PUBLISH
 */
import type { ControlPacket, PublishAcknowledgedPacket, QoS } from '../../codec/control-packet.js'
import type { AllHabits } from './habits.js'

/** An Application Message and how it was published. */
export interface ServedMessage {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: QoS
  readonly retain: boolean
}

/** A connection, as the broker sees it. */
export interface Peer {
  send(packet: ControlPacket<Buffer>): void
  /** Closes the connection after everything that was sent has left. */
  close(): void
  /** Ends the connection because of a fault of the client. */
  fail(error: Error): void
  /** True while there are so many unsent bytes that messages at QoS 0 are dropped. */
  readonly isFull: boolean
}

/** Counts the copies of a message that are not acknowledged. */
export interface Receipt {
  opened(): void
  settled(): void
}

interface Delivery {
  readonly message: ServedMessage & { readonly qos: 1 | 2 }
  readonly receipt: Receipt | undefined
  awaits: 'puback' | 'pubrec' | 'pubcomp'
}

/** The largest number of waiting messages in one Session; a further one is dropped. */
const waitingMax = 10_000

export class ServedSession {
  readonly subscriptions = new Map<string, QoS>()
  /** Packet Identifiers of QoS 2 messages from the client, from PUBLISH to PUBREL. */
  readonly held = new Set<number>()
  readonly #habits: AllHabits
  readonly #inFlight = new Map<number, Delivery>()
  readonly #waiting: Delivery[] = []
  #peer: Peer | undefined
  #packetId = 0

  constructor(habits: AllHabits) {
    this.#habits = habits
  }

  /** The Session Present flag for a CONNACK that resumes this Session. */
  saysPresent(): boolean {
    const levels = [...this.subscriptions.values()]
    switch (this.#habits.sessionPresent) {
      case 'truthful':
        return true
      case 'never':
        return false
      case 'with-subscriptions':
        return levels.length > 0
      case 'with-qos1':
        return levels.some((qos) => qos > 0)
    }
  }

  /** A connection has this Session from now on. Unacknowledged packets are sent again [MQTT-4.4.0-1]. */
  resume(peer: Peer): void {
    this.#peer = peer
    if (this.#habits.redelivery === 'new-identifier') this.#renumber()
    for (const [packetId, delivery] of this.#inFlight) {
      if (delivery.awaits === 'pubcomp') peer.send({ type: 'pubrel', packetId })
      else peer.send(publishOf(delivery, packetId, this.#habits.redelivery !== 'no-dup'))
    }
    this.#fill()
  }

  /** The connection has ended. */
  leave(): void {
    this.#peer = undefined
    if (this.#habits.keepsQos0Subscriptions) return
    for (const [filter, qos] of this.subscriptions) if (qos === 0) this.subscriptions.delete(filter)
  }

  /** The Session is deleted: its messages count as settled, since no client will acknowledge them. */
  discard(): void {
    const lost = [...this.#inFlight.values(), ...this.#waiting.splice(0)]
    this.#inFlight.clear()
    for (const { receipt } of lost) receipt?.settled()
  }

  deliver(message: ServedMessage, receipt?: Receipt): void {
    const { qos, topic, payload, retain } = message
    if (qos === 0) {
      if (this.#peer?.isFull === false) this.#peer.send({ type: 'publish', topic, payload, retain, qos })
      return
    }
    if (this.#waiting.length >= waitingMax) return
    // A client that is away may never come back, so its copy is not counted.
    const awaited = this.#peer === undefined ? undefined : receipt
    awaited?.opened()
    this.#waiting.push({ message: { ...message, qos }, receipt: awaited, awaits: qos === 1 ? 'puback' : 'pubrec' })
    this.#fill()
  }

  /** PUBACK, PUBREC or PUBCOMP came from the client. PUBREC always gets PUBREL; other unknown acknowledgements are ignored. */
  acknowledge(type: 'puback' | 'pubrec' | 'pubcomp', packetId: number): void {
    const delivery = this.#inFlight.get(packetId)
    if (type === 'pubrec') {
      if (delivery?.awaits === 'pubrec') delivery.awaits = 'pubcomp'
      this.#peer?.send({ type: 'pubrel', packetId })
      return
    }
    if (delivery?.awaits !== type) return
    this.#inFlight.delete(packetId)
    delivery.receipt?.settled()
    this.#fill()
  }

  #fill(): void {
    const peer = this.#peer
    if (peer === undefined) return
    while (this.#inFlight.size < this.#habits.sendWindow) {
      const delivery = this.#waiting.shift()
      if (delivery === undefined) return
      const packetId = this.#nextIdentifier()
      this.#inFlight.set(packetId, delivery)
      peer.send(publishOf(delivery, packetId, false))
    }
  }

  /** [MQTT-2.3.1-4] The next identifier that no unacknowledged message has. The send window always leaves at least one free. */
  #nextIdentifier(): number {
    do this.#packetId = (this.#packetId % 65_535) + 1
    while (this.#inFlight.has(this.#packetId))
    return this.#packetId
  }

  /** Gives new identifiers, from 1, to the messages that are sent as PUBLISH again. */
  #renumber(): void {
    const deliveries = [...this.#inFlight]
    this.#inFlight.clear()
    for (const [packetId, delivery] of deliveries) {
      if (delivery.awaits === 'pubcomp') this.#inFlight.set(packetId, delivery)
    }
    this.#packetId = 0
    for (const [, delivery] of deliveries) {
      if (delivery.awaits !== 'pubcomp') this.#inFlight.set(this.#nextIdentifier(), delivery)
    }
  }
}

function publishOf({ message }: Delivery, packetId: number, dup: boolean): PublishAcknowledgedPacket<Buffer> {
  const { topic, payload, retain, qos } = message
  return { type: 'publish', topic, payload, retain, qos, packetId, dup }
}
