/**
 * One Network Connection, from CONNECT to its end. It lives as long as its socket; all state that must survive is in the session.
 *
 *   new --open--> connecting --CONNACK 0--> connected --> closed
 *
 * From each phase the connection can become `closed`: by DISCONNECT, a violation of the server, a time-out, or the loss of the socket.
 * Before CONNACK only CONNECT is sent, because Session Present decides what must be sent next. After a violation no DISCONNECT is
 * sent: it would make the server discard the will.
 *
 * A packet that a server may not send now ends the connection with a ProtocolViolationError; the decoder refuses malformed packets.
 */
import type { ConnackPacket, ConnectPacket, ControlPacket, UnnamedPublishPacket } from '../../codec/control-packet.js'
import { ConnectionRefusedError, type MqttError, type ProtocolViolationError } from '../../errors.js'
import type { Driver } from '../driver.js'
import type { SessionState } from '../session-state.js'
import { Acknowledgements } from './acknowledgements.js'
import type { CareLine } from './care.js'
import { Caution } from './caution.js'
import { GapFilling } from './gap-filling.js'
import { KeepAlive } from './keep-alive.js'
import { Nudge } from './nudge.js'
import { OutputProgress } from './output-progress.js'
import { gapFilled, misplaced, pingTimedOut, unexpectedSession } from './violations.js'

/** The settings of one connection. */
export interface ConnectionSettings {
  /** The first packet of the connection. */
  readonly connect: ConnectPacket
  /** Milliseconds from a PINGREQ, or from the last progress of output, until a silent server counts as dead. */
  readonly pingTimeoutMs: number
}

type Phase =
  | { readonly is: 'new'; readonly connect: ConnectPacket }
  | { readonly is: 'connecting' | 'connected' | 'closed' }

/**
 * After so many bytes of messages the driver has to write before the engine sends more: about what an operating system takes in one
 * call. So one call of the engine never encodes a whole queue.
 */
const outputAllowanceBytes = 65_536

const connecting: Phase = { is: 'connecting' }
const connected: Phase = { is: 'connected' }
const closed: Phase = { is: 'closed' }

/** One connection, from its CONNECT to its end. */
export class Connection<P, R> implements CareLine {
  readonly #session: SessionState<P, R>
  readonly #driver: Driver<P, R>
  readonly #cleanSession: boolean
  readonly #pingTimeoutMs: number
  readonly #acknowledgements: Acknowledgements<P, R>
  readonly #keepAlive: KeepAlive
  readonly #outputProgress = new OutputProgress()
  readonly #nudge: Nudge
  readonly #caution: Caution<P, R>
  readonly #gap: GapFilling
  /** The CONNECT packet is not kept after it has been sent, because it has the password. */
  #phase: Phase
  #output: 'open' | 'full' = 'open'
  /** How many more bytes of messages may be sent before the driver writes. */
  #allowanceBytes = outputAllowanceBytes
  #input: 'reading' | 'paused' = 'reading'
  /** The number of the last PINGREQ that the program asked for. */
  #programPing = 0
  /** The time of the present call. */
  #now: number

  /** Made by `Session.connect`. `now` is in milliseconds on the driver's clock, as everywhere. */
  constructor(session: SessionState<P, R>, driver: Driver<P, R>, settings: ConnectionSettings, now: number) {
    this.#session = session
    this.#driver = driver
    this.#cleanSession = settings.connect.cleanSession
    this.#pingTimeoutMs = settings.pingTimeoutMs
    this.#phase = { is: 'new', connect: settings.connect }
    this.#acknowledgements = new Acknowledgements(session, driver)
    this.#caution = new Caution(session, driver, this)
    this.#gap = new GapFilling(session)
    this.#now = now
    this.#keepAlive = new KeepAlive(settings.connect.keepAlive * 1000, settings.pingTimeoutMs, now)
    this.#nudge = new Nudge(session.settings.nudge)
  }

  /** The phase of the connection. */
  get phase(): Phase['is'] {
    return this.#phase.is
  }

  /** True while a message may be sent at once. */
  get takesMessages(): boolean {
    return this.hasRoom && this.#caution.care === undefined
  }

