/**
 * Thirty days of a client on a link that is cut again and again by what is nobody's fault: the engine, the back-off, and a server that
 * answers all packets after one round trip. There is no I/O, so a month takes a second or two.
 */

import { endAttempt, initialBackoff, nextDelayMs, startAttempt } from '../../src/client/life/backoff.js'
import type { ControlPacket } from '../../src/codec/control-packet.js'
import { type Connection, type Driver, type OutgoingMessage, publishPacket, Session } from '../../src/protocol/index.js'
import { SeededRandom } from './seeded-random.js'

export interface BadLink {
  readonly name: string
  readonly roundTripMs: number
  /** How long the connection that begins at `now` lives. */
  lifeMs(now: number, random: SeededRandom): number
}

export interface Month {
  readonly connections: number
  readonly published: number
  readonly acknowledged: number
  readonly abandoned: number
  readonly refused: number
}

const dayMs = 86_400_000
const publishEveryMs = 30_000
const never = Infinity
const backoff = {
  minDelayMs: 1_000,
  maxDelayMs: 60_000,
  factor: 2,
  maxAttempts: never,
  maxAttemptsPerMinute: never,
  stableAfterMs: 30_000,
}
const payload = new Uint8Array(10)

/** An answer of the server on its way. */
interface Answer {
  readonly at: number
  readonly packet: ControlPacket<Buffer>
}

class Run {
  readonly #link: BadLink
  readonly #random: SeededRandom
  readonly #session: Session<undefined, string>
  #now = 0
  #answers: Answer[] = []
  #connection: Connection<undefined, string> | undefined
  #connections = 0
  #published = 0
  #acknowledged = 0
  #abandoned = 0
  #refused = 0

