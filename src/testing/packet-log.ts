/**
 * The received packets, and the calls of `take` that wait for packets. Each packet is given to one call of `take`: the first that it
 * matches, whether the call came before or after the packet. So two calls that take a PUBLISH get two different ones. Calls for one
 * connection and calls for the whole server are independent: a packet can be given to one of each.
 *
 * There is one log for all connections. It has a bound: when it is twice as large as the bound, the older packets are removed.
 */
import type { ControlPacket, PacketName } from '../codec/control-packet.js'
import { isMatch, type Match, type PacketOf } from './match.js'

interface Entry<Connection> {
  readonly packet: ControlPacket<Buffer>
  readonly connection: Connection
  readonly clientId: string | undefined
  /** Whether a call for this connection took the packet. */
  isTakenThere: boolean
}

interface Waiter<Connection> {
  /** Only packets of this connection; undefined: packets of all connections. */
  readonly of: Connection | undefined
  /** Returns true if the waiter takes this packet. */
  offer(entry: Entry<Connection>): boolean
  fail(error: Error): void
}

/** The bound in bytes of payloads. */
const bytesKept = 64 * 1024 * 1024

export class PacketLog<Connection> {
  readonly #packetsKept: number
  readonly #packets: ControlPacket<Buffer>[] = []
  #entries: Entry<Connection>[] = []
  /** The entries that no call for the whole server took. */
  #untaken: Entry<Connection>[] = []
  readonly #waiters = new Set<Waiter<Connection>>()
  #bytes = 0

  /** `packetsKept` is the bound in packets: the newest so many stay in the log, if their payloads fit the bound in bytes. */
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

  /** Gives a packet to the first waiter that takes it: among those of a connection, or those of the whole server. */
  #offer(entry: Entry<Connection>, of: Connection | undefined): boolean {
    for (const waiter of this.#waiters) {
      if (waiter.of !== of || !waiter.offer(entry)) continue
      this.#waiters.delete(waiter)
      return true
    }
    return false
  }

  /**
   * The first packet that matches and that no other call took, of one connection or of all. If no more packets will come, `ended` is
   * the reason.
   */
  take<Name extends PacketName>(
    name: Name,
    match: Match<Name> & { readonly signal?: AbortSignal | undefined },
    of: Connection | undefined,
    ended: Error | undefined,
  ): Promise<PacketOf<Name>> {
    const { signal } = match
    let aborted = () => {}
    const promise = new Promise<PacketOf<Name>>((resolve, reject) => {
      if (signal?.aborted) throw signal.reason
      const offer = ({ packet, clientId }: Entry<Connection>): boolean => {
        try {
          if (!isMatch(packet, name, match, clientId)) return false
          resolve(packet)
        } catch (error) {
          // The function `where` threw. The call that passed the function rejects with this error.
          reject(error)
        }
        return true
      }
      if (of === undefined ? this.#takeOfAll(offer) : this.#takeOf(of, offer)) return
      if (ended !== undefined) return reject(ended)
      const waiter = { of, offer, fail: reject }
      this.#waiters.add(waiter)
      aborted = () => {
        this.#waiters.delete(waiter)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', aborted)
    })
    // A test that has already failed awaits this promise no longer, so its rejection must not count as unhandled.
    promise.catch(() => {}).finally(() => signal?.removeEventListener('abort', aborted))
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

  /** No packet comes any more from this connection, or from any: the calls that wait reject with this error. */
  end(of: Connection | undefined, error: Error): void {
    for (const waiter of this.#waiters) {
      if (of !== undefined && waiter.of !== of) continue
      this.#waiters.delete(waiter)
      waiter.fail(error)
    }
  }

  #trim(): void {
    if (this.#packets.length < 2 * this.#packetsKept && this.#bytes < 2 * bytesKept) return
    let removed = 0
    while (this.#packets.length - removed > this.#packetsKept || this.#bytes > bytesKept) {
      const oldest = this.#packets[removed]
      if (oldest === undefined) break
      removed += 1
      this.#bytes -= bytesOf(oldest)
    }
    this.#packets.splice(0, removed)
    const remaining = new Set(this.#entries.splice(removed))
    this.#entries = [...remaining]
    this.#untaken = this.#untaken.filter((entry) => remaining.has(entry))
  }
}

function bytesOf(packet: ControlPacket): number {
  return packet.type === 'publish' ? packet.payload.length : 0
}