  /** True while the output has room for a message. */
  get hasRoom(): boolean {
    return this.#phase.is === 'connected' && this.#output === 'open' && this.#allowanceBytes > 0
  }

  /** True if the byte allowance of this call is used up, so messages may wait: the driver writes the output, then calls `pump`. */
  get moreWaits(): boolean {
    return this.#phase.is === 'connected' && this.#output === 'open' && this.#allowanceBytes <= 0
  }

  /** A message of so many bytes was sent. */
  messageSent(bytes: number): void {
    this.#allowanceBytes -= bytes
  }

  /** False while the socket should not be read. */
  wantsToRead(now: number): boolean {
    this.#now = now
    return this.#phase.is !== 'connected' || this.#session.incoming.wantsToRead(now, this.#program)
  }

  /**
   * 'waits' if something that the program asked for is unanswered or unsent: a handler may wait for it. A PINGREQ of Keep Alive does
   * not count: no handler waits for it.
   */
  get #program(): 'waits' | 'idle' {
    const { outgoing, table, requests } = this.#session
    const isOpen = table.size > 0 || requests.size > 0 || outgoing.queue.size > 0 || this.#output === 'full'
    return isOpen || this.#programPing > this.#keepAlive.answered ? 'waits' : 'idle'
  }

  /** [MQTT-3.1.0-1] The stream is open: CONNECT is the first packet. */
  open(now: number): void {
    // [MQTT-3.1.0-2] [3.1 one CONNECT] CONNECT is sent once on a connection.
    if (this.#phase.is !== 'new') return
    const { connect } = this.#phase
    this.#now = now
    this.#phase = connecting
    this.#session.connectSent()
    this.#driver.send(connect)
    this.#keepAlive.sent(now)
  }

  /** Bytes were handed to the socket. */
  bytesSent(now: number): void {
    if (!this.#nudge.written()) this.#keepAlive.sent(now)
    this.#caution.care?.bytesSent(now)
  }

  /** Bytes came from the socket; the driver passes their packets to `receive` next. */
  bytesReceived(now: number): void {
    this.#now = now
    this.#keepAlive.received(now)
  }

  /** The output has reached its limit: messages wait, but acknowledgements and PINGREQ are still sent. */
  outputFull(): void {
    this.#output = 'full'
    this.#caution.care?.outputFull()
  }

  /** The output has room again, so waiting messages are sent. */
  outputDrained(now: number): void {
    this.#output = 'open'
    this.pump(now)
  }

  /**
   * The network has taken a part of the waiting output, or all of it. The driver does not call this for output that never had to
   * wait. A server that takes waiting output is alive, and it could not answer packets that were still waiting.
   */
  outputTaken(now: number, extent: 'part' | 'all'): void {
    this.#keepAlive.outputTaken(now)
    this.#outputProgress.taken(now, extent, this.#session.outgoing.oldestWrittenAt)
    if (extent === 'all') this.#caution.care?.allTaken(now)
  }

  /** The driver does not read the socket from now on, so silence of the server proves nothing. */
  readingPaused(): void {
    this.#input = 'paused'
    this.#nudge.silenceEnded()
    this.#keepAlive.readingPaused()
  }

  /** The driver reads the socket again. */
  readingResumed(now: number): void {
    this.#input = 'reading'
    this.#keepAlive.readingResumed(now)
    this.#outputProgress.readingResumed(now)
  }

  /** The driver has written the output of earlier calls: sends more of the waiting packets. */
  pump(now: number): void {
    this.#allowanceBytes = outputAllowanceBytes
    this.sendWaiting(now)
  }

  /** Sends waiting requests and messages, as far as the window, the output and the allowance have room. */
  sendWaiting(now: number): void {
    this.#now = now
    // [3.1.4 early packets] The standard allows packets before CONNACK, but Session Present decides what must be sent.
    if (this.#phase.is !== 'connected') return
    if (!this.#caution.isOver(now)) return
    this.#session.requests.pump(this.#driver, now)
    this.#session.outgoing.pump(this, now)
  }

  /** Handlers have ended, or a message had no room: see `GapFilling`. */
  handlersProgressed(now: number): void {
    this.#now = now
    if (this.#phase.is === 'connected' && now >= this.#gap.deadline) this.#gap.pinged(this.sendPing(now))
  }

  /** A packet came. For a violation this method calls `Driver.closing`; it never throws. */
  receive(packet: ControlPacket<Buffer> | UnnamedPublishPacket<Buffer>): void {
    // [MQTT-3.14.4-2] After DISCONNECT no packet may be sent, so no packet is answered. After a violation no packet is handled.
    if (this.#phase.is === 'closed') return
    if (this.#phase.is !== 'connected') {
      if (this.#phase.is === 'connecting' && packet.type === 'connack') return this.#connack(packet)
      return this.#fail(misplaced(packet.type, this.#phase.is))
    }
    switch (packet.type) {
      case 'publish':
      case 'unnamed-publish': {
        const { incoming } = this.#session
        const violation = incoming.receive(packet, this.#now)
        if (violation !== undefined) return this.#fail(violation)
        if (incoming.wantsGapFilled) this.handlersProgressed(this.#now)
        return
      }
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
      case 'unsuback':
        if (!this.#keepAlive.isAsked)
          this.#nudge.answered(this.#now, this.#session.outgoing.oldestWrittenAt, this.#session.table.publishes)
        return this.#afterAcknowledgement(this.#acknowledgements.acknowledged(packet.type, packet.packetId, this.#now))
      case 'suback':
        if (!this.#keepAlive.isAsked) this.#nudge.subscribed(this.#now)
        return this.#afterAcknowledgement(this.#acknowledgements.suback(packet))
      case 'pubrel':
        return this.#acknowledgements.release(packet.packetId)
      case 'pingresp': {
        const pingreq = this.#keepAlive.pingresp()
        this.#nudge.pingresp(this.#now, this.#session.outgoing.oldestWrittenAt, this.#session.requests.size)
        if (pingreq === 'unsolicited') this.#driver.anomaly('unsolicited-pingresp', undefined)
        else if (this.#gap.isAnswered(pingreq, this.#now)) this.#fail(gapFilled())
        else if (this.#caution.care !== undefined) this.sendWaiting(this.#now)
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

  /** An acknowledgement may have freed a Packet Identifier or a place in the window, so waiting packets may be sent. */
  #afterAcknowledgement(violation: ProtocolViolationError | undefined): void {
    if (violation === undefined) this.sendWaiting(this.#now)
    else this.#fail(violation)
  }

  #connack({ sessionPresent, returnCode }: ConnackPacket): void {
    // [MQTT-3.2.2-5] [MQTT-3.1.3-8] [MQTT-3.1.3-9] The server has refused the connection and closes it; we close it too.
    if (returnCode !== 0) {
      this.#session.connectRefused()
      return this.#fail(new ConnectionRefusedError(returnCode))
    }
    const isContradiction = sessionPresent && this.#cleanSession
    // [MQTT-3.2.2-1] After Clean Session 1 the server can have no session to resume.
    if (isContradiction && this.#session.settings.strict) return this.#fail(unexpectedSession())
    this.#phase = connected
    if (isContradiction) this.#driver.anomaly('session-present-after-clean-session', undefined)
    this.#caution.connected(sessionPresent, this.#now)
    this.sendWaiting(this.#now)
    // [MQTT-3.1.2-23] Keep Alive counts from CONNECT, but a PINGREQ is not sent before CONNACK.
    if (this.#keepAlive.due(this.#now) === 'ping') this.sendPing(this.#now)
    this.#driver.connected(sessionPresent && !isContradiction)
  }

  /** When the time for the oldest missing acknowledgement is over. */
  get #acknowledgementDeadline(): number {
    const { outgoing, settings } = this.#session
    // While the socket is not read, an acknowledgement may have come already.
    if (this.#input === 'paused') return Infinity
    return this.#outputProgress.answerTimeFrom(outgoing.oldestWrittenAt) + settings.ackTimeoutMs
  }

  /** When `tick` has something to do; Infinity if nothing is due. */
  nextDeadline(): number {
    if (this.#phase.is !== 'connected') return Infinity
    return Math.min(
      this.#keepAlive.deadline(),
      this.#acknowledgementDeadline,
      this.#session.outgoing.pacingDeadline,
      this.#session.requests.nextDeadline(),
      this.#session.incoming.nextDeadline(this.#now, this.#program),
      this.#gap.deadline,
      this.#caution.deadline,
      this.#nudge.deadline(this.#session.outgoing.oldestWrittenAt),
    )
  }

  /** @internal The state as plain data, for tests and for debugging. */
  inspect() {
    return {
      phase: this.#phase.is,
      output: this.#output,
      input: this.#input,
      deadline: this.nextDeadline(),
      care: this.#caution.care?.inspect(this.#now),
      nudge: this.#nudge.inspect(this.#now),
    }
  }

  /**
   * Does what is due at `now`: sends PINGREQ, and ends a connection whose PINGRESP or acknowledgement did not come in time. The driver
   * has the time limit for CONNACK, because that limit begins before there is a stream.
   */
  tick(now: number): void {
    this.#now = now
    if (this.#phase.is !== 'connected') return
    this.#session.requests.expire(this.#driver, now)
    this.requestAbandoned()
    if (this.phase !== 'connected') return
    this.handlersProgressed(now)
    if (now >= this.#acknowledgementDeadline) return this.#fail(this.#caution.timedOut(now))
    if (this.#caution.isDue(now) || now >= this.#session.outgoing.pacingDeadline) this.sendWaiting(now)
    if (this.#nudge.due(now, this.#session.outgoing.oldestWrittenAt)) {
      this.#keepAlive.nudged()
      this.#driver.send({ type: 'pingreq' })
    }
    const due = this.#keepAlive.due(now)
    // [MQTT-3.12.4-1] [3.1.2.10 missing PINGRESP] A server must answer PINGREQ; a server that does not answer is gone.
    if (due === 'ping') this.sendPing(now)
    if (typeof due !== 'number') return
    this.#fail(pingTimedOut(due, due === this.#pingTimeoutMs ? 'pingTimeoutMs' : 'after reconnect()'))
  }

  /** Ends the connection if too many abandoned requests keep their Packet Identifiers. */
  requestAbandoned(): void {
    const error = this.#phase.is === 'connected' ? this.#session.requests.tooManyAbandoned : undefined
    if (error !== undefined) this.#fail(error)
  }

  /** How many PINGREQs of this connection are answered. Each PINGRESP answers the oldest unanswered PINGREQ. */
  get pingsAnswered(): number {
    return this.#keepAlive.answered
  }

  /**
   * Sends a PINGREQ that the program asked for. Returns its number, 1 for the first on the connection: it is answered when
   * `pingsAnswered` reaches this number. Returns undefined before CONNACK and after the end, when nothing is sent. With `timeoutMs`
   * the connection ends if no byte comes within that time.
   */
  ping(now: number, timeoutMs?: number): number | undefined {
    if (this.#phase.is !== 'connected') return undefined
    this.#programPing = this.sendPing(now, timeoutMs)
    return this.#programPing
  }

  /** The process did not run for a while, and the server may have gone: `tick` sends PINGREQ, if Keep Alive is on. */
  slept(now: number): void {
    this.#keepAlive.slept(now)
  }

  /** Sends a PINGREQ for which the program does not wait. Returns its number. */
  sendPing(now: number, timeoutMs?: number): number {
    this.#driver.send({ type: 'pingreq' })
    this.#keepAlive.sent(now)
    return this.#keepAlive.pinged(now, this.#input, timeoutMs)
  }

  /** Sends DISCONNECT, after which the server discards the will. No packet is sent after it [MQTT-3.14.4-2]. */
  disconnect(): void {
    if (this.#phase.is === 'closed') return
    if (this.#phase.is === 'connected') this.#driver.send({ type: 'disconnect' })
    this.close()
  }

  /** The stream has ended by itself: the server or the network has cut it. The cut may be a strike against what was sent. */
  cut(now: number): void {
    this.#now = now
    if (this.#phase.is === 'connected') this.#caution.cut(now, this.#output)
    this.close()
  }

  /** The socket is gone, or must no longer be used. */
  close(): void {
    if (this.#phase.is === 'closed') return
    this.#phase = closed
    this.#session.connectionEnded(this.#now)
  }

  /** [MQTT-4.8.0-1] A violation closes its connection, and the packets after it are not handled. */
  #fail(error: MqttError): void {
    this.close()
    this.#driver.closing(error)
  }
}
