import { ConnectionLostError } from '../../errors.js'

/** Calls of `ping()` that wait. PINGRESPs have no identifier; they answer the PINGREQs in their order. */
export class PingWaiters {
  readonly #waiting: {
    readonly since: number
    readonly resolve: (milliseconds: number) => void
    readonly reject: (reason: unknown) => void
  }[] = []

  wait(): Promise<number> {
    const since = performance.now()
    return new Promise((resolve, reject) => this.#waiting.push({ since, resolve, reject }))
  }

  answered(): void {
    const first = this.#waiting.shift()
    first?.resolve(performance.now() - first.since)
  }

  lost(): void {
    for (const { reject } of this.#waiting.splice(0)) {
      reject(new ConnectionLostError('the connection ended before PINGRESP came', { reason: 'closed' }))
    }
  }
}
