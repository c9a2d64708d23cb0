/**
 * One run: a client, a program that uses it, and a server that lies to it, in virtual time. The seed decides everything. After its
 * steps the client is ended, time passes until no timer is left, and everything has to have settled.
 */
import type { Clock } from '@sinonjs/fake-timers'
import type { DecodedPacket } from '../../../src/codec/control-packet.js'
import { type ClientOptions, MqttClient } from '../../../src/index.js'
import { Random } from '../random.js'
import { type Circumstances, makeCircumstances } from './circumstances.js'
import { fuzzedCredentials } from './logins.js'
import { LyingServer, messageNumber, type Trace, type WireFault, weightOfPacket } from './lying-server.js'
import { type FuzzedClient, Program } from './program.js'
import { WireRules } from './wire-rules.js'

/** Something wrong that is done on purpose. */
export interface PlantedFault {
  readonly wire?: WireFault
  readonly client?: (client: MqttClient) => FuzzedClient
}

/** Kept from before the clock is faked. */
const afterIo = setImmediate

/** Lets everything happen that needs no time. */
const turn = (): Promise<void> => new Promise((resolve) => afterIo(resolve))

/** No run needs more timers than this: a client that sets another for ever is found so. */
const timersMax = 5_000
/** A client that tries again and again for a long time shows nothing new. */
const timersInOnePassMax = 40
const faultsMax = 5

/** Milliseconds that pass at once. */
const passes = [1, 1, 1, 10, 10, 10, 100, 100, 100, 300, 1000, 1000, 6000, 40_000]

export class ClientRun {
  readonly seed: number
  readonly faults: string[] = []
  readonly #random: Random
  readonly #clock: Clock
  readonly #circumstances: Circumstances
  /** The steps that were done. */
  steps = 0
  readonly #stepsMax: number
  readonly #planted: PlantedFault
  readonly #trace: Trace
  readonly #rules: WireRules
  readonly #server: LyingServer
  readonly #program: Program
  #client: MqttClient
  readonly #timesReceived = new Map<number, number>()
  #unhandled = 0
  #closes = 0
  #timers = 0
  #worked = 0
  /** As they were after the last step. */
  #stats: MqttClient['stats']

  constructor(seed: number, clock: Clock, trace: Trace, stepsMax: number, planted: PlantedFault = {}) {
    this.seed = seed
    this.#clock = clock
    this.#trace = trace
    const random = new Random(seed)
    // Neighbouring seeds begin with like numbers.
    for (let skipped = 0; skipped < 8; skipped += 1) random.below(2)
    this.#random = random
    this.#circumstances = makeCircumstances(random)
    const { cleanSession, hasStore, canStore, bounds, profile } = this.#circumstances
    const limits = profile === undefined ? ('none' as const) : ('some' as const)
    this.#stepsMax = stepsMax
    this.#planted = planted
    const report = (fault: string) => this.report(fault)
    this.#program = new Program(random, { hasStore, canStore, limits, ordered: cleanSession }, trace, report)
    this.#rules = new WireRules(this.#program, { cleanSession, maxInFlight: bounds.maxInFlight, profile }, report)
    this.#server = new LyingServer(
      random,
      this.#circumstances,
      { rules: this.#rules, received: (packet) => this.#received(packet) },
      trace,
      report,
      planted.wire,
    )
    // The jitter of the back-off is part of the run.
    Math.random = () => random.below(1_000_000) / 1_000_000
    this.#client = this.#makeClient()
    this.#stats = this.#client.stats
  }

