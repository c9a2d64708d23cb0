/**
 * One connection of a device: what makes the small server of `mqtt311/testing` into the platform.
 *
 *   device  --bytes-->  this  --packets that the platform takes-->  served connection
 *   device  <--bytes--  this  <--packets, some of them rewritten--  served connection
 *
 * A connection is `connecting` until the CONNECT packet was judged. One that is refused is answered here, and the server
 * never hears of it. One that is let in has the session of its device, so that session and takeover belong to the device
 * and not to whatever its Client Identifier is this time; from then on it is `open`. It is `closed` once and for ever, by
 * whichever end comes first. What the platform drops is dropped here; for what it does not support (QoS 2, retained messages)
 * the documentation gives no reaction, so the hardest is taken: the connection is closed.
 */

import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { ConnectPacket, ControlPacket, PublishPacket, QoS, SubscribePacket } from '../../codec/control-packet.js'
import { PacketDecoder } from '../../codec/decode/packet-decoder.js'
import { encodePacket } from '../../codec/encode/packet-writer.js'
import { isMqttError } from '../../errors.js'
import { isError } from '../../realms/foreign-values.js'
import { ServedConnection } from '../../testing/broker/served-connection.js'
import { type Admission, judge, type Verdict } from './admission.js'
import type { DeviceSessions } from './device-sessions.js'
import type { ConnectSeen, DeviceNames, EndSeen, PlatformEvent, PublishSeen } from './events.js'
import { limits, type Meter } from './limits.js'
import { keyOf, type Registry } from './registry.js'
import { filterFault, isSwallowed, publishFault, type Rules, subscribeFault } from './rules.js'

/** What all connections share. */
export interface House {
  readonly rules: Rules
  readonly registry: Registry
  readonly sessions: DeviceSessions
  tell(event: PlatformEvent): void
  /** True if this CONNECT comes in a storm, and is to be answered with 3. */
  takeStorm(): boolean
  /** A device is let in: whichever connection it had before is thrown out. */
  enter(key: string, connection: DeviceConnection): void
  /** The connection is closed; `key` is what it was let in as. */
  leave(connection: DeviceConnection, key: string | undefined): void
}

interface Open {
  readonly name: 'open'
  readonly device: DeviceNames
  readonly key: string
  readonly meter: Meter
  readonly served: ServedConnection
  /** Cuts the connection when nothing has come for too long. */
  readonly cutter: NodeJS.Timeout
  /** Ends a registration, however busy it is. */
  readonly deadline: NodeJS.Timeout | undefined
}

type Phase = { readonly name: 'connecting' } | Open | { readonly name: 'closed' }

/** With more unsent bytes, messages at QoS 0 are dropped. */
const unsentMax = 1024 * 1024

const packetBytesMax = 1024 * 1024

export class DeviceConnection {
  readonly #socket: Socket
  readonly #house: House
  readonly #decoder = new PacketDecoder({ maxPacketBytes: packetBytesMax, from: 'client' })
  /** The QoS that the filters of the SUBSCRIBE in hand ask for, and why some of them are refused. */
  #asked: readonly QoS[] = []
  readonly #refused = new Map<string, string>()
  /** Packet Identifiers that wait for their PUBACK: from the platform, and from the device. */
  readonly #up = new Set<number>()
  readonly #down = new Set<number>()
  #phase: Phase = { name: 'connecting' }

  constructor(socket: Socket, house: House) {
    this.#socket = socket
    this.#house = house
    socket.on('data', (chunk) => this.#decode(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('end', () => socket.end())
    socket.on('close', () => this.close('closed', 'the device closed it without DISCONNECT'))
  }

  /** Closes the connection at once. It has no effect on a closed one. */
  close(by: EndSeen['by'], reason: string): void {
    const phase = this.#phase
    if (phase.name === 'closed') return
    this.#phase = { name: 'closed' }
    this.#socket.destroy()
    if (phase.name === 'open') {
      clearTimeout(phase.cutter)
      clearTimeout(phase.deadline)
      phase.served.end()
    }
    const device = phase.name === 'open' ? phase.device : undefined
    this.#house.leave(this, phase.name === 'open' ? phase.key : undefined)
    this.#house.tell({ type: 'end', device, by, reason })
  }

  #decode(chunk: Buffer): void {
    if (this.#phase.name === 'closed') return
    try {
      this.#decoder.decode(chunk, (packet) => this.#receive(packet))
    } catch (error) {
      this.#fail(isError(error) ? error : new Error(String(error)))
    }
  }

  /** The device broke the standard. */
  #fail(error: Error): void {
    const fault = isMqttError(error) && error.code === 'MQTT_MALFORMED_PACKET' ? error.fault : undefined
    const isFirst = fault !== undefined && this.#phase.name === 'connecting'
    // Another version of the protocol is told so, as every server does.
    if (fault === 'protocol-level') this.#write({ type: 'connack', sessionPresent: false, returnCode: 1 })
    this.#violation(isFirst ? `not MQTT 3.1.1: ${error.message}` : error.message)
  }

