/**
 * The rests of all sockets of the process (see `ReadRhythm`). One timer serves all sockets that rest, and there is none without them.
 * The timer keeps the process alive: a socket that is not read does not, and the process could end in the middle of a rest.
 *
 * A rest begins when the turn of the event loop is over in which the socket was read. All output that the read has caused is written
 * by then, because output ends a rest.
 */
import { ReadRhythm } from './read-rhythm.js'

/** A socket that may rest. Its first two members are for `ReadRests` only. */
export interface RestingSocket {
  /** When the socket was last read, or woke. */
  lastReadAt: number
  /** Undefined before the socket was first read twice within a millisecond: an idle client needs no memory for it. */
  rhythm: ReadRhythm | undefined
  /** Whether the socket may rest, for as long as so many bytes take to come. */
  mayRest(bytes: number): boolean
  /** Hands over what was gathered in this turn. */
  handOver(): void
  stopReading(): void
  startReading(): void
}

/** The time of the process, or that of a test. */
export interface RestTime {
  now(): number
  /** Calls `action` once the sockets were read that have bytes in this turn of the event loop. */
  afterTurn(action: () => void): void
  /** Calls `action` after a rest of `ms`. The function that is returned prevents the call. */
  afterRest(action: () => void, ms: 1 | 2): () => void
}

/** Milliseconds between two reads: a stream begins if they are fewer, and ends if they are more. */
const beginsMs = 1
const endsMs = 4
/** No socket rests any more if the median of so many rests is longer: the timers of the machine are too coarse, or it is too busy. */
const judgedRests = 16
const longestMedianMs = 3

export class ReadRests {
  readonly #time: RestTime
  readonly #resting = new Set<RestingSocket>()
  #timer: { readonly since: number; readonly ms: number; readonly cancel: () => void } | undefined
  #durations: number[] = []
  #timers: 'fine' | 'coarse' = 'fine'

  constructor(time: RestTime) {
    this.#time = time
  }

  /** The bytes of a socket were handed on. */
  wasRead(socket: RestingSocket, bytes: number): void {
    if (this.#timers === 'coarse') return
    const now = this.#time.now()
    const silence = now - socket.lastReadAt
    socket.lastReadAt = now
    if (silence >= (socket.rhythm === undefined ? beginsMs : endsMs)) {
      socket.rhythm?.silent(silence, now)
      return
    }
    socket.rhythm ??= new ReadRhythm(now)
    const { rhythm } = socket
    // In the asynchronous context of this socket, because the end of the turn hands over what was gathered.
    if (rhythm.read(bytes)) this.#time.afterTurn(() => this.#turnOver(socket, rhythm))
  }

  /** Ends a rest, and reads the socket again. False if the socket does not rest. */
  wake(socket: RestingSocket): boolean {
    if (!this.forget(socket)) return false
    socket.lastReadAt = this.#time.now()
    socket.rhythm?.woken()
    socket.startReading()
    return true
  }

  /** Ends a rest of a socket that is not to be read. False if the socket does not rest. */
  forget(socket: RestingSocket): boolean {
    const rested = this.#resting.delete(socket)
    if (rested && this.#resting.size === 0) {
      this.#timer?.cancel()
      this.#timer = undefined
    }
    return rested
  }

  #turnOver(socket: RestingSocket, rhythm: ReadRhythm): void {
    socket.handOver()
    const now = this.#time.now()
    socket.lastReadAt = now
    const bytes = rhythm.turnOver(now)
    if (bytes === 0) return
    if (socket.mayRest(bytes)) this.#rest(socket, rhythm, now)
    else rhythm.stayAwake(now)
  }

  #rest(socket: RestingSocket, rhythm: ReadRhythm, now: number): void {
    rhythm.rest(now)
    socket.stopReading()
    this.#resting.add(socket)
    const ms = rhythm.timerMs
    // A longer timer that other sockets have begun must not make this rest longer than what `mayRest` was asked for.
    if (this.#timer !== undefined && this.#timer.since + this.#timer.ms <= now + ms) return
    this.#timer?.cancel()
    this.#timer = { since: now, ms, cancel: this.#time.afterRest(this.#restsOver, ms) }
  }

  readonly #restsOver = (): void => {
    const now = this.#time.now()
    if (this.#timer !== undefined) this.#judge(now - this.#timer.since)
    this.#timer = undefined
    for (const socket of this.#resting) {
      socket.lastReadAt = now
      socket.startReading()
    }
    this.#resting.clear()
  }

  #judge(duration: number): void {
    this.#durations.push(duration)
    if (this.#durations.length < judgedRests) return
    const [median = 0] = this.#durations.sort((one, other) => one - other).slice(judgedRests / 2)
    this.#durations = []
    if (median > longestMedianMs) this.#timers = 'coarse'
  }
}
