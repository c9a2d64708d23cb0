/**
 * The careful part of a connection, which finds out what the server refuses by closing. `suspects/suspects.ts` says what follows.
 *
 *   pinging --PINGRESP--> quiet --10 D--> asking --nothing left, or no answer--> over: the connection goes on as any other
 *
 * D is three round trips and 250 ms. In the quiet only PUBRELs and acknowledgements are sent. Then one Topic Filter or one message is
 * sent, alone, and the next when it is answered; a message at QoS 0 is answered by the PINGRESP to a PINGREQ behind it. A cut within D
 * of the first or the last byte of the suspect, before its answer, is a strike. So a cut in the middle of a long upload proves nothing.
 * If an answer takes longer than 10 D, the server does not refuse by closing at once, and the careful part is over.
 *
 * Requests of the program go first, then messages, then parked messages, then Topic Filters that the client itself asks for again.
 * After 10 D of other messages the parked ones are tried, so that a program that publishes all the time does not put them off for ever.
 */
import { SUBSCRIBE_FAILURE } from '../../codec/packet-constants.js'
import { ConnectionLostError } from '../../errors.js'
import type { Driver } from '../driver.js'
import { PublishExchange, RequestExchange } from '../exchange/exchange.js'
import type { Request } from '../exchange/request.js'
import type { SessionState } from '../session-state.js'
import { type CutReport, shortConnectionMs, strikesToPark } from '../suspects/suspects.js'
import { nameOf, qos2Hint } from './connection-ends.js'

/** The connection, as this module sees it. */
export interface CareLine {
  /** Whether a packet may be sent. */
  readonly hasRoom: boolean
  /** How many PINGREQs are answered. */
  readonly pingsAnswered: number
  messageSent(bytes: number): void
  /** Sends PINGREQ and returns its number. */
  sendPing(now: number): number
}

type Phase =
  | { readonly is: 'pinging'; readonly since: number }
  | { readonly is: 'quiet'; readonly until: number }
  | { readonly is: 'asking'; readonly since: number }

/** What was sent alone. Nothing else of ours is unanswered. */
interface Asked<P, R> {
  /** 'nobody': a message at QoS 0, which is never sent again, or an UNSUBSCRIBE. */
  readonly of: PublishExchange<P> | { readonly filter: string; readonly request: Request<R> } | 'nobody'
  firstByteAt: number | undefined
  /** Undefined until the network has taken all of it. */
  lastByteAt: number | undefined
}

/** A server that does not answer PINGREQ for so long does not answer other packets at once. */
const pingAnsweredWithinMs = 30_000

export class Care<P, R> {
  readonly #session: SessionState<P, R>
  readonly #driver: Driver<P, R>
  readonly #line: CareLine
  /** The PINGREQ that has to be answered before anything is asked. */
  #ping: number
  #phase: Phase
  /** D. */
  #marginMs = 0
  #asked: Asked<P, R> | undefined

  constructor(session: SessionState<P, R>, driver: Driver<P, R>, line: CareLine, now: number) {
    this.#session = session
    this.#driver = driver
    this.#line = line
    // PUBRELs come first on each connection.
    session.outgoing.sendReleases(line, now)
    this.#ping = line.sendPing(now)
    this.#phase = { is: 'pinging', since: now }
  }

  /** Sends what may be sent now. Returns false when the careful part is over. */
  pump(now: number): boolean {
    this.#session.outgoing.sendReleases(this.#line, now)
    if (this.#phase.is === 'pinging') {
      if (this.#isPingOpen) return now < this.deadline || this.#over(now, 0)
      this.#marginMs = 3 * (now - this.#phase.since) + 250
      this.#phase = { is: 'quiet', until: now + 10 * this.#marginMs }
    }
    if (this.#phase.is === 'quiet') {
      if (now < this.#phase.until) return true
      this.#phase = { is: 'asking', since: now }
    }
    return this.#goOnAsking(now, this.#phase.since)
  }

  get #isPingOpen(): boolean {
    return this.#line.pingsAnswered < this.#ping
  }

  get #isAnswered(): boolean {
    const { outgoing, requests } = this.#session
    return outgoing.outstanding === 0 && requests.allAnswered && !this.#isPingOpen
  }

