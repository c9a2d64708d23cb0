/**
 * The seam between the protocol and the network: an ordered, lossless stream of bytes in each direction [MQTT-7.1.2-1],
 * and no word of MQTT. The driver of a connection calls `OpenTransport` once for each attempt and is told what
 * happens through `TransportEvents`. The events never fire before the call that opened the transport has returned.
 */

/** What is known of the peer once the stream is open; for people and diagnostics only. */
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
  /** Of a large chunk, or of what waits behind it, some more has been taken by the operating system, and not yet all. */
  partlySent(): void
  /** After `write` returned false on an open stream: there is room again. */
  drained(): void
  /**
   * The stream is over, in both directions. Exactly once, and nothing after it; `cause` unless the peer closed in good
   * order or `destroy` was called. It is a ConnectionLostError, or a UsageError when the options cannot work.
   */
  closed(cause: Error | undefined): void
}

export interface Transport {
  /** Undefined unless the stream is open. */
  readonly peer: Peer | undefined
  /** Bytes that were written but not yet taken by the operating system. */
  readonly unsentBytes: number
  /**
   * 'free': once `unsentBytes` is 0, nobody holds the chunks that were written, and their memory may be used again. 'kept': whoever
   * is behind a stream of the caller's may hold them for as long as it likes.
   */
  readonly writtenChunks: 'free' | 'kept'
  /**
   * Takes the chunk over (the caller must not change it any more); false asks the caller to wait for `drained`.
   * Before `opened`, after `end` and once the peer has closed, the chunk is dropped, with false.
   */
  write(chunk: Uint8Array): boolean
  /**
   * Stops `received` until `resume`. Both may be called in any state, any number of times; `resume` never calls
   * `received` itself. A transport that is paused may not notice that the peer closes.
   */
  pause(): void
  resume(): void
  /**
   * Sends what was written, then closes our side; `closed` follows when the peer has closed too or `destroy` is called.
   * Before `opened` it is the same as `destroy`.
   */
  end(): void
  /** Closes at once: no event but `closed` follows, never from within this call, and with no cause of its own. */
  destroy(): void
}

export type OpenTransport = (events: TransportEvents) => Transport
