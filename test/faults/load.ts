/**
 * The load that the faults are tried under: one client publishes numbered messages at every QoS, another one consumes them,
 * and the two are held against each other.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type ClientOptions, MqttClient } from 'mqtt311'
import type { QoS } from 'mqtt311/codec'
import { type Score, Tally } from './tally.js'
import { Witness } from './witness.js'

export interface LoadReport {
  readonly scores: Readonly<Record<QoS, Score>>
  /** Messages at QoS 2 that the broker itself has sent to the consumer again after their PUBREL. */
  readonly repeatedByBroker: number
  /** Publishes that resolved before the acknowledgement for them had been read. */
  readonly unacknowledged: number
  /** Publishes that had not settled when everything should have. */
  readonly hanging: number
  /** Packet Identifiers and queued messages of the producer that nobody waits for any more. */
  readonly leaked: number
  readonly rejected: number
  readonly reconnects: number
  readonly resent: number
  readonly seconds: number
}

export interface LoadOptions {
  readonly messagesOfEachQos: number
  /** 'forgets': the broker takes back what it has acknowledged, so that some messages never arrive. */
  readonly broker: 'keeps' | 'forgets'
  /** Where the two clients connect to. */
  readonly producer: ClientOptions
  readonly consumer: ClientOptions
}

const levels: readonly QoS[] = [0, 1, 2]
/** So many publishes of each QoS wait for their promise at once: enough to keep the window full. */
const concurrency = 200
/**
 * After so long without anything settled or received, what is missing counts as lost or hanging. A careful connection is quiet for ten
 * times D, which is three round trips and 250 ms; a round trip is shorter than `pingTimeoutMs`. A cut behind that may bring a second quiet.
 */
const silenceMs = ({ pingTimeoutMs = common.pingTimeoutMs }: Pick<ClientOptions, 'pingTimeoutMs'>): number =>
  10_000 + 2 * 10 * (3 * pingTimeoutMs + 250)

const common = {
  cleanSession: false,
  reconnect: { minDelayMs: 5, maxDelayMs: 50, retryInitial: true },
  connectTimeoutMs: 5_000,
  keepAlive: 5,
  pingTimeoutMs: 2_000,
  queue: { offlineQos0: true },
} satisfies ClientOptions

export class Load {
  readonly #options: LoadOptions
  readonly #tallies = { 0: new Tally(), 1: new Tally(), 2: new Tally() } as const
  readonly #producer: MqttClient
  readonly #consumer: MqttClient
  readonly #witness: Witness
  readonly #published = { 0: 0, 1: 0, 2: 0 }
  readonly #resolved = { 0: 0, 1: 0, 2: 0 }
  #settled = 0
  #unacknowledged = 0
  #endArrived = false
  #lastProgress = performance.now()

  constructor(options: LoadOptions) {
    this.#options = options
    this.#producer = new MqttClient({ ...common, clientId: 'producer', ...options.producer })
    this.#consumer = new MqttClient({
      ...common,
      clientId: 'consumer',
      ...options.consumer,
      handlers: { 'load/+': (message) => this.#receive(message.topic, message.text()) },
    })
    this.#witness = new Witness(this.#consumer)
  }

  /** Publishes everything while `faults` runs, stops it when most has arrived, waits for what is still under way, and counts. */
  async run(faults: (stopping: AbortSignal) => Promise<void>): Promise<LoadReport> {
    const start = performance.now()
    await Promise.all([this.#producer.connect(), this.#consumer.connect()])
    await this.#consumer.subscribe(levels.map((qos) => ({ filter: `load/${qos}`, qos })))
    const stopping = new AbortController()
    const ended = faults(stopping.signal)
    const total = this.#options.messagesOfEachQos
    for (const qos of levels) {
      for (let loops = 0; loops < concurrency; loops += 1) this.#publishInTurn(qos)
    }
    const { 1: atLeastOnce, 2: exactlyOnce } = this.#tallies
    // The faults go on until the consumer has what nothing may take away, so that they hit its side as well.
    const arrived = () =>
      this.#options.broker === 'forgets' || (atLeastOnce.received >= total && exactlyOnce.received >= total)
    await this.#until(() => this.#settled === 3 * total && arrived())
    stopping.abort()
    await ended
    await this.#drain()
    const hanging = 3 * total - this.#settled
    const { inFlight, queued, rejected, resent } = this.#producer.stats
    const reconnects = this.#producer.stats.reconnects + this.#consumer.stats.reconnects
    const seconds = (performance.now() - start) / 1000
    await Promise.all([this.#producer.end(), this.#consumer.end()])
    const scores = { 0: this.#tallies[0].score, 1: atLeastOnce.score, 2: exactlyOnce.score }
    const unacknowledged = this.#unacknowledged
    const repeatedByBroker = this.#witness.repeated
    return {
      scores,
      repeatedByBroker,
      unacknowledged,
      hanging,
      leaked: inFlight + queued,
      rejected,
      reconnects,
      resent,
      seconds,
    }
  }

  /** Resolves when the first messages are settled, and most are still to come. */
  async underWay(): Promise<void> {
    await this.#until(() => this.#settled >= this.#options.messagesOfEachQos / 2)
  }

  async #publishInTurn(qos: QoS): Promise<void> {
    while (this.#published[qos] < this.#options.messagesOfEachQos) {
      const number = this.#published[qos]
      this.#published[qos] += 1
      await this.#publish(qos, number).catch(() => {})
      this.#settled += 1
      this.#lastProgress = performance.now()
    }
  }

  async #publish(qos: QoS, number: number): Promise<void> {
    await this.#producer.publish(`load/${qos}`, String(number), { qos })
    this.#tallies[qos].promise(number)
    this.#resolved[qos] += 1
    const { puback, pubcomp } = this.#producer.stats.packetsIn
    const acknowledged = { 0: Infinity, 1: puback, 2: pubcomp }
    if (this.#resolved[qos] > acknowledged[qos]) this.#unacknowledged += 1
  }

  #receive(topic: string, text: string): void {
    this.#lastProgress = performance.now()
    const qos = levels.find((level) => topic === `load/${level}`)
    if (qos === undefined) throw new Error(`nothing was published on ${topic}`)
    if (text === 'end') this.#endArrived = true
    else this.#tallies[qos].receive(Number(text))
  }

  /** A last message at QoS 2 stands behind every other in the consumer's session: when it has come, so have all copies. */
  async #drain(): Promise<void> {
    this.#lastProgress = performance.now()
    this.#producer.publish('load/2', 'end', { qos: 2 })
    await this.#until(() => this.#endArrived)
  }

  /** Resolves when the condition holds, or when nothing at all has happened for so long that nothing will. */
  async #until(condition: () => boolean): Promise<void> {
    const patienceMs = Math.max(silenceMs(this.#options.producer), silenceMs(this.#options.consumer))
    while (!condition() && performance.now() - this.#lastProgress < patienceMs) await delay(10)
  }

  destroy(): void {
    this.#producer.destroy()
    this.#consumer.destroy()
    this.#witness[Symbol.dispose]()
  }
}
