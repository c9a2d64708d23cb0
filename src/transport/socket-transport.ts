/**
 * The transport over the TCP and TLS sockets of Node.
 *
 *   opening ──> securing ──> open ──> finished ──┬──────────────> closed
 *      │            │          │         │       └─> withheld ──────^
 *      └────────────┴──────────┴─────────┴─────────> destroyed ─────^
 *
 * `securing` exists on TLS only: TCP is connected and the handshake runs. `finished` means that the peer has sent its FIN:
 * no bytes can follow, so we write no more and close too. `destroyed` means that `destroy` was called: the only event that
 * follows is `closed`. Node emits `close` once for every socket, and `closed` follows from it. There is one exception: in
 * `withheld` the socket is closed, but bytes that came during a pause still wait for `resume`.
 *
 * Bytes are read through `onread` into one buffer for all connections of the process. The callback is synchronous, so no
 * connection sees the bytes of another one, and an idle connection needs no memory for reading. `tls.connect` supports
 * `onread` only if it makes the TCP socket itself. For this reason the caller cannot pass a socket here.
 *
 * A socket in a stream of small reads rests between reads (see `ReadRests`). To its user a rest is no pause: what TLS has decrypted
 * is handed over, and output, `end` and a pause end the rest.
 *
 * On TLS, Node gives each record by itself, and a server that writes each packet by itself makes a record of each. In a stream of small
 * reads they are gathered for the rest of the turn of the event loop, and handed over as one chunk. That saves a third of the CPU time of
 * a packet at QoS 0, and two fifths at QoS 1, because a chunk needs one look at the deadlines and one write of acknowledgements.
 *
 * On TCP a pause takes effect at once. On TLS, Node still decrypts the records that it has already read, at most one read.
 * Their bytes are copied, and handed over after `resume`, before newer bytes.
 */
