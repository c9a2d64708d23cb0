/** Whose try it is. */
export interface AttemptHost {
  attemptTimedOut(attempt: Attempt): void
}

/** One try to get a connection: its time limit, and the signal for whoever works on it. */
export class Attempt {
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(timeoutMs: number, host: AttemptHost) {
    this.#timer = setTimeout(() => host.attemptTimedOut(this), timeoutMs)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** CONNACK came. */
  succeeded(): void {
    clearTimeout(this.#timer)
  }

  /** It is given up: what still works on it is told to stop. */
  abandon(reason: unknown): void {
    clearTimeout(this.#timer)
    this.#controller.abort(reason)
  }
}
