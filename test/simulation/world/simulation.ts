/**
 * One run of the whole client (engine, client and file store, on a disk that tears writes and forgets what was not synced) against
 * the reference server, over links that misbehave, with crashes at any point, in virtual time. A seed decides everything,
 * so a seed reproduces a run. After the time of trouble everything heals, and the run has to come to rest; then the counts are
 * judged.
 */
import { type Clock, install } from '@sinonjs/fake-timers'
import { MqttClient } from '../../../src/client/mqtt-client.js'
import { channels } from '../../../src/client/surface/diagnostics.js'
import type { ControlPacket } from '../../../src/codec/control-packet.js'
import { TimeoutError } from '../../../src/errors.js'
import { createFileStore } from '../../../src/store/file/file-store.js'
import type { SessionStore } from '../../../src/store/session-store.js'
import { messageOf } from '../../model/world/packet-name.js'
import { SimulatedDisk } from '../../store/simulated-disk.js'
import { SeededRandom } from '../seeded-random.js'
import { judge } from './judgement.js'
import { SimulatedLink } from './simulated-link.js'
import { SimulatedServer } from './simulated-server.js'
import { Tally } from './tally.js'
import { makeWorld, type World } from './world.js'

/** Something wrong that is put into the store on purpose. */
export type StoreFault = (store: SessionStore) => SessionStore

export interface Run {
  readonly world: World
  /** What was wrong at rest; empty if nothing was. */
  readonly faults: readonly string[]
  /** A digest of all that happened, to compare two runs of one seed. */
  readonly digest: string
  readonly virtualMs: number
  readonly connections: number
  readonly crashes: number
}

/** After the trouble this much virtual time must be enough for rest: all time-outs and back-offs fit in several times. */
const restWithinMs = 600_000

interface Circumstances {
  readonly fault?: StoreFault | undefined
  /** Called once in each minute of virtual time, until the trouble is over. */
  readonly eachMinute?: () => void
}

export function simulate(seed: number, fault?: StoreFault): Promise<Run> {
  const random = new SeededRandom(seed)
  return simulateWorld(makeWorld(seed, random), random, { fault })
}

export async function simulateWorld(world: World, random: SeededRandom, circumstances: Circumstances): Promise<Run> {
  const clock = install({
    now: 0,
    toFake: [
      'setTimeout',
      'clearTimeout',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
      'performance',
      'Date',
    ],
  })
  const systemRandom = Math.random
  Math.random = random.next
  try {
    return await new Simulation(world, random, clock, circumstances).run()
  } finally {
    Math.random = systemRandom
    clock.uninstall()
  }
}

function isPacketMessage(message: unknown): message is { readonly client: object; readonly packet: ControlPacket } {
  return typeof message === 'object' && message !== null && 'client' in message && 'packet' in message
}

interface SuspectMessage {
  readonly client: unknown
  readonly verdict: unknown
  readonly unanswered: readonly string[]
}

function isSuspectMessage(message: unknown): message is SuspectMessage {
  return typeof message === 'object' && message !== null && 'verdict' in message && 'unanswered' in message
}

class Simulation {
  readonly #world: World
  readonly #random: SeededRandom
  readonly #clock: Clock
  readonly #fault: StoreFault
  readonly #eachMinute: () => void
  readonly #disk = new SimulatedDisk()
  readonly #server: SimulatedServer
  readonly #tally: Tally
  #client: MqttClient | undefined
  #epoch = 0
  /** Messages are published in the order of their numbers. */
  #next = 0
  #connections = 0
  #over = false
  /** Sessions of the server that the client has read of, and which message came under which identifier in the present one. */
  #sessions = 0
  readonly #arrived = new Map<number, number>()

  constructor(world: World, random: SeededRandom, clock: Clock, circumstances: Circumstances) {
    this.#world = world
    this.#random = random
    this.#clock = clock
    this.#fault = circumstances.fault ?? ((store) => store)
    this.#eachMinute = circumstances.eachMinute ?? (() => {})
    this.#server = new SimulatedServer(world, random, this.#trouble)
    this.#tally = new Tally(world)
    this.#disk.before = () => this.#later(world.diskMs)
  }

  readonly #trouble = (): boolean => performance.now() < this.#world.troubleMs

