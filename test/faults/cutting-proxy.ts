/**
 * A TCP proxy that does to connections what networks do: it ends them in the middle of a packet, with and without FIN, stands still
 * for a while or for good, and hands bytes over one at a time. What happens to which connection is drawn from a seed.
 *
 * Each connection gets a plan when it is made: so many bytes, counted over both directions, pass before its fate comes.
 */
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { Seed } from './seed.js'

type Fate = 'end' | 'destroy' | 'reset' | 'stall' | 'silence'

interface Plan {
  /** Bytes that pass before the fate comes. */
  readonly bytes: number
  readonly fate: Fate
  /** How long a stall lasts; after it the connection goes on with a new plan. */
  readonly stallMs: number
  readonly pace: 'as it comes' | 'byte by byte'
}

interface Place {
  readonly host: string
  readonly port: number
}

/** What the proxy has done so far. */
export interface Deeds {
  connections: number
  cuts: number
  stalls: number
  silences: number
  bytesAlone: number
}

export class CuttingProxy implements AsyncDisposable {
  readonly deeds: Deeds = { connections: 0, cuts: 0, stalls: 0, silences: 0, bytesAlone: 0 }
  readonly host: string
  readonly port: number
  readonly #server: net.Server
  readonly #seed: Seed
  readonly #mostBytes: number
  readonly #connections = new Set<Passage>()
  #weather: 'foul' | 'fair' = 'foul'

  private constructor(
    server: net.Server,
    place: Place,
    seed: number,
    mostBytes: number,
    target: net.TcpNetConnectOpts,
  ) {
    this.#server = server
    this.host = place.host
    this.port = place.port
    this.#seed = new Seed(seed)
    this.#mostBytes = mostBytes
    server.on('connection', (client) => this.#join(client, net.connect(target)))
  }

  /** At most `mostBytes` pass before something happens to a connection. */
  static async start(target: Place, seed: number, mostBytes = 100_000): Promise<CuttingProxy> {
    const server = net.createServer({ noDelay: true }).listen(0, target.host)
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
    return new CuttingProxy(server, { host: target.host, port: address.port }, seed, mostBytes, {
      ...target,
      noDelay: true,
    })
  }

  /** From now on everything passes as it comes. What stands still is cut. */
  clear(): void {
    this.#weather = 'fair'
    for (const passage of this.#connections) passage.spare()
  }

  /** Every connection ends now, whatever its plan. */
  cutAll(): void {
    for (const passage of this.#connections) passage.cut('reset')
  }

  #join(client: net.Socket, server: net.Socket): void {
    this.deeds.connections += 1
    const passage = new Passage(client, server, () => this.#plan(), this.deeds)
    this.#connections.add(passage)
    passage.over.then(() => this.#connections.delete(passage))
  }

  /** What a connection has to expect; nothing at all in fair weather. */
  #plan(): Plan | undefined {
    if (this.#weather === 'fair') return undefined
    const seed = this.#seed
    const pace = seed.next() < 0.2 ? 'byte by byte' : 'as it comes'
    const fate = seed.pick<Fate>(['end', 'destroy', 'reset', 'destroy', 'reset', 'stall', 'stall', 'silence'])
    // Few bytes as often as many, so that CONNECT and CONNACK are hit as well as the middle of the flow.
    const bytes = pace === 'byte by byte' ? seed.between(1, 4_000) : Math.ceil(this.#mostBytes ** seed.next())
    return { bytes, fate, stallMs: seed.between(20, 300), pace }
  }

  async close(): Promise<void> {
    for (const passage of this.#connections) passage.cut('destroy')
    this.#server.close()
    await once(this.#server, 'close')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** One connection through the proxy. */
class Passage {
  readonly over: Promise<unknown>
  readonly #client: net.Socket
  readonly #server: net.Socket
  readonly #deeds: Deeds
  readonly #nextPlan: () => Plan | undefined
  #plan: Plan | undefined
  #passed = 0
  #standing: 'still' | 'moving' | 'over' = 'moving'

  constructor(client: net.Socket, server: net.Socket, nextPlan: () => Plan | undefined, deeds: Deeds) {
    this.#client = client
    this.#server = server
    this.#nextPlan = nextPlan
    this.#plan = nextPlan()
    this.#deeds = deeds
    this.over = Promise.allSettled([this.#carry(client, server), this.#carry(server, client)])
  }

  spare(): void {
    this.#plan = undefined
    if (this.#standing === 'still') this.cut('destroy')
  }

  cut(fate: 'end' | 'destroy' | 'reset'): void {
    for (const socket of [this.#client, this.#server]) {
      if (fate === 'end') socket.destroySoon()
      else if (fate === 'reset') socket.resetAndDestroy()
      else socket.destroy()
    }
  }

  async #carry(from: net.Socket, to: net.Socket): Promise<void> {
    from.on('error', () => {})
    try {
      if (to.connecting) await once(to, 'connect')
      for await (const chunk of from) await this.#pass(chunk, to)
      to.end()
    } catch {
      to.destroy()
    }
  }

  async #pass(chunk: Buffer, to: net.Socket): Promise<void> {
    let rest = chunk
    while (rest.length > 0 && !to.destroyed) {
      const plan = this.#plan
      const alone = plan?.pace === 'byte by byte'
      const length =
        plan === undefined ? rest.length : alone ? 1 : Math.min(rest.length, Math.max(1, plan.bytes - this.#passed))
      const piece = rest.subarray(0, length)
      rest = rest.subarray(length)
      this.#passed += length
      if (alone) this.#deeds.bytesAlone += 1
      if (!to.write(piece)) await once(to, 'drain')
      if (alone) await turn()
      if (plan !== undefined && this.#passed >= plan.bytes) await this.#meet(plan)
    }
  }

  async #meet(plan: Plan): Promise<void> {
    switch (plan.fate) {
      case 'end':
      case 'destroy':
      case 'reset':
        if (this.#standing !== 'over') this.#deeds.cuts += 1
        this.#standing = 'over'
        this.cut(plan.fate)
        return
      case 'stall':
        this.#deeds.stalls += 1
        this.#passed = 0
        this.#plan = this.#nextPlan()
        await delay(plan.stallMs)
        return
      case 'silence':
        // Nothing passes any more, and nobody is told: only keep alive notices.
        if (this.#standing === 'moving') this.#deeds.silences += 1
        this.#standing = 'still'
        await Promise.race([once(this.#client, 'close'), once(this.#server, 'close')])
        this.cut('destroy')
    }
  }
}
