import { Duplex, type DuplexOptions } from 'node:stream'

type WriteCallback = (error?: Error | null) => void

/** The server at the other end of a link. */
export interface LinkPeer {
  /** The client has written these bytes. It is told in the very call, so that it knows the order of all that happens. */
  written(bytes: Buffer, link: Link): void
  /** The client has ended its side. */
  ended(link: Link): void
  /** The client has destroyed the stream, or the server has. */
  gone(link: Link): void
}

/** The stream of one connection, as the client gets it. The server decides when a write is taken, and what is read. */
export class Link extends Duplex {
  readonly #peer: LinkPeer
  /** While the link is stuck, no write is taken: the bytes wait in the stream. */
  #state: 'open' | 'stuck' = 'open'
  #untaken: WriteCallback | undefined

  constructor(peer: LinkPeer, options: DuplexOptions) {
    super(options)
    this.#peer = peer
    // An error that the server puts into the stream has no other listener once the client has let go of it.
    this.on('error', () => {})
  }

  override write(chunk: Buffer, encoding?: BufferEncoding | WriteCallback, callback?: WriteCallback): boolean {
    if (this.writable) this.#peer.written(chunk, this)
    return super.write(chunk, typeof encoding === 'function' ? encoding : callback)
  }

  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: WriteCallback): void {
    if (this.#state === 'open') done()
    else this.#untaken = done
  }

  override _final(done: WriteCallback): void {
    this.#peer.ended(this)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#peer.gone(this)
    done(error)
  }

  stick(): void {
    this.#state = 'stuck'
  }

  flow(): void {
    this.#state = 'open'
    const done = this.#untaken
    this.#untaken = undefined
    done?.()
  }
}
