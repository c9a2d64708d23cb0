/**
 * The transport over a byte pipe that the caller makes: a proxy, a WebSocket, a pair of streams in memory.
 *
 * The caller owns the pipe until `open` returns it; from then on this class owns it. There are three states: `opening` (the
 * promise of the caller's function is pending, and its signal can be aborted), `open`, and `closed`. A fault of the stream,
 * even an exception in one of its methods, ends only this connection. Not every Duplex emits `close`, so the first of `end`,
 * `error`, `close` and our own `destroy` closes the transport. The pipe is destroyed in each case. A pipe that comes after
 * `destroy` is destroyed at once.
 *
 * A pipe may push while it is written to, as a pair of streams in memory does. Our user is then in the middle of its own work, so what
 * comes during a call of our user waits for the next tick, in its order; an end waits behind it.
 */
import type { Duplex } from 'node:stream'
import { kindOf } from '../codec/field-checks.js'
import { ConnectionLostError, UsageError } from '../errors.js'
import { isBytes } from '../realms/foreign-values.js'
import { streamFailure } from './connection-failure.js'
import { PiecewiseOutput, type PiecewiseOutputOwner, pieceBytes } from './piecewise-output.js'
import type { OpenTransport, Peer, Transport, TransportEvents } from './transport.js'

/** Opens a byte pipe. It is called again for every connection; `signal` aborts when the pipe is no longer needed. */
export type OpenStream = (options: { readonly signal: AbortSignal }) => Duplex | Promise<Duplex>

/** Opens a transport over the stream that `open` returns. If `open` throws or rejects, its error is the cause of `closed`. */
export function openStream(open: OpenStream): OpenTransport {
  return (events) => new StreamTransport(open, events)
}

/** Only the caller knows the peer of the pipe. */
const unknownPeer: Peer = { address: undefined, port: undefined, family: undefined, tls: undefined }

type State =
  | { readonly phase: 'opening'; readonly abort: AbortController }
  | { readonly phase: 'open'; readonly stream: Duplex; readonly release: () => void }
  | { readonly phase: 'closed' }

class StreamTransport implements Transport, PiecewiseOutputOwner {
  readonly writtenChunks = 'kept'
  readonly #events: TransportEvents
  #state: State
  #reading: 'flowing' | 'paused' = 'flowing'
  /** Made for the first large output. */
  #pieces: PiecewiseOutput | undefined
  /** The calls on the stack in which our user works: its calls of this transport, and its `received`. */
  #callsOfUser = 0
  /** What came during such a call, and what came behind it. */
  #withheld: Buffer[] = []
  /** How the pipe has ended, while that waits. */
  #over: { readonly cause: Error | undefined } | undefined
  #isReleaseDue = false

  constructor(open: OpenStream, events: TransportEvents) {
    this.#events = events
    const abort = new AbortController()
    this.#state = { phase: 'opening', abort }
    // The caller's function runs at once. Its result is handled later in each case: if it returns, throws or rejects.
    new Promise<unknown>((resolve) => resolve(open({ signal: abort.signal }))).then(
      (stream) => this.#adopt(stream),
      (error: unknown) => this.#close(streamFailure(error)),
    )
  }

  get peer(): Peer | undefined {
    return this.#state.phase === 'open' ? unknownPeer : undefined
  }

