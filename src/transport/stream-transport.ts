/**
 * The seam over a byte pipe of the caller's own: a proxy, a WebSocket, two ends in memory.
 *
 * The pipe is the caller's until it is handed over, and ours from then on. There are three states: `opening` (the
 * caller's function has been called and its promise is pending; its signal can still be aborted), `open`, and `closed`.
 * Not every Duplex emits `close`, so the first of `end`, `error`, `close` and our own `destroy` closes the transport,
 * and the pipe is destroyed in every case. A pipe that arrives after `destroy` is destroyed unseen.
 */
import type { Duplex } from 'node:stream'
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
    new Promise<Duplex>((resolve) => resolve(open({ signal: abort.signal }))).then(
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
    if (this.#pieces === undefined) {
      if (chunk.byteLength <= pieceBytes) return state.stream.write(chunk)
      this.#pieces = new PiecewiseOutput(state.stream, this)
    }
    return this.#pieces.write(chunk)
  }

  pieceTaken(): void {
    if (this.#state.phase === 'open') this.#events.partlySent()
  }

  onDrain(): void {
    if (this.#state.phase === 'open' && this.#pieces?.isWriting !== true) this.#events.drained()
  }

  pause(): void {
    this.#reading = 'paused'
    if (this.#state.phase === 'open') this.#state.stream.pause()
  }

  resume(): void {
    this.#reading = 'flowing'
    if (this.#state.phase === 'open') this.#state.stream.resume()
  }

  end(): void {
    switch (this.#state.phase) {
      case 'opening':
        this.destroy()
        break
      case 'open':
        if (this.#pieces === undefined) this.#state.stream.end()
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

  #adopt(stream: Duplex): void {
    if (this.#state.phase !== 'opening') {
      discard(stream)
      return
    }
    const fault = unusable(stream)
    if (fault !== undefined) {
      discard(stream)
      this.#close(fault)
      return
    }
    this.#state = { phase: 'open', stream, release: this.#listen(stream) }
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
        state.release()
        discard(state.stream)
        return true
      case 'closed':
        return false
    }
  }
}

/** A destroyed stream may still emit an error; without a listener that would end the process. */
function discard(stream: Duplex): void {
  stream.on('error', () => {})
  stream.destroy()
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