  #makeClient(): MqttClient {
    const client = new MqttClient(this.#options())
    this.#program.start(this.#planted.client?.(client) ?? client, {
      wasSent: (number) => this.#rules.wasSent(number),
      mayBeAnsweredEarly: (number) => this.#rules.mayBeAnsweredEarly(number),
      isAcknowledged: (number) => this.#rules.isAcknowledged(number),
      timesReceived: (message) => this.#timesReceived.get(message) ?? 0,
    })
    if (this.#circumstances.listens === 'to closed') client.closed.catch((error) => this.#endedBy(error))
    return client
  }

  report(fault: string): void {
    this.#trace.note(() => `FAULT: ${fault}`)
    if (this.faults.length < faultsMax) this.faults.push(fault)
  }

  #options(): ClientOptions {
    const random = this.#random
    const program = this.#program
    const { options, listens, asksCredentials } = this.#circumstances
    const filters = Array.from({ length: random.below(3) }, () => random.of(['t/+', 't/1', '#', 'u']))
    return {
      ...options,
      stream: () => this.#dial(),
      ...(asksCredentials ? { credentials: fuzzedCredentials(random, (text) => program.ownError(text)) } : {}),
      handlers: Object.fromEntries(filters.map((filter) => [filter, program.handler([filter])])),
      ...(random.oneIn(3) ? { onMessage: program.handler(undefined) } : {}),
      ...(random.oneIn(2) ? { onHandlerError: () => this.#judgeHandler() } : {}),
      on: {
        attempt: () => this.#happened('attempt'),
        online: () => this.#happened('online'),
        offline: ({ error }) => {
          this.#happened('offline', `: ${error}`)
          if (!program.isKnown(error)) this.report(`offline by a foreign error: ${error}`)
        },
        refused: () => this.#happened('refused'),
        ...(listens === 'to close'
          ? {
              close: ({ error }) => {
                this.#happened('close')
                this.#closes += 1
                if (error !== undefined) this.#endedBy(error)
              },
            }
          : {}),
      },
    }
  }

  #happened(name: string, more = ''): void {
    this.#worked += 1
    this.#trace.note(() => `event ${name}${more}`)
    if (this.#closes > 0) this.report(`event ${name} after close`)
  }

  #endedBy(error: unknown): void {
    this.#trace.note(() => `the client has ended: ${error}`)
    if (!this.#program.isKnown(error)) this.report(`the client ends by a foreign error: ${error}`)
  }

  #judgeHandler(): 'acknowledge' | 'redeliver' | 'close' {
    const action = this.#random.of(['acknowledge', 'acknowledge', 'redeliver', 'redeliver', 'close', 'throw'] as const)
    if (action === 'throw') throw this.#program.ownError('thrown by onHandlerError')
    return action
  }

  #dial() {
    const random = this.#random
    switch (random.below(40)) {
      case 0:
        throw this.#program.ownError('no stream')
      case 1:
        return Promise.reject(this.#program.ownError('no stream'))
      case 2:
        return new Promise<never>(() => {})
      case 3: {
        const link = this.#server.accept()
        link.destroy()
        return link
      }
      case 4:
        return new Promise<ReturnType<LyingServer['accept']>>((resolve) => {
          setTimeout(() => resolve(this.#server.accept()), random.below(200))
        })
      default:
        return this.#server.accept()
    }
  }

  #received(packet: DecodedPacket<boolean>): void {
    const number = packet.type === 'publish' ? messageNumber(packet.payload) : undefined
    if (number !== undefined) this.#timesReceived.set(number, (this.#timesReceived.get(number) ?? 0) + 1)
    this.#rules.received(packet, number)
  }

  /** Nobody has handled this rejection. */
  unhandled(reason: unknown): void {
    this.#unhandled += 1
    const isAllowed = this.#circumstances.listens === 'to nothing' && this.#unhandled === 1
    if (!isAllowed || !this.#program.isKnown(reason)) this.report(`an unhandled rejection: ${textOf(reason)}`)
    else if (this.#client.state !== 'closed') this.report(`an unhandled rejection before the end: ${textOf(reason)}`)
  }

  // The steps.

  async run(): Promise<void> {
    await this.#live()
    if (!this.#circumstances.hasStore || this.faults.length > 0 || this.#random.oneIn(2)) return
    this.#trace.note(() => 'the next client of the session')
    this.#closes = 0
    this.#unhandled = 0
    this.#client = this.#makeClient()
    this.#stats = this.#client.stats
    await this.#live()
  }

  /** The whole life of a client. */
  async #live(): Promise<void> {
    if (!this.#random.oneIn(10)) this.#program.connect().catch(() => {})
    const end = Math.min(this.steps + this.#circumstances.steps, this.#stepsMax)
    while (this.steps < end && this.faults.length === 0) {
      this.steps += 1
      await this.#step()
    }
    await this.#finish()
  }

  async #step(): Promise<void> {
    const random = this.#random
    const choice = random.below(100)
    if (choice < 38) await this.#act(() => this.#server.deliver())
    else if (choice < 52) {
      await this.#act(() => {
        this.#server.speak()
        this.#server.deliver()
      })
    } else if (choice < 78) await this.#act(() => this.#program.call().catch(() => {}))
    else if (choice < 86) await this.#act(() => this.#program.release())
    else if (choice < 97) await this.#pass(random.of(passes))
    else await this.#act(() => this.#server.mishap())
  }

  /** Does something, lets its consequences happen, and looks at what the client holds. */
  async #act(action: () => void): Promise<void> {
    const before = this.#stats
    const workBefore = this.#work(before)
    const sentBefore = this.#server.packetsSent
    action()
    await turn()
    const { stats } = this.#client
    this.#stats = stats
    this.#checkBounds(stats)
    const waiting = before.queued + before.inFlight + before.running + before.backlogBytes / weightOfPacket
    const most = 200 + 6 * (this.#server.packetsSent - sentBefore) + 4 * waiting
    const work = this.#work(stats) - workBefore
    if (work > most) this.report(`one turn did ${work} things, where at most ${most} make sense`)
  }

  #work({ packetsOut }: MqttClient['stats']): number {
    const packets = Object.values(packetsOut).reduce((sum, count) => sum + count, 0)
    return packets + this.#program.handlerStarts + this.#program.settled + this.#worked
  }

  #checkBounds(stats: MqttClient['stats']): void {
    const { bounds } = this.#circumstances
    // What was in flight may return to the queue when a session was lost.
    this.#atMost('queued messages', stats.queued, bounds.maxMessages + bounds.maxInFlight)
    this.#atMost('messages in flight', stats.inFlight, bounds.maxInFlight)
    this.#atMost('running handlers', stats.running, bounds.receiveWindow)
    // What was read at once is taken as a whole: reading stops behind it. A persistent session reads once more after a standstill.
    const atOnce = this.#server.largestPiece + bounds.maxPacketBytes + weightOfPacket
    const reads = this.#circumstances.cleanSession ? 1 : 2
    this.#atMost('bytes of backlog', stats.backlogBytes, bounds.receiveBufferMaxBytes + reads * atOnce)
  }

  #atMost(what: string, value: number, most: number): void {
    if (!(value >= 0 && value <= most)) this.report(`${value} ${what}, where at most ${most} are allowed`)
  }

  /** Lets virtual time pass. */
  async #pass(milliseconds: number): Promise<void> {
    this.#trace.note(() => `${milliseconds} ms pass`)
    let isOver = false
    const end = setTimeout(() => {
      isOver = true
    }, milliseconds)
    for (let fired = 0; !isOver && fired < timersInOnePassMax; fired += 1) await this.#fire()
    clearTimeout(end)
  }

  async #fire(): Promise<void> {
    this.#timers += 1
    await this.#act(() => this.#clock.next())
  }

  // The end.

  async #finish(): Promise<void> {
    const random = this.#random
    this.#trace.note(() => 'the end')
    const releases = random.oneIn(2)
    if (releases) this.#program.releaseAll()
    if (random.oneIn(4)) await this.#program.destroy()
    else this.#program.end()
    const isServerSilent = random.oneIn(2)
    await turn()
    while ((this.#clock.countTimers() > 0 || this.#client.state !== 'closed') && this.#timers < timersMax) {
      if (!isServerSilent) await this.#act(() => this.#server.deliver())
      await this.#fire()
    }
    this.#program.releaseAll()
    await turn()
    await turn()
    this.#checkEnd()
  }

  #checkEnd(): void {
    if (this.#timers >= timersMax) this.report(`more than ${timersMax} timers`)
    if (this.#client.state !== 'closed') this.report(`the client has ended and is ${this.#client.state}`)
    if (this.#clock.countTimers() > 0) this.report(`${this.#clock.countTimers()} timers are left behind`)
    if (this.#server.link !== undefined) this.report('a link is left open')
    for (const call of this.#program.pending) this.report(`never settled: ${call}`)
    if (this.#circumstances.listens === 'to close' && this.#closes !== 1) this.report(`${this.#closes} events close`)
  }

  /** What happened, in short: equal for two runs of one seed. */
  get digest(): string {
    const { packetsIn, packetsOut, bytesIn, bytesOut } = this.#client.stats
    return JSON.stringify([
      packetsIn,
      packetsOut,
      bytesIn,
      bytesOut,
      this.#program.handlerStarts,
      this.#program.settled,
    ])
  }
}

function textOf(reason: unknown): string {
  return reason instanceof Error ? `${reason.stack}` : String(reason)
}