  #goOnAsking(now: number, since: number): boolean {
    if (!this.#isAnswered) return now < this.deadline || this.#over(now, now - since)
    const of = this.#asked?.of
    if (typeof of === 'object' && 'filter' in of) this.#session.suspects.forget(of.filter)
    this.#asked = undefined
    if (now - since >= shortConnectionMs || !this.#line.hasRoom) return this.#over(now, now - since)
    const asked = this.#askNext(now, since)
    if (asked !== undefined) this.#asked = { of: asked, firstByteAt: undefined, lastByteAt: undefined }
    const isPaced = this.#session.outgoing.pacingDeadline < Infinity
    return asked !== undefined || isPaced || this.#over(now, now - since)
  }

  #over(now: number, lastedMs: number): false {
    this.#session.suspects.careEnded(now, lastedMs)
    return false
  }

  #askNext(now: number, since: number): Asked<P, R>['of'] | undefined {
    const { requests } = this.#session
    requests.divideNext(this.#driver)
    const request = requests.sendNext(this.#driver, now)
    if (request !== undefined) return this.#ofRequest(request)
    const parkedFirst = now - since >= 10 * this.#marginMs
    const message = parkedFirst
      ? (this.#askParked(now) ?? this.#askMessage(now))
      : (this.#askMessage(now) ?? this.#askParked(now))
    return message ?? this.#askAgain(now)
  }

  #ofRequest(request: Request<R>): Asked<P, R>['of'] {
    const [first] = request.kind === 'subscribe' ? request.subscriptions : []
    return first === undefined ? 'nobody' : { filter: first.filter, request }
  }

  /** Sends the next message that is not parked. */
  #askMessage(now: number): PublishExchange<P> | 'nobody' | undefined {
    const { outgoing, suspects } = this.#session
    const parked = suspects.parkedTopics
    const other =
      parked.size === 0 || suspects.triedEnough
        ? undefined
        : outgoing.sendOne(this.#line, now, ({ topic }) => !parked.has(topic))
    if (other === undefined && parked.size > 0 && suspects.refusesAll()) outgoing.unpark()
    const sent = other ?? outgoing.sendOne(this.#line, now, () => true)
    if (sent === 'at QoS 0') this.#ping = this.#line.sendPing(now)
    return sent === 'at QoS 0' ? 'nobody' : sent
  }

  #askParked(now: number): PublishExchange<P> | undefined {
    const { outgoing, suspects } = this.#session
    return outgoing.sendParked(this.#line, (message) => suspects.isDue(message, now), now)
  }

  /** Subscribes again to a Topic Filter that the server has lost. */
  #askAgain(now: number): Asked<P, R>['of'] | undefined {
    const { requests, suspects } = this.#session
    const lost = requests.lost.map(({ filter }) => filter)
    const filter = lost.find((one) => !suspects.isParked(one)) ?? lost.find((one) => suspects.isDue(one, now))
    if (filter === undefined) return undefined
    requests.resubscribe((one) => one === filter)
    const request = requests.sendNext(this.#driver, now)
    return request === undefined ? undefined : this.#ofRequest(request)
  }

  /** Bytes were handed to the socket. */
  bytesSent(now: number): void {
    if (this.#asked === undefined) return
    this.#asked.firstByteAt ??= now
    this.#asked.lastByteAt ??= now
  }

  /** The socket has not taken all bytes. */
  outputFull(): void {
    if (this.#asked !== undefined) this.#asked.lastByteAt = undefined
  }

  /** The network has taken all bytes. */
  allTaken(now: number): void {
    if (this.#asked?.firstByteAt !== undefined) this.#asked.lastByteAt ??= now
  }

  /** @internal The state as plain data. Times count from `now`. */
  inspect(now: number) {
    const { of, firstByteAt, lastByteAt } = this.#asked ?? {}
    const since = (at: number | undefined) => (at === undefined ? undefined : at - now)
    return {
      phase: this.#phase.is,
      at: ('until' in this.#phase ? this.#phase.until : this.#phase.since) - now,
      ping: this.#isPingOpen,
      marginMs: this.#marginMs,
      asked: of instanceof PublishExchange ? of.message.sequence : typeof of === 'object' ? of.filter : of,
      firstByteAt: since(firstByteAt),
      lastByteAt: since(lastByteAt),
    }
  }

  /** When `pump` has something to do. */
  get deadline(): number {
    const phase = this.#phase
    if (phase.is === 'pinging') return phase.since + pingAnsweredWithinMs
    return phase.is === 'quiet' ? phase.until : this.#patienceFrom(phase.since) + 10 * this.#marginMs
  }

  /** From when an answer is waited for: not before the network has all of what was asked. Infinity while only the pacer is waited for. */
  #patienceFrom(askingSince: number): number {
    const since = this.#isAnswered ? undefined : askingSince
    return (this.#asked === undefined ? since : this.#asked.lastByteAt) ?? Infinity
  }

  /** The connection was cut. Undefined if that proves nothing. */
  cut(now: number): Omit<CutReport, 'unanswered'> | undefined {
    const { suspects } = this.#session
    if (this.#phase.is !== 'asking') {
      suspects.cutInTheQuiet()
      this.#session.outgoing.unpark()
      return { proves: 'quiet' }
    }
    const of = this.#asked?.of
    const isNear = (at: number | undefined) => at !== undefined && now - at <= this.#marginMs
    if (of === undefined || of === 'nobody') return undefined
    if (!isNear(this.#asked?.firstByteAt) && !isNear(this.#asked?.lastByteAt)) return undefined
    return of instanceof PublishExchange ? this.#strikeMessage(of, now) : this.#strikeFilter(of.filter, of.request, now)
  }

  #strikeMessage(exchange: PublishExchange<P>, now: number): Omit<CutReport, 'unanswered'> | undefined {
    const { suspects, outgoing, table } = this.#session
    // After PUBREC the server has the message, so PUBREL is never given up.
    if (exchange.awaits === 'pubcomp' || table.get(exchange.packetId) !== exchange) return undefined
    const { message } = exchange
    const { verdict, strikes } = suspects.strike(message, 'program', now)
    if (verdict === 'parked') outgoing.park(exchange)
    if (verdict === 'abandoned') {
      const hint = qos2Hint(this.#session)
      outgoing.abandon(exchange)
      const text = `the server closed the connection ${strikes} times when it got this ${nameOf(message)} and nothing else, so the client gives it up (abandonAfter): perhaps the server does not allow this topic or payload${hint === undefined ? '' : `; ${hint}`}`
      this.#driver.abandoned(
        message,
        new ConnectionLostError(text, { reason: 'refused-by-closing', delivery: 'unknown' }),
      )
    }
    return { proves: 'strike', verdict, strikes }
  }

  #strikeFilter(filter: string, request: Request<R>, now: number): Omit<CutReport, 'unanswered'> | undefined {
    const { suspects, requests, table } = this.#session
    const exchange = request.packetId === undefined ? undefined : table.get(request.packetId)
    if (!(exchange instanceof RequestExchange) || request.state !== 'sent') return undefined
    const { verdict, strikes } = suspects.strike(filter, request.ticket === undefined ? 'client' : 'program', now)
    if (verdict === 'refused') {
      request.refusedBy = 'closing'
      table.delete(exchange)
      requests.answered(exchange, [SUBSCRIBE_FAILURE])
      this.#driver.answered(request, [SUBSCRIBE_FAILURE])
    }
    if (verdict === 'parked' && strikes === strikesToPark) this.#driver.refused([filter])
    return { proves: 'strike', verdict, strikes }
  }
}