  #later(atMostMs: number): Promise<void> | undefined {
    if (atMostMs === 0) return undefined
    return new Promise((resolve) => setTimeout(resolve, this.#random.below(atMostMs)))
  }

  /** Every packet that a client reads. */
  readonly #read = (message: unknown): void => {
    if (!isPacketMessage(message) || message.client !== this.#client) return
    const { packet } = message
    if (packet.type === 'connack' && packet.returnCode === 0 && !packet.sessionPresent) {
      this.#sessions += 1
      this.#arrived.clear()
    }
    if (packet.type === 'publish' && packet.qos === 2) this.#arrived.set(packet.packetId, messageOf(packet))
  }

  /** A message is parked: cuts have met it three times when it was alone. */
  readonly #suspected = (report: unknown): void => {
    if (!isSuspectMessage(report) || report.client !== this.#client || report.verdict !== 'parked') return
    const [, message] = /topic "out\/(\d+)"/.exec(report.unanswered.join()) ?? []
    if (message !== undefined) this.#server.parking(Number(message))
  }

  async run(): Promise<Run> {
    channels.packetIn.subscribe(this.#read)
    channels.suspect.subscribe(this.#suspected)
    try {
      return await this.#run()
    } finally {
      channels.packetIn.unsubscribe(this.#read)
      channels.suspect.unsubscribe(this.#suspected)
    }
  }

  async #run(): Promise<Run> {
    this.#start()
    for (const at of this.#world.crashesAtMs) setTimeout(() => this.#crash(), at)
    if (this.#world.traffic === 'scattered') this.#scatter()
    else this.#goSteadily()
    const rested = await this.#rest()
    const client = this.#client
    const faults = rested ? [] : [`no rest within ${restWithinMs} ms after the trouble: ${this.#describe()}`]
    const stats = client?.stats
    await this.#finish(client)
    faults.push(
      ...judge(this.#world, this.#tally, this.#server, stats, this.#clock.countTimers(), this.#disk.openFiles),
    )
    const digest = JSON.stringify([
      this.#tally,
      this.#server.owned,
      this.#server.losses,
      performance.now(),
      this.#connections,
    ])
    return {
      world: this.#world,
      faults,
      digest,
      virtualMs: performance.now(),
      connections: this.#connections,
      crashes: this.#epoch - 1,
    }
  }

  #scatter(): void {
    const { troubleMs, outgoing, incoming } = this.#world
    outgoing.forEach(() => {
      setTimeout(() => this.#publishNext(), this.#random.below(troubleMs))
    })
    incoming.forEach(() => {
      setTimeout(() => this.#sendFromServer(), this.#random.below(troubleMs))
    })
  }

  /** One timer at a time in each direction, so that what is still to come takes no memory. */
  #goSteadily(): void {
    const { troubleMs, outgoing, incoming } = this.#world
    const publish = (): void => {
      this.#publishNext()
      if (this.#next < outgoing.length) setTimeout(publish, troubleMs / outgoing.length)
    }
    const send = (): void => {
      this.#server.sendNext()
      if (!this.#server.settled && !this.#over) setTimeout(send, troubleMs / incoming.length)
    }
    publish()
    send()
  }

  /** Lets time pass until nothing is left to do; false if that does not come. */
  async #rest(): Promise<boolean> {
    const end = this.#world.troubleMs + restWithinMs
    let minutes = 0
    for (;;) {
      await this.#clock.nextAsync()
      if (this.#trouble() && performance.now() >= minutes * 60_000) {
        minutes += 1
        this.#eachMinute()
      }
      if (performance.now() > end) return false
      if (!this.#trouble() && this.#atRest()) return true
    }
  }

  #atRest(): boolean {
    const stats = this.#client?.stats
    if (stats === undefined || this.#client?.state !== 'online') return false
    return (
      stats.queued + stats.inFlight + stats.running + stats.backlogBytes === 0 &&
      this.#server.settled &&
      this.#tally.asked
    )
  }

  async #finish(client: MqttClient | undefined): Promise<void> {
    this.#over = true
    let ended = client === undefined
    client?.end().then(() => {
      ended = true
    })
    while (!ended) await this.#clock.nextAsync()
    // What is still under way on links that are gone arrives nowhere.
    await this.#clock.runAllAsync()
  }

  #start(): void {
    this.#epoch += 1
    const epoch = this.#epoch
    const { maxInFlight, receiveWindow, keepAlive, store, fsync } = this.#world
    const client = new MqttClient({
      stream: () => this.#dial(),
      clientId: 'simulated',
      cleanSession: false,
      keepAlive,
      connectTimeoutMs: 10_000,
      pingTimeoutMs: 5_000,
      ackTimeoutMs: 30_000,
      maxInFlight,
      receiveWindow,
      queue: { offlineQos0: true },
      reconnect: { minDelayMs: 100, maxDelayMs: 5_000, retryInitial: true },
      ...(store === 'file'
        ? { store: this.#watched(this.#fault(createFileStore(this.#disk.machine(), { fsync, segmentBytes: 4_096 }))) }
        : {}),
      handlers: { 'in/#': ({ topic, qos }) => this.#handle(epoch, Number(topic.slice(3)), qos) },
    })
    this.#client = client
    client.connect().catch((error: Error) => this.#tally.refused(epoch === this.#epoch, error))
    client.closed.catch((error: Error) => this.#tally.refused(epoch === this.#epoch, error))
    this.#subscribe(client)
  }

  /** Again after a time-out: the time in which SUBSCRIBE is unanswered counts over connections. */
  #subscribe(client: MqttClient): void {
    client.subscribe('in/#', { qos: 2 }).catch((error: unknown) => {
      if (error instanceof TimeoutError && client === this.#client) this.#subscribe(client)
    })
  }

  /** The store, with an eye on which incoming messages are noted as handled: none of them may be handled again. */
  #watched(store: SessionStore): SessionStore {
    return {
      durable: store.durable,
      open: (sessionId) => store.open(sessionId),
      append: async (records) => {
        const session = this.#sessions
        const held = records.flatMap((record) => (record.kind === 'held' ? [this.#arrived.get(record.packetId)] : []))
        await store.append(records)
        for (const message of held) if (message !== undefined) this.#tally.noted(message, session)
      },
      close: () => store.close(),
    }
  }

  #dial(): SimulatedLink {
    this.#connections += 1
    const link = new SimulatedLink(this.#world, this.#random, this.#trouble)
    this.#server.accept(link)
    return link
  }

  #publishNext(): void {
    const message = this.#next
    this.#next += 1
    const qos = this.#world.outgoing[message]
    const client = this.#client
    if (qos === undefined || client === undefined) return
    const until = qos > 0 && this.#world.store === 'file' && this.#random.chance(0.5) ? 'stored' : 'acknowledged'
    this.#tally.publishing(message)
    client.publish(`out/${message}`, Buffer.alloc(0), { qos, until }).then(
      () => this.#tally.resolved(message, until),
      () => this.#tally.rejected(message),
    )
  }

  #sendFromServer(): void {
    this.#server.sendNext()
    // The server may have had no session to send in; it tries again for each message that is left.
    if (!this.#server.settled && !this.#over) setTimeout(() => this.#sendFromServer(), 1_000)
  }

  #handle(epoch: number, message: number, qos: number): Promise<void> | undefined {
    if (epoch !== this.#epoch) return undefined
    this.#tally.handling(message, qos, this.#sessions)
    const taking = this.#later(this.#world.handlerMs)
    if (taking === undefined) {
      this.#tally.handled(message)
      return undefined
    }
    return taking.then(() => {
      if (epoch === this.#epoch) this.#tally.handled(message)
    })
  }

  /** The process dies: what it does from here on reaches neither disk nor network. Another one starts on what the disk holds. */
  #crash(): void {
    const dead = this.#client
    this.#epoch += 1
    if (this.#world.crash === 'power') this.#disk.cutPower(this.#random.below)
    else this.#disk.kill()
    dead?.destroy()
    this.#epoch -= 1
    this.#start()
  }

  #describe(): string {
    const { queued, inFlight, running, backlogBytes } = this.#client?.stats ?? {}
    return JSON.stringify({
      state: this.#client?.state,
      queued,
      inFlight,
      running,
      backlogBytes,
      server: this.#server.settled,
      asked: this.#tally.asked,
    })
  }
}
