/**
 * The packets that came, and the promises that wait for some of them. A packet belongs to the first `take` that it matches,
 * whether this was called before or after the packet came; so a test that takes two PUBLISHes gets two different ones. The takes of
 * one connection count apart from those of the whole server.
 *
 * There is one log for all connections, and it is bounded: when it holds twice as much as it keeps, its older part goes.
 */
import type { ControlPacket, PacketName } from '../codec/control-packet.js'
import { isMatch, type Match, type PacketOf } from './match.js'

interface Entry<Connection> {
  readonly packet: ControlPacket<Buffer>
  readonly connection: Connection
  readonly clientId: string | undefined
  /** Whether a take of the connection got it. */
  isTakenThere: boolean
}

interface Waiter<Connection> {
  /** The connection whose packets alone are meant; undefined for all. */
  readonly of: Connection | undefined
  /** True if the packet is the one that was waited for. */
  offer(entry: Entry<Connection>): boolean
  fail(error: Error): void
}

/** Bytes of payloads that stay in a log, once it has been so full. */
const bytesKept = 64 * 1024 * 1024

export class PacketLog<Connection> {
  readonly #packetsKept: number
  readonly #packets: ControlPacket<Buffer>[] = []
  #entries: Entry<Connection>[] = []
  /** Those that no take of the server got. */
  #untaken: Entry<Connection>[] = []
  readonly #waiters = new Set<Waiter<Connection>>()
  #bytes = 0

  /** At least so many packets stay in the log, once it has been so full. */
  constructor(packetsKept = 10_000) {
    this.#packetsKept = packetsKept
  }

  get packets(): readonly ControlPacket<Buffer>[] {
    return this.#packets
  }

  packetsOf(connection: Connection): readonly ControlPacket<Buffer>[] {
    return this.#entries.filter((entry) => entry.connection === connection).map(({ packet }) => packet)
  }

  push(packet: ControlPacket<Buffer>, connection: Connection, clientId: string | undefined): void {
    const entry = { packet, connection, clientId, isTakenThere: false }
    this.#packets.push(packet)
    this.#entries.push(entry)
    this.#bytes += bytesOf(packet)
    entry.isTakenThere = this.#offer(entry, connection)
    if (!this.#offer(entry, undefined)) this.#untaken.push(entry)
    this.#trim()
  }

  /** Gives a packet to the first who waits for it, among those of the connection or of the server. */
  #offer(entry: Entry<Connection>, of: Connection | undefined): boolean {
    for (const waiter of this.#waiters) {
      if (waiter.of !== of || !waiter.offer(entry)) continue
      this.#waiters.delete(waiter)
      return true
    }
    return false
  }

  /**
   * The first packet that matches and that no other call got: of one connection, or of all. `ended` is why no more will come, if that is
   * known.
   */
  take<Name extends PacketName>(
    name: Name,
    match: Match<Name> & { readonly signal?: AbortSignal | undefined },
    of: Connection | undefined,
    ended: Error | undefined,
  ): Promise<PacketOf<Name>> {
    const { signal } = match
    const promise = new Promise<PacketOf<Name>>((resolve, reject) => {
      signal?.throwIfAborted()
      const offer = ({ packet, clientId }: Entry<Connection>): boolean => {
        try {
          if (!isMatch(packet, name, match, clientId)) return false
          resolve(packet)
        } catch (error) {
          // The function `where` threw: its error belongs to the call that gave the function.
          reject(error)
        }
        return true
      }
      if (of === undefined ? this.#takeOfAll(offer) : this.#takeOf(of, offer)) return
      if (ended !== undefined) return reject(ended)
      const waiter = { of, offer, fail: reject }
      this.#waiters.add(waiter)
      if (signal !== undefined) this.#listen(signal, waiter, reject)
    })
    // A test that has failed elsewhere no longer looks at what it waited for.
    promise.catch(() => {})
    return promise
  }

  #takeOfAll(offer: Waiter<Connection>['offer']): boolean {
    const index = this.#untaken.findIndex(offer)
    if (index >= 0) this.#untaken.splice(index, 1)
    return index >= 0
  }

  #takeOf(connection: Connection, offer: Waiter<Connection>['offer']): boolean {
    const found = this.#entries.find((entry) => entry.connection === connection && !entry.isTakenThere && offer(entry))
    if (found !== undefined) found.isTakenThere = true
    return found !== undefined
  }

  #listen(signal: AbortSignal, waiter: Waiter<Connection>, reject: (reason: unknown) => void): void {
    signal.addEventListener(
      'abort',
      () => {
        this.#waiters.delete(waiter)
        reject(signal.reason)
      },
      { once: true },
    )
  }

  /** Nothing more comes from this connection, or from any: whoever waits for it gets this error. */
  end(of: Connection | undefined, error: Error): void {
    for (const waiter of this.#waiters) {
      if (of !== undefined && waiter.of !== of) continue
      this.#waiters.delete(waiter)
      waiter.fail(error)
    }
  }

  #trim(): void {
    if (this.#packets.length < 2 * this.#packetsKept && this.#bytes < 2 * bytesKept) return
    let gone = 0
    while (this.#packets.length - gone > this.#packetsKept || this.#bytes > bytesKept) {
      const oldest = this.#packets[gone]
      if (oldest === undefined) break
      gone += 1
      this.#bytes -= bytesOf(oldest)
    }
    this.#packets.splice(0, gone)
    const left = new Set(this.#entries.splice(gone))
    this.#entries = [...left]
    this.#untaken = this.#untaken.filter((entry) => left.has(entry))
  }
}

function bytesOf(packet: ControlPacket): number {
  return packet.type === 'publish' ? packet.payload.length : 0
}