  #violation(reason: string): void {
    this.close('violation', reason)
  }

  #receive(packet: ControlPacket<Buffer>): void {
    const phase = this.#phase
    if (phase.name === 'closed') return
    if (phase.name === 'connecting') {
      if (packet.type === 'connect') this.#connect(packet)
      else this.#violation(`${packet.type.toUpperCase()} before CONNECT`)
      return
    }
    phase.cutter.refresh()
    const { device, served } = phase
    switch (packet.type) {
      case 'publish':
        return this.#publish(packet, phase)
      case 'subscribe':
        return this.#subscribe(packet, phase)
      case 'unsubscribe':
        this.#house.tell({ type: 'unsubscribe', device, filters: packet.filters })
        break
      case 'puback':
        this.#down.delete(packet.packetId)
        this.#house.tell({ type: 'puback', device })
        break
      case 'pingreq':
        this.#house.tell({ type: 'pingreq', device, answered: this.#house.rules.broken !== 'pingresp' })
        break
      case 'disconnect':
        this.#house.tell({ type: packet.type, device })
        break
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
        return this.#violation(`${packet.type.toUpperCase()}: QoS 2 is not supported`)
    }
    served.receive(packet)
  }

  #connect(packet: ConnectPacket<Buffer>): void {
    const { rules } = this.#house
    const verdict = this.#verdict(packet)
    const isAnswered = rules.broken !== 'connack'
    this.#house.tell(connectSeen(this.#socket, packet, verdict, isAnswered))
    if (verdict.kind !== 'refused') return this.#open(packet, verdict)
    if (isAnswered) this.#write({ type: 'connack', sessionPresent: false, returnCode: verdict.returnCode })
    this.#phase = { name: 'closed' }
    this.#house.leave(this, undefined)
    this.#socket.destroySoon()
  }

  #verdict(packet: ConnectPacket<Buffer>): Verdict {
    const { rules, registry, sessions } = this.#house
    if (this.#house.takeStorm()) return { kind: 'refused', returnCode: 3, reason: 'a storm' }
    const socket = this.#socket
    const verdict = judge(packet, registry, {
      keepAlive: rules.keepAlive,
      overTls: socket instanceof TLSSocket,
      fingerprint: fingerprintOf(socket),
      signaturesBroken: rules.broken === 'signature',
    })
    // Attempts count whether they succeed or not; which device it was is known by the user name alone.
    if (rules.limited && !sessions.meterOf(packet.username ?? '').connect()) {
      const besides = verdict.kind === 'refused' ? `; besides, ${verdict.reason}` : ''
      const reason = `more than ${limits.connectsPerMinute} attempts in a minute${besides}`
      return { kind: 'refused', returnCode: 3, reason }
    }
    return verdict
  }

  #open(packet: ConnectPacket<Buffer>, admission: Admission): void {
    const { rules, sessions } = this.#house
    const { names } = admission
    const isRegistration = admission.kind === 'registration'
    const key = isRegistration ? `registration of ${keyOf(names)}` : keyOf(names)
    const served = this.#serve(key)
    const deadline = isRegistration
      ? setTimeout(() => this.close('deadline', 'the time for a registration is over'), rules.registrationMs)
      : undefined
    const cutter = this.#cutter(packet)
    this.#house.enter(key, this)
    this.#phase = { name: 'open', device: names, key, meter: sessions.meterOf(key), served, cutter, deadline }
    const { cleanSession } = packet
    // The credentials and Keep Alive are minded here.
    served.receive({ type: 'connect', clientId: key, cleanSession, keepAlive: 0 })
    const greeting = greetingOf(admission)
    // On a topic that the device has not subscribed.
    if (greeting !== undefined) sessions.push(key, { ...greeting, qos: 1, retain: false })
  }

  #serve(key: string): ServedConnection {
    const { sessions, rules } = this.#house
    const socket = this.#socket
    const peer = {
      send: (packet: ControlPacket<Buffer>) => this.#send(packet),
      close: () => this.close('closed', 'after DISCONNECT'),
      fail: (error: Error) => this.#fail(error),
      get isFull() {
        return socket.writableLength > unsentMax
      },
    }
    return new ServedConnection(sessions, peer, () => ({
      connect: () => 0,
      publish: () => false,
      filter: (filter) => {
        const fault = filterFault(rules, filter, sessions.subscriptionsOf(key))
        if (fault !== undefined) this.#refused.set(filter, fault)
        return fault !== undefined
      },
    }))
  }

  /** Cuts the connection when nothing has come for 1.5 times Keep Alive; the platform may wait half a minute more. */
  #cutter({ keepAlive }: ConnectPacket): NodeJS.Timeout {
    const seconds = keepAlive * 1.5
    const reason = `nothing came for ${seconds} s, 1.5 times Keep Alive`
    return setTimeout(() => this.close('cut', reason), seconds * 1000)
  }

  #publish(packet: PublishPacket<Buffer>, { device, meter, served }: Open): void {
    const { rules } = this.#house
    const { topic, payload, qos, retain } = packet
    const dup = packet.qos !== 0 && packet.dup
    const fault = publishFault(rules, packet)
    // In silence: at QoS 1 the device waits for PUBACK in vain.
    const isDropped = fault === undefined && rules.limited && !meter.publish(qos)
    const taken = qos === 1 && rules.broken === 'puback' ? 'unanswered' : 'taken'
    const fate: PublishSeen['fate'] = fault !== undefined ? 'refused' : isDropped ? 'dropped' : taken
    this.#house.tell({ type: 'publish', device, topic, payload, qos, retain, dup, fate })
    if (fault !== undefined) return this.#violation(fault)
    if (packet.qos === 1) this.#up.add(packet.packetId)
    if (rules.limited && this.#up.size > limits.unacknowledged) {
      return this.#violation(`more than ${limits.unacknowledged} messages unacknowledged`)
    }
    if (!isDropped) served.receive(packet)
  }

  /** The QoS that is asked for is promised, and then ignored: with 1, each message comes with the QoS of its publisher. */
  #subscribe(packet: SubscribePacket, { device, served }: Open): void {
    const fault = subscribeFault(this.#house.rules, packet)
    if (fault !== undefined) return this.#violation(fault)
    const filters = packet.subscriptions
    this.#refused.clear()
    this.#asked = filters.map(({ qos }) => qos)
    served.receive({ ...packet, subscriptions: filters.map(({ filter }) => ({ filter, qos: 1 })) })
    const codes = filters.map(({ filter, qos }) => (this.#refused.has(filter) ? 0x80 : promised(qos)))
    const granted = this.#house.rules.broken === 'suback' ? undefined : codes
    this.#house.tell({ type: 'subscribe', device, filters, granted, reasons: new Map(this.#refused) })
  }

  /** From the platform to the device. */
  #send(packet: ControlPacket<Buffer>): void {
    const phase = this.#phase
    if (phase.name !== 'open') return
    if (packet.type === 'publish') return this.#deliver(packet, phase)
    if (isSwallowed(this.#house.rules, packet)) return
    if (packet.type === 'puback') this.#up.delete(packet.packetId)
    if (packet.type !== 'suback') return this.#write(packet)
    const returnCodes = Array.from(packet.returnCodes, (code, index) =>
      code === 0x80 ? code : promised(this.#asked[index] ?? 0),
    )
    this.#write({ ...packet, returnCodes })
  }

  #deliver(packet: PublishPacket<Buffer>, { device, meter }: Open): void {
    const { topic, payload, qos } = packet
    const withheld = isSwallowed(this.#house.rules, packet) ? 'lost on purpose' : this.#reasonToWithhold(meter)
    if (withheld === undefined) {
      if (packet.qos === 1) this.#down.add(packet.packetId)
      this.#write(packet)
    }
    this.#house.tell({ type: 'delivery', device, topic, payload, qos, withheld })
  }

  #reasonToWithhold(meter: Meter): string | undefined {
    if (!this.#house.rules.limited) return undefined
    if (this.#down.size >= limits.unacknowledged) return `${limits.unacknowledged} messages wait for their PUBACK`
    return meter.deliver() ? undefined : `more than ${limits.deliveriesPerSecond} messages in a second`
  }

  #write(packet: ControlPacket<Buffer>): void {
    this.#socket.write(encodePacket(packet))
  }
}

function promised(qos: QoS): 0 | 1 {
  return qos === 0 ? 0 : 1
}

/** SHA-256 of the client certificate, if there is one. The handshake has proved that the device has its key. */
function fingerprintOf(socket: Socket): string | undefined {
  return socket instanceof TLSSocket ? socket.getPeerCertificate().fingerprint256 : undefined
}

function connectSeen(socket: Socket, packet: ConnectPacket, verdict: Verdict, isAnswered: boolean): ConnectSeen {
  const { clientId, username, keepAlive, cleanSession } = packet
  const { localAddress: address, localFamily: family } = socket
  const isRefused = verdict.kind === 'refused'
  return {
    type: 'connect',
    clientId,
    username,
    keepAlive,
    cleanSession,
    returnCode: isAnswered ? (isRefused ? verdict.returnCode : 0) : undefined,
    reason: isRefused ? verdict.reason : undefined,
    admitted: isRefused ? undefined : { device: verdict.names, as: verdict.kind },
    address,
    family,
    tls: tlsOf(socket),
  }
}

function tlsOf(socket: Socket): ConnectSeen['tls'] {
  if (!(socket instanceof TLSSocket)) return undefined
  const version = socket.getProtocol() ?? 'none'
  return { version, cipher: socket.getCipher().name, resumed: socket.isSessionReused() }
}

/** What a device that is new here is told. */
function greetingOf(admission: Admission): { readonly topic: string; readonly payload: Buffer } | undefined {
  if (admission.kind === 'registration') {
    return { topic: admission.topic, payload: Buffer.from(JSON.stringify(admission.answer)) }
  }
  if (!admission.announced) return undefined
  return { topic: '/ext/auth/identity/response', payload: Buffer.from(JSON.stringify(admission.names)) }
}
