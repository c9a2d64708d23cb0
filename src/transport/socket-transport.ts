/**
 * The seam over the TCP and TLS sockets of Node.
 *
 *   opening ──> securing ──> open ──> finished ──┬──────────────> closed
 *      │            │          │         │       └─> withheld ──────^
 *      └────────────┴──────────┴─────────┴─────────> destroyed ─────^
 *
 * `securing` exists on TLS only: TCP is connected and the handshake runs. `finished` means that the peer has sent its
 * FIN: nothing can follow, so we write no more and close too. `destroyed` means that our user wants nothing more to do
 * with the connection: only `closed` is still told. Node emits `close` once for every socket, whatever happened before,
 * and `closed` follows from it, with one exception: in `withheld` the socket is gone, but bytes that it gave us during
 * a pause have not been told yet.
 *
 * Bytes are read through `onread` into one buffer for all connections of the process. Its callback is synchronous, so
 * no connection sees the bytes of another, and an idle connection owns no memory for reading. `tls.connect` supports it
 * only when it makes the TCP socket itself, and that is why a socket of the caller's is not accepted here.
 *
 * A pause takes effect at once on TCP. On TLS the records that the operating system has given already are decrypted
 * and come all the same, at most one read of them: they are copied, and told after `resume` and before all else.
 */