  get unsentBytes(): number {
    if (this.#state.phase !== 'open') return 0
    return this.#state.stream.writableLength + (this.#pieces?.waitingBytes ?? 0)
  }

  write(chunk: Uint8Array): boolean {
    const taken = this.#callStream((stream) => {
      if (!stream.writable) return false
      if (this.#pieces === undefined) {
        if (chunk.byteLength <= pieceBytes) return stream.write(chunk)
        this.#pieces = new PiecewiseOutput(stream, this)
      }
      return this.#pieces.write(chunk)
    })
    return taken === true
  }

  onPieceError(error: unknown): void {
    // Later, because `closed` must not come during a call of our user.
    process.nextTick(() => this.#close(streamFailure(error)))
  }

  /** Calls the pipe for our user. What the pipe throws ends the connection. */
  #callStream(call: (stream: Duplex) => unknown): unknown {
    if (this.#state.phase !== 'open') return undefined
    this.#callsOfUser += 1
    try {
      return call(this.#state.stream)
    } catch (error) {
      return this.onPieceError(error)
    } finally {
      this.#callsOfUser -= 1
    }
  }

  pieceTaken(): void {
    if (this.#state.phase === 'open') this.#events.partlySent()
  }

  onDrain(): void {
    if (this.#state.phase === 'open' && this.#pieces?.isWriting !== true) this.#events.drained()
  }

  pause(): void {
    this.#reading = 'paused'
    this.#callStream((stream) => stream.pause())
  }

  resume(): void {
    this.#reading = 'flowing'
    this.#callStream((stream) => stream.resume())
    if (this.#withheld.length > 0) this.#releaseLater()
  }

  wake(): boolean {
    return false
  }

  end(): void {
    if (this.#state.phase === 'opening') return this.destroy()
    this.#callStream((stream) => (this.#pieces ?? stream).end())
  }

  destroy(): void {
    if (this.#enterClosed()) process.nextTick(() => this.#events.closed(undefined))
  }

  #adopt(stream: unknown): void {
    if (!isDuplex(stream)) {
      const text = `the option stream gave ${kindOf(stream)}: return the Duplex, or a promise of it`
      this.#close(new UsageError(text))
      return
    }
    if (this.#state.phase !== 'opening') {
      discard(stream)
      return
    }
    try {
      const fault = faultOf(stream)
      if (fault !== undefined) throw fault
      this.#state = { phase: 'open', stream, release: this.#listen(stream) }
    } catch (error) {
      discard(stream)
      this.#close(streamFailure(error))
      return
    }
    this.#events.opened()
  }

  /** Listens to the pipe, and returns a function that removes the listeners. */
  #listen(stream: Duplex): () => void {
    const onData = (chunk: unknown): void => {
      if (!isBytes(chunk)) this.#end(notBytes(`a chunk of type ${typeof chunk}`))
      else if (this.#mayTell) this.#receive(asBuffer(chunk))
      else {
        this.#withheld.push(asBuffer(chunk))
        this.#releaseLater()
      }
    }
    const onDrain = (): void => {
      if (this.#callsOfUser === 0) this.onDrain()
      else process.nextTick(() => this.onDrain())
    }
    const onOver = (): void => this.#end(undefined)
    const onError = (error: unknown): void => this.#end(streamFailure(error))
    if (this.#reading === 'paused') stream.pause()
    stream.on('data', onData).on('drain', onDrain).on('end', onOver).on('close', onOver).on('error', onError)
    return () => {
      stream.off('data', onData).off('drain', onDrain).off('end', onOver).off('close', onOver).off('error', onError)
    }
  }

  /** Whether our user can be told now: it is in no call, nothing that came earlier waits, and no piece is being written. */
  get #mayTell(): boolean {
    return this.#callsOfUser === 0 && this.#withheld.length === 0 && this.#pieces?.isWriting !== true
  }

  #receive(chunk: Buffer): void {
    this.#callsOfUser += 1
    try {
      this.#events.received(chunk)
    } finally {
      this.#callsOfUser -= 1
    }
  }

  #releaseLater(): void {
    if (this.#isReleaseDue) return
    this.#isReleaseDue = true
    process.nextTick(() => this.#release())
  }

  #release(): void {
    this.#isReleaseDue = false
    while (this.#state.phase === 'open' && this.#reading === 'flowing') {
      const chunk = this.#withheld.shift()
      if (chunk === undefined) break
      this.#receive(chunk)
    }
    // An end waits behind what a pause still holds back; a fault does not.
    const over = this.#over
    if (over !== undefined && (this.#withheld.length === 0 || over.cause !== undefined)) this.#close(over.cause)
  }

  /** The pipe is over. */
  #end(cause: Error | undefined): void {
    if (this.#mayTell) return this.#close(cause)
    this.#over = { cause: this.#over?.cause ?? cause }
    this.#releaseLater()
  }

  #close(cause: Error | undefined): void {
    if (this.#enterClosed()) this.#events.closed(cause)
  }

  /** Gives up the pipe. True for the first call only; its caller then emits `closed`. */
  #enterClosed(): boolean {
    const state = this.#state
    this.#state = { phase: 'closed' }
    if (state.phase === 'opening') state.abort.abort()
    else if (state.phase === 'open') discard(state.stream, state.release)
    return state.phase !== 'closed'
  }
}

/** A destroyed stream may still emit an error; without a listener that would end the process. */
function discard(stream: Duplex, release: () => void = () => {}): void {
  try {
    stream.on('error', () => {})
    release()
    stream.destroy()
  } catch {
    // The stream is no longer used, so its errors do not matter.
  }
}

/** The methods of a Duplex that this file calls. */
const methods = ['on', 'off', 'pause', 'resume', 'write', 'end', 'destroy'] as const

function isDuplex(value: unknown): value is Duplex {
  return (
    typeof value === 'object' &&
    value !== null &&
    methods.every((name) => typeof Reflect.get(value, name) === 'function')
  )
}

/** The reason why the stream cannot be used. */
function faultOf(stream: Duplex): Error | undefined {
  if (stream.readableObjectMode || stream.writableObjectMode) return notBytes('a stream in object mode')
  if (stream.readableEncoding !== null) return notBytes(`a stream of strings (${stream.readableEncoding})`)
  if (stream.readable && stream.writable) return undefined
  return new ConnectionLostError('the option stream gave a stream that is closed already', { reason: 'closed' })
}

function notBytes(what: string): UsageError {
  return new UsageError(
    `the option stream gave ${what}: MQTT needs a Duplex of bytes, without objectMode or setEncoding`,
  )
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
}
