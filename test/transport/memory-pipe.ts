import { Duplex } from 'node:stream'
import { openStream } from '../../src/transport/index.js'
import { watch } from './loopback.js'

/** One end of a pipe in memory: what is written to it is read from `other`. */
class End extends Duplex {
  other: End | undefined
  #taken: (() => void) | undefined

  override _read(): void {
    const taken = this.#taken
    this.#taken = undefined
    taken?.()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.other?.offer(chunk, done)
  }

  override _final(done: () => void): void {
    this.other?.push(null)
    done()
  }

  offer(chunk: Buffer, done: () => void): void {
    if (this.push(chunk)) done()
    else this.#taken = done
  }
}

/** Both ends of a pipe in memory. */
export function pipe(): readonly [ours: End, remote: End] {
  const [ours, remote] = [new End(), new End()]
  ours.other = remote
  remote.other = ours
  return [ours, remote]
}

/** A transport on one end of such a pipe. */
export async function connected(hooks: Parameters<typeof watch>[1] = {}) {
  const [ours, remote] = pipe()
  const client = watch(
    openStream(() => ours),
    hooks,
  )
  await client.peer
  return { client, ours, remote }
}

/** The end of this turn of the event loop. */
export const turn = () => new Promise((resolve) => setImmediate(resolve))
