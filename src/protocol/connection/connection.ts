/**
 * One Network Connection, from CONNECT to its end. It dies with its socket; what has to survive is in the session.
 *
 *   new --open--> connecting --CONNACK 0--> connected --> closed
 *
 * and from each of them to `closed`, by DISCONNECT, a fault of the server, a time-out, or the loss of the socket.
 * Nothing is sent before CONNACK but CONNECT, because Session Present decides what has to be sent. After a fault no
 * DISCONNECT is sent: it would make the server drop the will.
 *
 * Every packet that a server may not send here ends the connection with a ProtocolViolationError; the decoder
 * has refused what no peer may send before.
 */
import type { ConnackPacket, ConnectPacket, ControlPacket } from '../../codec/control-packet.js'
import {
  ConnectionLostError,
  ConnectionRefusedError,
  type MqttError,
  ProtocolViolationError,
  TimeoutError,
} from '../../errors.js'
import type { Driver } from '../driver.js'
import type { SessionState } from '../session-state.js'
import { Acknowledgements } from './acknowledgements.js'
import { KeepAlive } from './keep-alive.js'
import { OutputProgress } from './output-progress.js'
import { misplaced } from './violations.js'

/** What one connection is told: its CONNECT, and how long it waits for a sign of life. */
export interface ConnectionSettings {
  /** The first packet of the connection. */
  readonly connect: ConnectPacket
  /** Milliseconds from the start of a PINGREQ, or from when output last left, to the verdict that the peer is dead. */
  readonly pingTimeoutMs: number
}

type Phase =
  | { readonly is: 'new'; readonly connect: ConnectPacket }
  | { readonly is: 'connecting' }
  | { readonly is: 'connected' }
  | { readonly is: 'closed' }

/**
 * So many bytes of messages go out before the driver has to write: about what an operating system takes in one call. One call of the
 * engine never encodes a whole queue.
 */
const outputAllowanceBytes = 65_536

const gapFilled =
  'messages that had no room were not acknowledged, so that the server sends them again on a new connection'

/** Connections are not given up for messages that had no room more often than this. */
const gapsFilledEveryMs = 5_000

const connecting: Phase = { is: 'connecting' }
const connected: Phase = { is: 'connected' }
const closed: Phase = { is: 'closed' }

/** One connection, from its CONNECT to its end. */
export class Connection<P, R> {
  readonly #session: SessionState<P, R>
  readonly #driver: Driver<P, R>
  readonly #cleanSession: boolean
  readonly #pingTimeoutMs: number
  readonly #acknowledgements: Acknowledgements<P, R>
  readonly #keepAlive: KeepAlive
  readonly #outputProgress = new OutputProgress()
  /** The CONNECT packet is let go of once it has been sent: it holds the password. */
  #phase: Phase
  #output: 'open' | 'full' = 'open'
  /** Bytes of messages that may still be sent before the driver writes. */
  #allowanceBytes = outputAllowanceBytes
  #input: 'reading' | 'paused' = 'reading'
  /** The PINGREQ behind the last acknowledgements, if messages that had no room are to come again. */
  #gapPing: number | undefined
  /** The last PINGREQ that the program asked for. */
  #programPing = 0
  /** The time of the call that is being handled. */
  #now: number

  /** Made by `Session.connect`. `now` is in milliseconds on the driver's clock, as everywhere. */
  constructor(session: SessionState<P, R>, driver: Driver<P, R>, settings: ConnectionSettings, now: number) {
    this.#session = session
    this.#driver = driver
    this.#cleanSession = settings.connect.cleanSession
    this.#pingTimeoutMs = settings.pingTimeoutMs
    this.#phase = { is: 'new', connect: settings.connect }
    this.#acknowledgements = new Acknowledgements(session, driver)
    this.#now = now
    this.#keepAlive = new KeepAlive(settings.connect.keepAlive * 1000, settings.pingTimeoutMs, now)
  }

  /** How far the connection has come. */
  get phase(): Phase['is'] {
    return this.#phase.is
  }