import type { OnReadOpts, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { BufferView } from '../codec/decode/payload-copies.js'
import { isMqttError } from '../errors.js'
import { isError } from '../realms/foreign-values.js'
import { familyMismatch } from './address-lookup.js'
import { connectionFailure } from './connection-failure.js'
import type { Endpoint } from './endpoint.js'
import { PiecewiseOutput, type PiecewiseOutputOwner, pieceBytes } from './piecewise-output.js'
import { ReadRests, type RestingSocket } from './rests/read-rests.js'
import type { ReadRhythm } from './rests/read-rhythm.js'
import { describePeer, dial, type SocketOptions } from './socket.js'
import { listenTo, listenToSessions, type SocketOwner } from './socket-listeners.js'
import { isRefusedValue, refusedOptions, type TlsSettings } from './tls-context.js'
import type { OpenTransport, Peer, Transport, TransportEvents } from './transport.js'
import { UnopenedTransport } from './unopened-transport.js'
import { lastIssuer } from './untrusted-issuer.js'

/** Opens a TCP or TLS connection. The call never throws: `closed` gets the cause of a connection that cannot be opened. */
export function openSocket(options: SocketOptions): OpenTransport {
  return (events) => {
    try {
      const mismatch = familyMismatch(options.endpoint, options.family ?? 0)
      if (mismatch !== undefined) return new UnopenedTransport(mismatch, events)
      return new SocketTransport(options, events)
    } catch (error) {
      return new UnopenedTransport(unopenedCause(error, options), events)
    }
  }
}

/** Why no socket could be made. On TLS it is an option of the caller that Node has refused. */
function unopenedCause(error: unknown, { endpoint, tls }: SocketOptions): Error {
  if (isMqttError(error)) return error
  return tls === undefined ? connectionFailure(error, endpoint, 'opening') : refusedOptions(error)
}

/** One buffer for all connections, made for the first one; libuv reads at most 64 KiB at once. */
let readBuffer: Buffer | undefined
const readBufferBytes = 65_536

/** Records of fewer bytes are gathered, at most so many. Then a chunk is about as large as a read of TCP. */
const smallRecordBytes = 1_024
const gatheredRecordsMax = 512

/** Shared by all connections without withheld bytes; it stays empty. */
const nothing: Buffer[] = []

/** The rests of all connections of the process. */
const restsOfProcess = new ReadRests({
  now: () => performance.now(),
  afterTurn: setImmediate,
  afterRest(action, ms) {
    const timer = setTimeout(action, ms)
    return () => clearTimeout(timer)
  },
})

type Phase = 'opening' | 'securing' | 'open' | 'finished' | 'withheld' | 'destroyed' | 'closed'

class SocketTransport implements Transport, SocketOwner, PiecewiseOutputOwner, RestingSocket {
  lastReadAt = 0
  rhythm: ReadRhythm | undefined
  readonly #endpoint: Endpoint
  readonly #events: TransportEvents
  readonly #socket: Socket
  readonly #rests: ReadRests
  /** Both undefined on TCP. */
  readonly #tls: TlsSettings | undefined
  readonly #secured: TLSSocket | undefined
  #phase: Phase = 'opening'
  #reading: 'flowing' | 'paused' = 'flowing'
  /** The chunks that came during a pause, or are gathered, in order. While there are any, newer chunks wait after them. */
  #withheld = nothing
  /** Made for the first large output. */
  #pieces: PiecewiseOutput | undefined
  #failure: Error | undefined

  constructor(options: SocketOptions, events: TransportEvents) {
    this.#endpoint = options.endpoint
    this.#events = events
    readBuffer ??= Buffer.allocUnsafeSlow(readBufferBytes)
    const { socket, secured } = dial(options, this.#reader(readBuffer))
    this.#socket = socket
    this.#tls = options.tls
    this.#rests = options.rests ?? restsOfProcess
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
    // Node would report a write after `end` as an error of the connection.
    if (this.#phase !== 'open' || !this.#socket.writable) return false
    this.#rests.wake(this)
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
    this.#rests.forget(this)
    if (this.#phase === 'open') this.#socket.pause()
  }

  resume(): void {
    this.#reading = 'flowing'
    if (this.#withheld.length > 0) process.nextTick(() => this.#releaseWithheld())
    if (this.#phase === 'open') this.#socket.resume()
  }

  wake(): boolean {
    return this.#rests.wake(this) || (this.#reading === 'flowing' && this.#withheld.length > 0)
  }

  handOver(): void {
    if (this.#reading === 'paused' || this.#withheld.length === 0) return
    const chunk = Buffer.concat(this.#withheld)
    this.#withheld = nothing
    // Outside a turn nobody would end the turn that `read` begins, and all later records would be gathered.
    if (this.rhythm?.isInTurn) this.rhythm.read(chunk.length)
    this.#events.received(chunk)
  }

  mayRest(bytes: number): boolean {
    return this.#phase === 'open' && this.#reading === 'flowing' && this.#events.mayRest(bytes)
  }

  stopReading(): void {
    this.#socket.pause()
  }

  startReading(): void {
    this.#socket.resume()
  }

  end(): void {
    if (this.#phase === 'opening' || this.#phase === 'securing') return this.destroy()
    this.#rests.wake(this)
    // Node ends a socket once; it does nothing for a later call, also after `destroy`.
    if (this.#pieces === undefined) this.#socket.end()
    else this.#pieces.end()
  }

  destroy(): void {
    if (this.#phase === 'destroyed' || this.#phase === 'closed') return
    this.#rests.forget(this)
    const isSocketClosed = this.#phase === 'withheld'
    this.#phase = 'destroyed'
    this.#withheld = nothing
    if (isSocketClosed) process.nextTick(() => this.#emitClosed())
    else this.#socket.destroy()
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
    // A pause of the socket would also stop the handshake, so a pause that was asked for during it begins here.
    if (this.#reading === 'paused') this.#socket.pause()
    this.#events.opened()
  }

  #reader(buffer: Buffer): OnReadOpts {
    const memory = buffer.buffer
    const callback = (length: number): boolean => {
      this.#onRead(new BufferView(memory, 0, length))
      // Not false, even after `pause`: `pause` has stopped the socket already, and false would stop a socket that was resumed.
      return true
    }
    return { buffer, callback }
  }

  #onRead(chunk: Buffer): void {
    if (this.#phase !== 'open') return
    const { length } = chunk
    const isSmall = length < smallRecordBytes && this.#withheld.length < gatheredRecordsMax
    const gathers = isSmall && this.#secured && this.rhythm?.isInTurn
    if (!gathers) this.handOver()
    if (!gathers && this.#reading === 'flowing' && this.#withheld.length === 0) {
      this.#events.received(chunk)
      this.#rests.wasRead(this, length)
    } else {
      if (this.#withheld === nothing) this.#withheld = []
      this.#withheld.push(Buffer.from(chunk))
    }
  }

  #releaseWithheld(): void {
    while (this.#reading === 'flowing') {
      const chunk = this.#withheld.shift()
      if (chunk === undefined) break
      this.#events.received(chunk)
    }
    if (this.#phase === 'withheld' && this.#withheld.length === 0) this.#emitClosed()
  }

  onPieceError(error: unknown): void {
    this.#socket.destroy(isError(error) ? error : undefined)
  }

  onDrain(): void {
    if (this.#phase === 'open' && this.#pieces?.isWriting !== true) this.#events.drained()
  }

  /** The peer closes. Node sends our FIN after all output. A peer that is gone takes no output, so unsent output is dropped. */
  onEnd(): void {
    this.handOver()
    if (this.#phase !== 'open') return
    this.#phase = 'finished'
    if (this.unsentBytes > 0) this.#socket.destroy()
  }

  onError(error: Error): void {
    this.handOver()
    if (this.#phase === 'destroyed' || this.#phase === 'closed') return
    const during = this.#phase === 'opening' || this.#phase === 'securing' ? this.#phase : 'open'
    this.#failure ??=
      during !== 'open' && isRefusedValue(error)
        ? refusedOptions(error)
        : connectionFailure(error, this.#endpoint, during, this.#secured && lastIssuer(this.#secured))
    // The TLS session may be the reason of the failure, so the next handshake is a full one.
    if (this.#phase === 'securing') this.#tls?.forget(this.#endpoint)
    // Node does not close the socket after a TLS alert that comes after the handshake.
    this.#socket.destroy()
  }

  onClose(): void {
    this.#rests.forget(this)
    const hasPeerClosed = this.#phase === 'finished' && this.#failure === undefined
    if (hasPeerClosed && this.#withheld.length > 0) {
      this.#phase = 'withheld'
      this.#releaseWithheld()
    } else {
      this.#emitClosed()
    }
  }

  #emitClosed(): void {
    this.#phase = 'closed'
    this.#withheld = nothing
    this.#events.closed(this.#failure)
  }
}