  constructor(link: BadLink, seed: number) {
    this.#link = link
    this.#random = new SeededRandom(seed)
    const settings = {
      cleanSession: false,
      journal: 'none',
      strict: false,
      nudge: true,
      maxInFlight: 100,
      receiveWindow: 10,
      receiveBufferBytes: 1_000,
      receiveBufferMaxBytes: 1_000,
      queue: { maxMessages: 10_000, maxBytes: 100_000_000, maxAgeMs: never, overflow: 'drop-oldest' },
      ackTimeoutMs: 60_000,
      operationTimeoutMs: never,
      abandonAfter: 5,
      maxFiltersPerSubscribe: 100,
      strangerPacketId: 1,
    } as const
    this.#session = new Session(settings, this.#driver, undefined, 0)
    this.#session.subscribe(
      [
        { filter: 'a', qos: 1 },
        { filter: 'b', qos: 1 },
      ],
      'asked',
      0,
    )
  }

  get #driver(): Driver<undefined, string> {
    return {
      send: (packet) => this.#sent(packet),
      sendPublish: (message, qos, dup, packetId) => this.#sent(publishPacket(message, qos, dup, packetId)),
      sendAcknowledgement: (type, packetId) => this.#sent({ type, packetId }),
      record: () => {},
      deliver: () => 'done',
      dropped: () => {},
      settled: () => {
        this.#acknowledged += 1
      },
      rejected: () => {},
      abandoned: (_: OutgoingMessage<undefined>) => {
        this.#abandoned += 1
      },
      divided: () => {},
      answered: (_request, codes) => {
        if (codes[0] === 0x80) this.#refused += 1
      },
      unanswered: () => {},
      refused: () => {
        this.#refused += 1
      },
      connected: () => {},
      closing: () => {},
      anomaly: () => {},
    }
  }

  #sent(packet: ControlPacket): void {
    const answer = answerTo(packet)
    if (answer !== undefined) this.#answers.push({ at: this.#now + this.#link.roundTripMs, packet: answer })
  }

  month(): Month {
    let state = initialBackoff
    let connectAt = 0
    let publishAt = publishEveryMs
    let cutAt = never
    let connackAt = never
    while (this.#now < 30 * dayMs) {
      const due = Math.min(connectAt, publishAt, cutAt, this.#answers[0]?.at ?? never, this.#session.nextDeadline())
      this.#now = Math.max(this.#now, due)
      if (due === connectAt) {
        connectAt = never
        state = startAttempt(state, backoff, this.#now)
        this.#connections += 1
        this.#connection = this.#session.connect(connect, this.#now)
        this.#connection.open(this.#now)
        connackAt = this.#now + this.#link.roundTripMs
        cutAt = connackAt + this.#link.lifeMs(connackAt, this.#random)
      } else if (due === cutAt) {
        this.#connection?.cut(this.#now)
        this.#session.lost()
      } else if (due === publishAt) {
        publishAt += publishEveryMs
        this.#published += 1
        const topic = `t/${this.#published % 3}`
        this.#session.publish({ topic, payload, qos: 1, retain: false }, undefined, this.#now)
      } else if (due === this.#answers[0]?.at) this.#receive()
      else this.#session.tick(this.#now)
      if (this.#session.connection === undefined && connectAt === never) {
        this.#answers = []
        cutAt = never
        state = endAttempt(state, backoff, { kind: 'disconnected', upForMs: this.#now - connackAt, harmful: false })
        connectAt = this.#now + (nextDelayMs(state, backoff, this.#now, this.#random.next) ?? 0)
      } else this.#connection?.bytesSent(this.#now)
      while (this.#session.connection?.moreWaits) this.#session.connection.pump(this.#now)
    }
    const [published, acknowledged] = [this.#published, this.#acknowledged]
    const [connections, abandoned, refused] = [this.#connections, this.#abandoned, this.#refused]
    return { connections, published, acknowledged, abandoned, refused }
  }

  #receive(): void {
    const next = this.#answers.shift()
    this.#connection?.bytesReceived(this.#now)
    if (next !== undefined) this.#connection?.receive(next.packet)
  }
}

const connect = {
  connect: { type: 'connect', clientId: 'c', cleanSession: false, keepAlive: 60 },
  pingTimeoutMs: 10_000,
} as const

function answerTo(packet: ControlPacket): ControlPacket<Buffer> | undefined {
  switch (packet.type) {
    case 'connect':
      return { type: 'connack', sessionPresent: true, returnCode: 0 }
    case 'publish':
      return packet.qos === 1 ? { type: 'puback', packetId: packet.packetId } : undefined
    case 'subscribe':
      return { type: 'suback', packetId: packet.packetId, returnCodes: packet.subscriptions.map(({ qos }) => qos) }
    case 'pingreq':
      return { type: 'pingresp' }
    default:
      return undefined
  }
}

/** Thirty days on this link. */
export function monthOn(link: BadLink, seed: number): Month {
  return new Run(link, seed).month()
}

const meanLife = (meanMs: number) => (_now: number, random: SeededRandom) => -meanMs * Math.log(1 - random.next())

export const badLinks: readonly BadLink[] = [
  { name: 'a link that lives for 10 s', roundTripMs: 200, lifeMs: meanLife(10_000) },
  { name: 'a link that lives for 2 s', roundTripMs: 500, lifeMs: meanLife(2_000) },
  { name: 'bad radio: a life of 3 s, answers after 2 s', roundTripMs: 2_000, lifeMs: meanLife(3_000) },
  { name: 'a life of 30 s, answers after 2 s', roundTripMs: 2_000, lifeMs: meanLife(30_000) },
  {
    name: 'a second client with the same Client Identifier, within a second',
    roundTripMs: 50,
    lifeMs: (_now, random) => random.next() * 1_000,
  },
  {
    name: 'the same in lock step, 40 to 80 ms after CONNACK',
    roundTripMs: 60,
    lifeMs: (_now, random) => 40 + random.next() * 40,
  },
  { name: 'a server that restarts every hour', roundTripMs: 60, lifeMs: (now) => 3_600_000 - (now % 3_600_000) },
  {
    name: 'a server that cuts 30 ms after CONNACK for ten minutes a day',
    roundTripMs: 60,
    lifeMs: (now) => (now % dayMs < 600_000 ? 30 : dayMs - (now % dayMs)),
  },
]