import type { OnReadOpts, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { isMqttError } from '../errors.js'
import { familyMismatch } from './address-lookup.js'
import { connectionFailure } from './connection-failure.js'
import type { Endpoint } from './endpoint.js'
import { PiecewiseOutput, type PiecewiseOutputOwner, pieceBytes } from './piecewise-output.js'
import { describePeer, dial, type SocketOptions } from './socket.js'
import { listenTo, listenToSessions, type SocketOwner } from './socket-listeners.js'
import type { TlsSettings } from './tls-context.js'
import type { OpenTransport, Peer, Transport, TransportEvents } from './transport.js'
import { UnopenedTransport } from './unopened-transport.js'
import { lastIssuer } from './untrusted-issuer.js'

/** The seam over a TCP or TLS connection. Opening never throws: what cannot be opened tells its cause in `closed`. */
export function openSocket(options: SocketOptions): OpenTransport {
  return (events) => {
    try {
      const mismatch = familyMismatch(options.endpoint, options.family ?? 0)
      if (mismatch !== undefined) return new UnopenedTransport(mismatch, events)
      return new SocketTransport(options, events)
    } catch (error) {
      const cause = isMqttError(error) ? error : connectionFailure(error, options.endpoint, 'opening')
      return new UnopenedTransport(cause, events)
    }
  }
}

/** One buffer for all connections, made by the first; 64 KiB is what libuv reads at most in one turn. */
let readBuffer: Buffer | undefined
const readBufferBytes = 65_536

/** For every connection that withholds nothing: it stays empty. */
const nothing: Buffer[] = []

type Phase = 'opening' | 'securing' | 'open' | 'finished' | 'withheld' | 'destroyed' | 'closed'

class SocketTransport implements Transport, SocketOwner, PiecewiseOutputOwner {
  readonly #endpoint: Endpoint
  readonly #events: TransportEvents
  readonly #socket: Socket
  /** Both undefined on TCP. */
  readonly #tls: TlsSettings | undefined
  readonly #secured: TLSSocket | undefined
  #phase: Phase = 'opening'
  #reading: 'flowing' | 'paused' = 'flowing'
  /** What came during a pause, in its order. While there is any, newer bytes queue up behind it. */
  #withheld = nothing
  /** Present once there was large output. */
  #pieces: PiecewiseOutput | undefined
  #failure: Error | undefined

  constructor(options: SocketOptions, events: TransportEvents) {
    this.#endpoint = options.endpoint
    this.#events = events
    readBuffer ??= Buffer.allocUnsafeSlow(readBufferBytes)
    const { socket, secured } = dial(options, this.#reader(readBuffer))
    this.#socket = socket
    this.#tls = options.tls
    this.#secured = secured
    listenTo(socket, secured, this)
  }

  get peer(): Peer | undefined {
    return this.#phase === 'open' ? describePeer(this.#socket, this.#secured) : undefined
  }

  get writtenChunks() {
    return 'free' as const
  }

  get unsentBytes(): number {
    return this.#socket.writableLength + (this.#pieces?.waitingBytes ?? 0)
  }

  write(chunk: Uint8Array): boolean {
    // Node would report a write behind `end` as an error of the connection.
    if (this.#phase !== 'open' || !this.#socket.writable) return false
    if (this.#pieces === undefined) {
      if (chunk.byteLength <= pieceBytes) return this.#socket.write(chunk)
      this.#pieces = new PiecewiseOutput(this.#socket, this)
    }
    return this.#pieces.write(chunk)
  }

  pieceTaken(): void {
    if (this.#phase === 'open') this.#events.partlySent()
  }

  pause(): void {
    this.#reading = 'paused'
    if (this.#phase === 'open') this.#socket.pause()
  }

  resume(): void {
    this.#reading = 'flowing'
    if (this.#withheld.length > 0) process.nextTick(() => this.#releaseWithheld())
    if (this.#phase === 'open') this.#socket.resume()
  }

  end(): void {
    switch (this.#phase) {
      case 'opening':
      case 'securing':
        this.destroy()
        break
      case 'open':
        if (this.#pieces === undefined) this.#socket.end()
        else this.#pieces.end()
        break
      case 'finished':
      case 'withheld':
      case 'destroyed':
      case 'closed':
        break
    }
  }

  destroy(): void {
    switch (this.#phase) {
      case 'opening':
      case 'securing':
      case 'open':
      case 'finished':
        this.#phase = 'destroyed'
        this.#withheld = nothing
        this.#socket.destroy()
        break
      case 'withheld':
        this.#phase = 'destroyed'
        this.#withheld = nothing
        process.nextTick(() => this.#tellClosed())
        break
      case 'destroyed':
      case 'closed':
        break
    }
  }

  onConnect(): void {
    if (this.#phase !== 'opening') return
    if (this.#secured === undefined) return this.onReady()
    this.#phase = 'securing'
    listenToSessions(this.#secured)
  }

  onSession(session: Buffer): void {
    this.#tls?.remember(this.#endpoint, session)
  }

  onReady(): void {
    if (this.#phase !== 'opening' && this.#phase !== 'securing') return
    this.#phase = 'open'
    // Node takes a pause in the handshake for a pause of the handshake, so one that was asked for then begins here.
    if (this.#reading === 'paused') this.#socket.pause()
    this.#events.opened()
  }

  #reader(buffer: Buffer): OnReadOpts {
    const callback = (length: number): boolean => {
      this.#onRead(buffer.subarray(0, length))
      // `pause` has stopped the socket already, if it was called; the answer false would stop one that was resumed.
      return true
    }
    return { buffer, callback }
  }

  #onRead(chunk: Buffer): void {
    if (this.#phase !== 'open') return
    if (this.#reading === 'flowing' && this.#withheld.length === 0) this.#events.received(chunk)
    else if (this.#withheld === nothing) this.#withheld = [Buffer.from(chunk)]
    else this.#withheld.push(Buffer.from(chunk))
  }

  #releaseWithheld(): void {
    while (this.#reading === 'flowing') {
      const chunk = this.#withheld.shift()
      if (chunk === undefined) break
      this.#events.received(chunk)
    }
    if (this.#phase === 'withheld' && this.#withheld.length === 0) this.#tellClosed()
  }

  threw(error: unknown): void {
    this.#socket.destroy(error instanceof Error ? error : undefined)
  }

  onDrain(): void {
    if (this.#phase === 'open' && this.#pieces?.isWriting !== true) this.#events.drained()
  }

  /** The peer closes. Node answers with our FIN once everything is sent, which a peer that has gone would never let happen. */
  onEnd(): void {
    if (this.#phase !== 'open') return
    this.#phase = 'finished'
    if (this.unsentBytes > 0) this.#socket.destroy()
  }

  onError(error: Error): void {
    if (this.#phase === 'destroyed' || this.#phase === 'closed') return
    const during = this.#phase === 'opening' || this.#phase === 'securing' ? this.#phase : 'open'
    this.#failure ??= connectionFailure(error, this.#endpoint, during, this.#secured && lastIssuer(this.#secured))
    // The session may be what the server did not like: the next handshake is a full one.
    if (this.#phase === 'securing') this.#tls?.forget(this.#endpoint)
    // An alert of TLS behind the handshake is emitted by Node without closing the socket.
    this.#socket.destroy()
  }

  onClose(): void {
    const goodOrder = this.#phase === 'finished' && this.#failure === undefined
    if (goodOrder && this.#withheld.length > 0) {
      this.#phase = 'withheld'
      this.#releaseWithheld()
    } else {
      this.#tellClosed()
    }
  }

  #tellClosed(): void {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.#withheld = nothing
    this.#events.closed(this.#failure)
  }
}
