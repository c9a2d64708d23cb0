import { ok, strictEqual } from 'node:assert'
import type { ControlPacket } from '../../src/codec/control-packet.js'
import type { OutgoingMessage } from '../../src/protocol/index.js'
import type { EngineHarness } from './engine-harness.js'

type Happening =
  | { readonly is: 'sent'; readonly packet: ControlPacket }
  | { readonly is: 'received'; readonly packet: ControlPacket }
  | { readonly is: 'connected'; readonly sessionPresent: boolean }
  | { readonly is: 'over'; readonly topic: string }

/**
 * Watches a client from the outside, packet by packet. It knows the standard and nothing of the engine: which identifiers are
 * in use, what was sent before, what may be acknowledged, and in which order. Every topic is used once.
 */
export class WireWitness {
  /** The topic or the request that has each identifier of the client. Requests end with their connection. */
  readonly #inUse = new Map<number, string>()
  readonly #everSent = new Set<string>()
  readonly #released = new Set<string>()
  readonly #over = new Set<string>()
  readonly #cleanSession: boolean
  #happenings: Happening[] = []
  /** The identifiers of this connection's messages that are not acknowledged, in the order of arrival at each QoS. */
  #arrivals: Record<'puback' | 'pubrec', readonly number[]> = { puback: [], pubrec: [] }

  constructor(engine: EngineHarness) {
    this.#cleanSession = engine.session.settings.cleanSession
    // An earlier process may have sent the messages of the store.
    for (const { packetId, message } of engine.session.table.messages()) {
      this.#inUse.set(packetId, message.topic)
      this.#everSent.add(message.topic)
    }
    const { send, settled, rejected, receive } = engine
    engine.send = (packet) => {
      this.#happenings.push({ is: 'sent', packet })
      send.call(engine, packet)
    }
    engine.settled = (message: OutgoingMessage<string>) => {
      this.#happenings.push({ is: 'over', topic: message.topic })
      settled.call(engine, message)
    }
    engine.rejected = (message, error) => {
      this.#happenings.push({ is: 'over', topic: message.topic })
      rejected.call(engine, message, error)
    }
    engine.receive = (...packets) => {
      for (const packet of packets) {
        if (packet.type === 'connack' && engine.connection.phase === 'connecting') {
          this.#happenings.push({ is: 'connected', sessionPresent: packet.sessionPresent })
        } else if (engine.connection.phase === 'connected') this.#happenings.push({ is: 'received', packet })
        receive.call(engine, packet)
      }
      return engine
    }
  }

  /** Checks everything that has happened since the last call. */
  look(): void {
    const happenings = this.#happenings
    this.#happenings = []
    for (const happening of happenings) {
      switch (happening.is) {
        case 'sent':
          this.#sent(happening.packet)
          break
        case 'received':
          this.#received(happening.packet)
          break
        case 'connected':
          if (!happening.sessionPresent) this.#released.clear()
          break
        case 'over':
          // A message ends once.
          ok(!this.#over.has(happening.topic), `${happening.topic} has ended twice`)
          this.#over.add(happening.topic)
          for (const [packetId, topic] of this.#inUse) if (topic === happening.topic) this.#inUse.delete(packetId)
      }
    }
  }

  #sent(packet: ControlPacket): void {
    switch (packet.type) {
      case 'connect':
        return this.#connectionBegan()
      case 'publish':
        if (packet.qos === 0) return this.#sentOnce(packet.topic)
        return this.#sentPublish(packet.topic, packet.packetId, packet.dup)
      case 'subscribe':
      case 'unsubscribe':
        return this.#take(packet.packetId, 'a request')
      case 'pubrel': {
        const topic = this.#inUse.get(packet.packetId)
        if (topic !== undefined) this.#released.add(topic)
        return
      }
      case 'puback':
      case 'pubrec':
        return this.#acknowledged(packet.type, packet.packetId)
      default:
        return
    }
  }

  #connectionBegan(): void {
    this.#arrivals = { puback: [], pubrec: [] }
    for (const [packetId, owner] of this.#inUse) {
      if (this.#cleanSession || owner === 'a request') this.#inUse.delete(packetId)
    }
    if (!this.#cleanSession) return
    this.#released.clear()
    this.#everSent.clear()
  }

  #sentOnce(topic: string): void {
    ok(!this.#everSent.has(topic), `${topic} is sent twice`)
    this.#everSent.add(topic)
  }

  #sentPublish(topic: string, packetId: number, dup: boolean): void {
    ok(!this.#released.has(topic), `PUBLISH of ${topic} after PUBREL`)
    ok(!this.#over.has(topic), `PUBLISH of ${topic}, which has ended`)
    strictEqual(dup, this.#everSent.has(topic), `DUP of ${topic}`)
    if (dup) strictEqual(this.#inUse.get(packetId), topic)
    else this.#take(packetId, topic)
    this.#everSent.add(topic)
  }

  #take(packetId: number, owner: string): void {
    ok(packetId >= 1 && packetId <= 65_535, `${packetId} is no Packet Identifier`)
    ok(!this.#inUse.has(packetId), `${packetId} is in use`)
    this.#inUse.set(packetId, owner)
  }

  #received(packet: ControlPacket): void {
    if (packet.type === 'publish' && packet.qos !== 0) {
      const answer = packet.qos === 1 ? 'puback' : 'pubrec'
      this.#arrivals[answer] = [...this.#arrivals[answer], packet.packetId]
    }
    if (packet.type === 'suback' || packet.type === 'unsuback') {
      if (this.#inUse.get(packet.packetId) === 'a request') this.#inUse.delete(packet.packetId)
    }
  }

  /**
   * PUBACKs leave in the order of arrival, and so do PUBRECs; the standard has no order between the two [MQTT-4.6.0-2]
   * [MQTT-4.6.0-3]. Copies that joined running handlers are skipped.
   */
  #acknowledged(answer: 'puback' | 'pubrec', packetId: number): void {
    const owed = this.#arrivals[answer]
    ok(owed.includes(packetId), `${answer} ${packetId} is not owed`)
    this.#arrivals[answer] = owed.slice(owed.indexOf(packetId) + 1)
  }
}