  /** True while a new message may go straight to the wire. */
  get takesMessages(): boolean {
    return this.#phase.is === 'connected' && this.#output === 'open' && this.#allowanceBytes > 0
  }

  /** True if messages may wait only because so much was sent: write that, then call `pump`. */
  get moreWaits(): boolean {
    return this.#phase.is === 'connected' && this.#output === 'open' && this.#allowanceBytes <= 0
  }

  /** A message of so many bytes has been sent. */
  messageSent(bytes: number): void {
    this.#allowanceBytes -= bytes
  }

  /** False when the socket should not be read for the time being. */
  wantsToRead(now: number): boolean {
    this.#now = now
    return this.#phase.is !== 'connected' || this.#session.incoming.wantsToRead(now, this.#program)
  }

  /**
   * Whether something that the program asked for is open: a handler may wait for it. PINGREQs of Keep Alive do not count: nobody
   * waits for them.
   */
  get #program(): 'waits' | 'idle' {
    const { outgoing, table, requests } = this.#session
    const isOpen = table.size > 0 || requests.size > 0 || outgoing.queue.size > 0 || this.#output === 'full'
    return isOpen || this.#programPing > this.#keepAlive.answered ? 'waits' : 'idle'
  }

  /** [MQTT-3.1.0-1] The stream is open: CONNECT goes first. */
  open(now: number): void {
    // [MQTT-3.1.0-2] [3.1 one CONNECT] CONNECT goes out once on a connection.
    if (this.#phase.is !== 'new') return
    const { connect } = this.#phase
    this.#now = now
    this.#phase = connecting
    this.#session.connectSent()
    this.#driver.send(connect)
    this.#keepAlive.sent(now)
  }

  /** Bytes have been handed to the socket. */
  bytesSent(now: number): void {
    this.#keepAlive.sent(now)
  }

  /** Bytes have come from the socket; their packets follow through `receive`. */
  bytesReceived(now: number): void {
    this.#now = now
    this.#keepAlive.received(now)
  }

  /** The socket takes no more for now: acknowledgements and PINGREQ still go out, messages wait. */
  outputFull(): void {
    this.#output = 'full'
  }

  /** The socket takes bytes again: what has waited goes on. */
  outputDrained(now: number): void {
    this.#output = 'open'
    this.pump(now)
  }

  /**
   * Of the output that had to wait, a part has left, or all that there was. Not for what leaves at once: only a peer
   * that takes what had to wait for it has shown that it lives, and has a reason for not having answered.
   */
  outputLeft(now: number, extent: 'part' | 'all'): void {
    this.#keepAlive.outputLeft(now)
    this.#outputProgress.left(now, extent, this.#session.outgoing.oldestWrittenAt)
  }

  /** The driver has stopped reading, so that silence proves nothing. */
  readingPaused(): void {
    this.#input = 'paused'
    this.#keepAlive.readingPaused()
  }

  /** The driver reads again. */
  readingResumed(now: number): void {
    this.#input = 'reading'
    this.#keepAlive.readingResumed(now)
    this.#outputProgress.readingResumed(now)
  }

  /** What was sent is with the socket, or with whoever writes it: sends more of what waits. */
  pump(now: number): void {
    this.#allowanceBytes = outputAllowanceBytes
    this.sendWaiting(now)
  }

  /** Sends what waits, as far as the window, the socket and the allowance reach. */
  sendWaiting(now: number): void {
    this.#now = now
    // [3.1.4 early packets] They are allowed, but what has to be sent is not known before Session Present.
    if (this.#phase.is !== 'connected') return
    this.#session.requests.pump(this.#driver, now)
    this.#session.outgoing.pump(this, now)
  }

  /**
   * Handlers have ended, or there was no room for them. Once everything is acknowledged but messages that had no room, the connection
   * is given up, so that the server sends these again. A PINGREQ goes first: when it is answered, our acknowledgements have
   * been read.
   */
  handlersProgressed(now: number): void {
    this.#now = now
    if (now >= this.#gapFillingAt) this.#gapPing = this.#sendPing(now)
  }

  /** When the connection may be given up for messages that had no room; Infinity if there is no need. */
  get #gapFillingAt(): number {
    const isWanted = this.#phase.is === 'connected' && this.#gapPing === undefined
    if (!isWanted || !this.#session.incoming.wantsGapFilled) return Number.POSITIVE_INFINITY
    return this.#session.gapFilledAt + gapsFilledEveryMs
  }

  #fillGap(): void {
    this.#session.gapFilledAt = this.#now
    this.#fail(new ConnectionLostError(gapFilled, { reason: 'redelivery' }))
  }

  /** A packet has come. A violation ends the connection through `Driver.closing`; nothing is thrown. */
  receive(packet: ControlPacket<Buffer>): void {
    // [MQTT-3.14.4-2] After DISCONNECT nothing is sent any more, so nothing that comes is answered; after a fault
    // nothing is looked at.
    if (this.#phase.is === 'closed') return
    if (this.#phase.is !== 'connected') {
      if (this.#phase.is === 'connecting' && packet.type === 'connack') return this.#connack(packet)
      return this.#fail(misplaced(packet.type, this.#phase.is))
    }
    switch (packet.type) {
      case 'publish': {
        const violation = this.#session.incoming.receive(packet, this.#now)
        if (violation !== undefined) return this.#fail(violation)
        return this.handlersProgressed(this.#now)
      }
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
      case 'unsuback':
        return this.#acknowledged(this.#acknowledgements.settle(packet.type, packet.packetId, this.#now))
      case 'suback':
        return this.#acknowledged(this.#acknowledgements.suback(packet))
      case 'pubrel':
        return this.#acknowledgements.release(packet.packetId)
      case 'pingresp': {
        const pingreq = this.#keepAlive.pingresp()
        if (pingreq === 'unsolicited') this.#driver.anomaly('unsolicited-pingresp', undefined)
        else if (pingreq === this.#gapPing) this.#fillGap()
        return
      }
      case 'connack':
      case 'connect':
      case 'subscribe':
      case 'unsubscribe':
      case 'pingreq':
      case 'disconnect':
        return this.#fail(misplaced(packet.type, 'connected'))
    }
  }

  /** What an acknowledgement has freed may let something go that waits. */
  #acknowledged(violation: ProtocolViolationError | undefined): void {
    if (violation === undefined) this.sendWaiting(this.#now)
    else this.#fail(violation)
  }

  #connack({ sessionPresent, returnCode }: ConnackPacket): void {
    // [MQTT-3.2.2-5] [MQTT-3.1.3-8] [MQTT-3.1.3-9] Refused, for whatever reason: nothing can follow on this connection,
    // so we close it too.
    if (returnCode !== 0) {
      this.#session.connectRefused()
      return this.#fail(new ConnectionRefusedError(returnCode))
    }
    if (sessionPresent && this.#cleanSession) {
      // [MQTT-3.2.2-1] There can be no session after a clean one was asked for.
      const text = 'the server says that it resumes a session (Session Present 1), although Clean Session 1 was asked'
      const details = { violation: 'session-present-after-clean-session', statement: 'MQTT-3.2.2-1' } as const
      return this.#fail(new ProtocolViolationError(text, details))
    }
    this.#phase = connected
    this.#session.begin(sessionPresent)
    this.sendWaiting(this.#now)
    // [MQTT-3.1.2-23] Keep Alive has run since CONNECT, but nothing may be sent before CONNACK.
    if (this.#keepAlive.verdict(this.#now) === 'ping') this.#sendPing(this.#now)
    this.#driver.connected(sessionPresent)
  }

  /** When the server will have taken too long over an acknowledgement. */
  get #acknowledgementDeadline(): number {
    const { outgoing, settings } = this.#session
    // An acknowledgement that nobody reads is not missing.
    if (this.#input === 'paused') return Number.POSITIVE_INFINITY
    return this.#outputProgress.waitsSince(outgoing.oldestWrittenAt) + settings.ackTimeoutMs
  }

  /** When `tick` has something to do; Infinity if nothing is due. */
  nextDeadline(): number {
    if (this.#phase.is !== 'connected') return Number.POSITIVE_INFINITY
    return Math.min(
      this.#keepAlive.deadline(),
      this.#acknowledgementDeadline,
      this.#session.outgoing.pacingDeadline,
      this.#session.requests.nextDeadline(),
      this.#session.incoming.nextDeadline(this.#now, this.#program),
      this.#gapFillingAt,
    )
  }

  /** @internal The state as plain data, for tests and for whoever looks for a fault. */
  inspect() {
    return { phase: this.#phase.is, output: this.#output, input: this.#input, deadline: this.nextDeadline() }
  }

  /**
   * Does what is due at `now`: PINGREQ, and the verdicts over PINGRESP and acknowledgements that did not come. How long CONNACK
   * may take is the driver's affair: its time limit began before there was a stream.
   */
  tick(now: number): void {
    this.#now = now
    if (this.#phase.is !== 'connected') return
    this.#session.requests.expire(this.#driver, now)
    this.requestAbandoned()
    if (this.phase !== 'connected') return
    this.handlersProgressed(now)
    if (now >= this.#acknowledgementDeadline) {
      return this.#timedOut(
        'acknowledgement',
        'an acknowledgement',
        this.#session.settings.ackTimeoutMs,
        'ackTimeoutMs',
      )
    }
    if (now >= this.#session.outgoing.pacingDeadline) this.sendWaiting(now)
    const verdict = this.#keepAlive.verdict(now)
    // [MQTT-3.12.4-1] [3.1.2.10 missing PINGRESP] A PINGREQ is answered; a server that does not has gone.
    if (verdict === 'dead')
      return this.#timedOut('ping', 'PINGRESP or any other byte', this.#pingTimeoutMs, 'pingTimeoutMs')
    if (verdict === 'ping') this.#sendPing(now)
  }

  /** Ends the connection if too many requests that nobody waits for keep their Packet Identifiers. */
  requestAbandoned(): void {
    const error = this.#phase.is === 'connected' ? this.#session.requests.tooManyAbandoned : undefined
    if (error !== undefined) this.#fail(error)
  }

  /** PINGREQs of this connection that are answered: PINGRESP answers the oldest that is not. */
  get pingsAnswered(): number {
    return this.#keepAlive.answered
  }

  /**
   * Sends PINGREQ, because the program wants to know. Returns its number, 1 for the first of the connection: it is answered once
   * `pingsAnswered` has come so far. Undefined before CONNACK and after the end, when nothing is sent.
   */
  ping(now: number): number | undefined {
    if (this.#phase.is !== 'connected') return undefined
    this.#programPing = this.#sendPing(now)
    return this.#programPing
  }

  #sendPing(now: number): number {
    this.#driver.send({ type: 'pingreq' })
    this.#keepAlive.sent(now)
    return this.#keepAlive.pinged(now, this.#input)
  }

  /** Says goodbye: the server drops the will. Nothing is sent after it [MQTT-3.14.4-2]. */
  disconnect(): void {
    if (this.#phase.is === 'closed') return
    if (this.#phase.is === 'connected') this.#driver.send({ type: 'disconnect' })
    this.close()
  }

  /** The socket is gone, or must not be used any more. */
  close(): void {
    if (this.#phase.is === 'closed') return
    this.#phase = closed
    this.#session.connectionEnded()
  }

  #timedOut(operation: 'ping' | 'acknowledgement', missing: string, timeoutMs: number, option: string): void {
    this.#fail(
      new TimeoutError(`the server has not sent ${missing} within ${timeoutMs} ms (${option})`, {
        operation,
        timeoutMs,
      }),
    )
  }

  /** [MQTT-4.8.0-1] A violation closes the connection it came on, and what comes after it is not looked at. */
  #fail(error: MqttError): void {
    this.close()
    this.#driver.closing(error)
  }
}
