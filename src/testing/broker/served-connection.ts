/**
 * One connection as the server sees it, without its socket: which packets a client may send, and how the server answers each.
 *
 *   new    -> open     CONNECT was accepted
 *   new    -> ended    CONNECT was refused, or another packet came first
 *   open   -> ended    DISCONNECT, a violation, another client with the same identifier, or the end of the socket
 *
 * At the end the will is published, unless DISCONNECT came before [MQTT-3.1.2-8] [MQTT-3.14.4-3].
 */
import type { ConnectPacket, ControlPacket, PublishPacket, SubscribePacket } from '../../codec/control-packet.js'
import { ProtocolViolationError, type Violation } from '../../errors.js'
import type { Broker, Refusals } from './broker.js'
import type { Peer, ServedMessage, ServedSession } from './served-session.js'

interface Open {
  readonly name: 'open'
  readonly clientId: string
  readonly cleanSession: boolean
  readonly session: ServedSession
  will: ServedMessage | undefined
}

type Phase = { readonly name: 'new' } | Open | { readonly name: 'ended' }

export class ServedConnection {
  readonly #broker: Broker
  readonly #peer: Peer
  readonly #refusals: (packet: ControlPacket<Buffer>) => Refusals
  #phase: Phase = { name: 'new' }

  constructor(broker: Broker, peer: Peer, refusals: (packet: ControlPacket<Buffer>) => Refusals) {
    this.#broker = broker
    this.#peer = peer
    this.#refusals = refusals
  }

  /** The Client Identifier, once CONNECT was accepted. */
  get clientId(): string | undefined {
    return this.#phase.name === 'open' ? this.#phase.clientId : undefined
  }

  receive(packet: ControlPacket<Buffer>): void {
    const phase = this.#phase
    if (phase.name === 'ended') return
    if (packet.type === 'connect') {
      // [MQTT-3.1.0-2] a second CONNECT ends the connection
      if (phase.name === 'open') this.#violate('second-connect', 'MQTT-3.1.0-2', 'a second CONNECT')
      else this.#connect(packet)
      return
    }
    // [MQTT-3.1.0-1] the first packet of a client is CONNECT
    if (phase.name === 'new')
      this.#violate('before-connect', 'MQTT-3.1.0-1', `${packet.type.toUpperCase()} before its CONNECT was accepted`)
    else this.#receiveOpen(phase, packet)
  }

  #receiveOpen(open: Open, packet: Exclude<ControlPacket<Buffer>, ConnectPacket>): void {
    // The decoder has refused what only a server may send.
    switch (packet.type) {
      case 'publish':
        return this.#publish(open.session, packet)
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
        return open.session.acknowledge(packet.type, packet.packetId)
      case 'pubrel':
        return this.#release(open.session, packet.packetId)
      case 'subscribe':
        return this.#subscribe(open.session, packet)
      case 'unsubscribe':
        for (const filter of packet.filters) open.session.subscriptions.delete(filter)
        // [MQTT-3.10.4-5] UNSUBACK is sent even if no subscription was removed
        return this.#peer.send({ type: 'unsuback', packetId: packet.packetId })
      case 'pingreq':
        return this.#peer.send({ type: 'pingresp' })
      case 'disconnect':
        // [MQTT-3.14.4-3] the will is discarded and not published
        open.will = undefined
        this.end()
        return this.#peer.close()
    }
  }

  #connect(packet: ConnectPacket<Buffer>): void {
    const { cleanSession, will } = packet
    const returnCode = this.#refusals(packet).connect()
    if (returnCode !== 0) return this.#refuse(returnCode)
    const clientId = packet.clientId === '' ? this.#broker.newClientId() : packet.clientId
    const entered = this.#broker.enter(clientId, cleanSession, { takenOver: () => this.#takenOver() })
    if (entered === undefined) return this.#refuse(3)
    const { session, sessionPresent } = entered
    this.#phase = { name: 'open', clientId, cleanSession, session, will }
    // [MQTT-3.2.0-1] CONNACK is the first packet to the client
    this.#peer.send({ type: 'connack', sessionPresent, returnCode: 0 })
    session.resume(this.#peer)
  }

  #refuse(returnCode: number): void {
    this.#phase = { name: 'ended' }
    this.#peer.send({ type: 'connack', sessionPresent: false, returnCode })
    this.#peer.close()
  }

  #publish(session: ServedSession, packet: PublishPacket<Buffer>): void {
    const { refusedPublish, publishAtQos2 } = this.#broker.habits
    const isRefused = this.#refusals(packet).publish()
    if (isRefused && refusedPublish === 'silence') return
    if (isRefused && refusedPublish === 'close') return this.#hangUp()
    const route = () => {
      if (!isRefused) this.#broker.publish(packet)
    }
    if (packet.qos === 0) return route()
    const { qos, packetId } = packet
    if (qos === 2 && publishAtQos2 === 'close') return this.#hangUp()
    if (qos === 1 || publishAtQos2 === 'puback') {
      this.#peer.send({ type: 'puback', packetId })
      return route()
    }
    if (publishAtQos2 === 'pubrec') this.#peer.send({ type: 'pubrec', packetId })
    // [MQTT-4.3.3-2] a copy is acknowledged again, and not published again
    if (session.held.has(packetId)) return
    session.held.add(packetId)
    route()
  }

  #release(session: ServedSession, packetId: number): void {
    const isKnown = session.held.delete(packetId)
    if (!isKnown && this.#broker.habits.unknownPubrel === 'close') return this.#hangUp()
    this.#peer.send({ type: 'pubcomp', packetId })
  }

  #subscribe(session: ServedSession, packet: SubscribePacket): void {
    const broker = this.#broker
    const { refusedFilter, retainedBeforeSuback } = broker.habits
    const refusals = this.#refusals(packet)
    const granted = packet.subscriptions.map(({ filter, qos }) => ({
      filter,
      qos: refusals.filter(filter) ? undefined : broker.subscribe(session, filter, qos),
    }))
    if (refusedFilter === 'close' && granted.some(({ qos }) => qos === undefined)) return this.#hangUp()
    const refusal = refusedFilter === 'close' ? 0x80 : refusedFilter
    const suback = {
      type: 'suback',
      packetId: packet.packetId,
      returnCodes: granted.map(({ qos }) => qos ?? refusal),
    } as const
    if (!retainedBeforeSuback) this.#peer.send(suback)
    for (const { filter, qos } of granted) if (qos !== undefined) broker.sendRetained(session, filter, qos)
    if (retainedBeforeSuback) this.#peer.send(suback)
  }

  /** Another connection has the same Client Identifier now. */
  #takenOver(): void {
    const phase = this.#phase
    if (phase.name === 'open' && !this.#broker.habits.willOnTakeOver) phase.will = undefined
    this.#hangUp()
  }

  /** Closes the connection without a reason, as servers do. */
  #hangUp(): void {
    this.end()
    this.#peer.close()
  }

  #violate(violation: Violation, statement: string, what: string): void {
    this.end()
    this.#peer.fail(new ProtocolViolationError(`the client sent ${what}`, { violation, statement }))
  }

  /** The connection has ended, for any reason. Later calls have no effect. */
  end(): void {
    const phase = this.#phase
    this.#phase = { name: 'ended' }
    if (phase.name !== 'open') return
    const { clientId, session, cleanSession, will } = phase
    this.#broker.leave(clientId, session, cleanSession)
    if (will !== undefined) this.#broker.publish(will)
  }
}
