/**
 * The seam over a byte pipe of the caller's own: a proxy, a WebSocket, two ends in memory.
 *
 * The pipe is the caller's until it is handed over, and ours from then on. There are three states: `opening` (the
 * caller's function has been called and its promise is pending; its signal can still be aborted), `open`, and `closed`.
 * Whatever the caller's stream does, throwing in any of its methods included, ends the connection and nothing else. Not every Duplex emits `close`, so the first of `end`, `error`, `close` and our own `destroy` closes the transport,
 * and the pipe is destroyed in every case. A pipe that arrives after `destroy` is destroyed unseen.
 */
import type { Duplex } from 'node:stream'
import { kindOf } from '../codec/field-checks.js'
import { ConnectionLostError, UsageError } from '../errors.js'
import { streamFailure } from './connection-failure.js'
import { PiecewiseOutput, type PiecewiseOutputOwner, pieceBytes } from './piecewise-output.js'
import type { OpenTransport, Peer, Transport, TransportEvents } from './transport.js'

/** Opens a byte pipe. It is called for every connection anew; `signal` aborts when the pipe is no longer wanted. */
export type OpenStream = (options: { readonly signal: AbortSignal }) => Duplex | Promise<Duplex>

/** The seam over what `open` gives. What it throws or rejects with becomes the cause of `closed`. */
export function openStream(open: OpenStream): OpenTransport {
  return (events) => new StreamTransport(open, events)
}

/** What is behind the pipe, only the caller knows. */
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
  /** Present once there was large output. */
  #pieces: PiecewiseOutput | undefined

  constructor(open: OpenStream, events: TransportEvents) {
    this.#events = events
    const abort = new AbortController()
    this.#state = { phase: 'opening', abort }
    // The caller's function runs at once, but what comes of it is told later, whether it returns, throws or rejects.
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
    const state = this.#state
    if (state.phase !== 'open' || !state.stream.writable) return false
    try {
      if (this.#pieces === undefined) {
        if (chunk.byteLength <= pieceBytes) return state.stream.write(chunk)
        this.#pieces = new PiecewiseOutput(state.stream, this)
      }
      return this.#pieces.write(chunk)
    } catch (error) {
      this.threw(error)
      return false
    }
  }

  threw(error: unknown): void {
    // Never from within the call that it failed.
    process.nextTick(() => this.#close(streamFailure(error)))
  }

  #ask(method: 'pause' | 'resume' | 'end'): void {
    if (this.#state.phase !== 'open') return
    try {
      this.#state.stream[method]()
    } catch (error) {
      this.threw(error)
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
    this.#ask('pause')
  }

  resume(): void {
    this.#reading = 'flowing'
    this.#ask('resume')
  }

  end(): void {
    switch (this.#state.phase) {
      case 'opening':
        this.destroy()
        break
      case 'open':
        if (this.#pieces === undefined) this.#ask('end')
        else this.#pieces.end()
        break
      case 'closed':
        break
    }
  }

  destroy(): void {
    const events = this.#events
    if (this.#enterClosed()) process.nextTick(() => events.closed(undefined))
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
      const fault = unusable(stream)
      if (fault !== undefined) throw fault
      this.#state = { phase: 'open', stream, release: this.#listen(stream) }
    } catch (error) {
      discard(stream)
      this.#close(streamFailure(error))
      return
    }
    this.#events.opened()
  }

  /** Listens to the pipe, and returns what undoes it. */
  #listen(stream: Duplex): () => void {
    const onData = (chunk: unknown): void => {
      if (chunk instanceof Uint8Array) this.#events.received(asBuffer(chunk))
      else this.#close(notBytes(`a chunk of type ${typeof chunk}`))
    }
    const onDrain = (): void => this.onDrain()
    const onOver = (): void => this.#close(undefined)
    const onError = (error: unknown): void => this.#close(streamFailure(error))
    if (this.#reading === 'paused') stream.pause()
    stream.on('data', onData).on('drain', onDrain).on('end', onOver).on('close', onOver).on('error', onError)
    return () => {
      stream.off('data', onData).off('drain', onDrain).off('end', onOver).off('close', onOver).off('error', onError)
    }
  }

  #close(cause: Error | undefined): void {
    if (this.#enterClosed()) this.#events.closed(cause)
  }

  /** Gives the pipe up. False if that was done before: whoever gets true tells `closed`. */
  #enterClosed(): boolean {
    const state = this.#state
    this.#state = { phase: 'closed' }
    switch (state.phase) {
      case 'opening':
        state.abort.abort()
        return true
      case 'open':
        discard(state.stream, state.release)
        return true
      case 'closed':
        return false
    }
  }
}

/** A destroyed stream may still emit an error; without a listener that would end the process. */
function discard(stream: Duplex, release: () => void = () => {}): void {
  try {
    stream.on('error', () => {})
    release()
    stream.destroy()
  } catch {
    // It is of no use any more, and what it has to say about that neither.
  }
}

/** What is used of a Duplex. */
const methods = ['on', 'off', 'pause', 'resume', 'write', 'end', 'destroy'] as const

function isDuplex(value: unknown): value is Duplex {
  return (
    typeof value === 'object' &&
    value !== null &&
    methods.every((name) => typeof Reflect.get(value, name) === 'function')
  )
}

function unusable(stream: Duplex): Error | undefined {
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
