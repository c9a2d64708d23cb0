/**
 * The interface between the protocol and the network: an ordered, lossless stream of bytes in each direction
 * [MQTT-7.1.2-1], without any knowledge of MQTT. The driver of a connection calls `OpenTransport` once for each attempt,
 * and the transport calls `TransportEvents`. No event comes before the call of `OpenTransport` has returned.
 */

/** Facts about the peer of an open stream, for people and diagnostics only. */
export interface Peer {
  readonly address: string | undefined
  readonly port: number | undefined
  readonly family: 4 | 6 | undefined
  /** Present on TLS: the protocol version (`TLSv1.3`), the cipher suite, and whether an earlier TLS session was resumed. */
  readonly tls: { readonly version: string; readonly cipher: string; readonly resumed: boolean } | undefined
}

export interface TransportEvents {
  /** The stream is open (on TLS: the handshake is done and the certificate verified). At most once. */
  opened(): void
  /** Bytes arrived. `chunk` may be a view of a shared read buffer: it is valid only until this call returns. */
  received(chunk: Buffer): void
  /**
   * Asked in a stream of small chunks. True if the next bytes may come up to 3 ms late, and then at once: nobody waits for one of them.
   * `bytes` is what comes in that time.
   */
  mayRest(bytes: number): boolean
  /** The operating system has taken a part of a large chunk, or of the chunks after it, but not yet everything. */
  partlySent(): void
  /** There is room for output again, after `write` returned false on an open stream. */
  drained(): void
  /**
   * The stream has ended, in both directions. Called exactly once, as the last event. `cause` is undefined if the peer
   * closed normally or `destroy` was called. Otherwise it is a ConnectionLostError, or a UsageError for options that cannot
   * work.
   */
  closed(cause: Error | undefined): void
}

export interface Transport {
  /** Undefined unless the stream is open. */
  readonly peer: Peer | undefined
  /** Bytes that were written, but that the operating system has not taken yet. */
  readonly unsentBytes: number
  /**
   * 'free': when `unsentBytes` is 0, no one refers to the written chunks, and their memory may be used again. 'kept': the
   * stream of the caller may refer to written chunks for any time.
   */
  readonly writtenChunks: 'free' | 'kept'
  /**
   * Writes a chunk; from now on the caller must not change it. False asks the caller to wait for `drained`. Before `opened`,
   * after `end` and after the peer has closed, the chunk is dropped and the result is false.
   */
  write(chunk: Uint8Array): boolean
  /**
   * Stops `received` until `resume`. Both may be called in any state, any number of times; `resume` never calls
   * `received` itself. A transport that is paused may not notice that the peer closes.
   */
  pause(): void
  resume(): void
  /** Ends a rest of reading (see `mayRest`). True if there was one: bytes may have come that were not read, and are read in this turn. */
  wake(): boolean
  /**
   * Sends all written bytes, then closes our side. `closed` follows when the peer has closed too, or when `destroy` is
   * called. Before `opened` it does the same as `destroy`.
   */
  end(): void
  /** Closes at once. The only event that follows is `closed`, after this call has returned. */
  destroy(): void
}

export type OpenTransport = (events: TransportEvents) => Transport
