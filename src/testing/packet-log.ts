/**
 * The packets that came, and the promises that wait for some of them. A packet belongs to the first `take` that it matches,
 * whether this was called before or after the packet came; so a test that takes two PUBLISHes gets two different ones.
 *
 * The log is bounded: when it holds twice as much as it keeps, its older part goes.
 */
import type { ControlPacket, PacketName } from '../codec/control-packet.js'
import { isMatch, type Match, type PacketOf } from './match.js'

interface Entry {
  readonly packet: ControlPacket<Buffer>
  readonly clientId: string | undefined
}

interface Waiter {
  /** True if the packet is the one that was waited for. */
  offer(entry: Entry): boolean
  fail(error: Error): void
}

/** Bytes of payloads that stay in a log, once it has been so full. */
const bytesKept = 64 * 1024 * 1024

export class PacketLog {
  readonly #packets: ControlPacket<Buffer>[] = []
  #untaken: Entry[] = []
  readonly #waiters = new Set<Waiter>()
  #bytes = 0
  #end: Error | undefined
  readonly #packetsKept: number

  /** At least so many packets stay in the log, once it has been so full. */
  constructor(packetsKept = 10_000) {
    this.#packetsKept = packetsKept
  }

  get packets(): readonly ControlPacket<Buffer>[] {
    return this.#packets
  }

  push(packet: ControlPacket<Buffer>, clientId: string | undefined): void {
    this.#packets.push(packet)
    this.#bytes += bytesOf(packet)
    const entry = { packet, clientId }
    const taker = [...this.#waiters].find((waiter) => waiter.offer(entry))
    if (taker === undefined) this.#untaken.push(entry)
    else this.#waiters.delete(taker)
    this.#trim()
  }

  /** The first packet that matches and that no other call got. */
  take<Name extends PacketName>(name: Name, match: Match<Name>, signal?: AbortSignal): Promise<PacketOf<Name>> {
    const promise = new Promise<PacketOf<Name>>((resolve, reject) => {
      signal?.throwIfAborted()
      const offer = ({ packet, clientId }: Entry): boolean => {
        try {
          if (!isMatch(packet, name, match, clientId)) return false
          resolve(packet)
        } catch (error) {
          // The function `where` threw: its error belongs to the call that gave the function.
          reject(error)
        }
        return true
      }
      for (const [index, entry] of this.#untaken.entries()) {
        if (!offer(entry)) continue
        this.#untaken.splice(index, 1)
        return
      }
      if (this.#end !== undefined) return reject(this.#end)
      const waiter: Waiter = { offer, fail: reject }
      this.#waiters.add(waiter)
      if (signal !== undefined) this.#listen(signal, waiter, reject)
    })
    // A test that has failed elsewhere no longer looks at what it waited for.
    promise.catch(() => {})
    return promise
  }

  #listen(signal: AbortSignal, waiter: Waiter, reject: (reason: unknown) => void): void {
    signal.addEventListener(
      'abort',
      () => {
        this.#waiters.delete(waiter)
        reject(signal.reason)
      },
      { once: true },
    )
  }

  /** Nothing more comes: whoever waits still, or waits later for what did not come, gets this error. */
  end(error: Error): void {
    this.#end = error
    for (const waiter of this.#waiters) waiter.fail(error)
    this.#waiters.clear()
  }

  #trim(): void {
    if (this.#packets.length < 2 * this.#packetsKept && this.#bytes < 2 * bytesKept) return
    const gone = new Set<ControlPacket>()
    while (this.#packets.length - gone.size > this.#packetsKept || this.#bytes > bytesKept) {
      const oldest = this.#packets[gone.size]
      if (oldest === undefined) break
      gone.add(oldest)
      this.#bytes -= bytesOf(oldest)
    }
    this.#packets.splice(0, gone.size)
    this.#untaken = this.#untaken.filter(({ packet }) => !gone.has(packet))
  }
}

function bytesOf(packet: ControlPacket): number {
  return packet.type === 'publish' ? packet.payload.length : 0
}
