/**
 * Numbered messages of one QoS from one client to another, both of the same kind, over one server: held against each other at the
 * end. At QoS 1 and 2 both reach the server through a proxy that cuts, stalls, and hands bytes over one at a time.
 */
import type { QoS } from 'mqtt311/codec'
import { CuttingProxy } from '../../faults/cutting-proxy.js'
import { type Score, Tally } from '../../faults/tally.js'
import { profiles } from '../kinds/profiles.js'
import type { ServerProcess } from '../process/server-process.js'
import type { LoadClient, LoadClientMaker } from './load-client.js'

export interface LoadReport extends Score {
  /** Messages at QoS 2 that the server itself has published again after their PUBREL. */
  readonly repeatedByServer: number
  /** Messages that came over the wire and never reached a handler. */
  readonly swallowed: number
  /** Promises that were kept although no acknowledgement for them came on the connection that carried the message. */
  readonly unfounded: number
  /** Messages that came only when the connection was made once more at the end. */
  readonly late: number
  readonly cuts: number
  readonly seconds: number
}

/** So many publishes wait for their promise at once: as many as mosquitto, as it is shipped, takes at QoS 2. */
const width = 20
/**
 * After so long without anything settled or received, what is missing counts as lost. After two cuts in a row a client is quiet
 * for some seconds, to find out whether the server refuses something by closing; with more cuts, that may happen several times in a row.
 */
const silenceMs = 60_000

/** Some 40 connections for 20,000 messages each way. */
const mostBytes = 300_000

let lastLoad = 0

export async function runLoad(
  server: ServerProcess,
  make: LoadClientMaker,
  { qos, messages, seed }: { readonly qos: QoS; readonly messages: number; readonly seed: number },
): Promise<LoadReport> {
  lastLoad += 1
  const name = `load/${process.pid}x${lastLoad}`
  const { host, port } = server
  await using proxy = await CuttingProxy.start({ host, port }, seed, mostBytes)
  if (qos === 0) proxy.clear()
  const run = new Run(name, qos, messages)
  const start = performance.now()
  const clients: LoadClient[] = []
  try {
    const identifier = name.replace('/', '-')
    const keepAlive = qos === 0 ? 60 : 2
    const { login, name: kind } = server.kind
    const through = { ...login, host: proxy.host, port: proxy.port, keepAlive, profile: profiles[kind] }
    const producer = await make(through, `${identifier}-p`, () => {})
    clients.push(producer)
    const consumer = await make(through, `${identifier}-c`, (payload) => run.receive(payload))
    clients.push(consumer)
    await consumer.subscribe(name, qos)
    await run.publishAll(producer)
    proxy.clear()
    await run.drain(producer)
    const late = run.missing
    if (late > 0) {
      // A server may hold a message that it brings on the next connection only.
      proxy.cutAll()
      await run.wait()
    }
    const seconds = (performance.now() - start) / 1000
    const { cuts } = proxy.deeds
    const { score, received } = run.tally
    const arrivals = consumer.arrivals() ?? { messages: received + (run.ended ? 1 : 0), repeated: 0 }
    const unfounded = Math.max(0, score.promised - (producer.acknowledged() ?? score.promised))
    const swallowed = arrivals.messages - received - (run.ended ? 1 : 0)
    return {
      ...score,
      late: late - score.lost,
      repeatedByServer: arrivals.repeated,
      swallowed,
      unfounded,
      cuts,
      seconds,
    }
  } finally {
    for (const client of clients) await client.close()
  }
}

class Run {
  readonly tally = new Tally()
  readonly #topic: string
  readonly #qos: QoS
  readonly #messages: number
  #next = 0
  #settled = 0
  #endArrived = false
  #lastProgress = performance.now()
  #wake = (): void => {}

  constructor(topic: string, qos: QoS, messages: number) {
    this.#topic = topic
    this.#qos = qos
    this.#messages = messages
  }

  receive(payload: string): void {
    if (payload === 'end') this.#endArrived = true
    else this.tally.receive(Number(payload))
    this.#moved()
  }

  /** Resolves when all is published and has arrived, or when nothing happens any more. */
  async publishAll(producer: LoadClient): Promise<void> {
    for (let worker = 0; worker < width; worker += 1) this.#publishInTurn(producer)
    await this.#until(() => this.#settled === this.#messages && this.tally.received >= this.#messages)
  }

  /** A last message stands behind all others: when it has come, so have all copies. */
  async drain(producer: LoadClient): Promise<void> {
    producer.publish(this.#topic, 'end', this.#qos).catch(() => {})
    this.#moved()
    await this.#until(() => this.#endArrived)
  }

  /** Whether the last message has come. */
  get ended(): boolean {
    return this.#endArrived
  }

  get missing(): number {
    return this.tally.score.lost
  }

  /** Resolves when nothing is missing, or nothing comes any more. */
  async wait(): Promise<void> {
    this.#moved()
    await this.#until(() => this.missing === 0)
  }

  async #publishInTurn(producer: LoadClient): Promise<void> {
    while (this.#next < this.#messages) {
      const number = this.#next
      this.#next += 1
      await producer.publish(this.#topic, String(number), this.#qos).then(
        () => this.tally.promise(number),
        () => {},
      )
      this.#settled += 1
      this.#moved()
    }
  }

  #moved(): void {
    this.#lastProgress = performance.now()
    this.#wake()
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      const left = this.#lastProgress + silenceMs - performance.now()
      if (left <= 0) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}
