import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, test } from 'vitest'
import { ReadRests, type RestingSocket } from '../../../src/transport/rests/read-rests.js'
import { SimulatedTime } from './rest-time.js'

class Socket implements RestingSocket {
  lastReadAt = 0
  rhythm = undefined
  isRead = true
  mayRest: (bytes: number) => boolean = () => true

  handOver(): void {}

  stopReading(): void {
    this.isRead = false
  }

  startReading(): void {
    this.isRead = true
  }
}

const packetBytes = 100

interface Stream {
  /** Packets that the server sends in a millisecond, as long as its window has room. */
  readonly perMs: number
  /** Packets that may be unacknowledged. We acknowledge what a read brings at once. */
  readonly window?: number
  readonly bytes?: number
  /** 'on': what the server sends waits until a read has acknowledged what it sent before. */
  readonly nagle?: 'on'
  /** What the timer of a rest takes, in milliseconds. */
  readonly restMs?: number
  /** What a read costs, in milliseconds. */
  readonly readMs?: number
  readonly mayRest?: (bytes: number) => boolean
  /** A write of ours ends the first so many of ten rests. */
  readonly written?: number
}

/** A server, and a client that reads one socket as often as it may. */
class Reading {
  readonly time = new SimulatedTime()
  readonly rests = new ReadRests(this.time)
  readonly socket = new Socket()
  packets = 0
  reads = 0
  #sent = 0
  /** Packets that have come, and are not read: those behind them wait in a server with Nagle's algorithm. */
  #arrived = 0

  /** Lets so many milliseconds of a stream pass. */
  run(ms: number, stream: Stream): this {
    const { restMs = 1.2, readMs = 0.02, mayRest = () => true, written = 0 } = stream
    const end = this.time.at + ms
    this.socket.mayRest = mayRest
    while (this.time.at < end) {
      if (this.socket.isRead) {
        this.#pass(readMs, stream)
      } else if (this.time.timers % 10 < written) {
        this.#pass(readMs, stream)
        this.rests.wake(this.socket)
      } else {
        this.#pass(restMs, stream)
        this.time.fire()
      }
      this.#read(stream)
    }
    return this
  }

  #pass(ms: number, { perMs, window = Infinity }: Stream): void {
    this.time.at += ms
    this.#sent = Math.min(this.#sent + ms * perMs, this.packets + window)
  }

  #read({ bytes = packetBytes, nagle }: Stream): void {
    const sent = Math.floor(this.#sent) - this.packets
    const come = nagle === 'on' ? this.#arrived : sent
    this.#arrived = sent - come
    if (come === 0) return
    this.packets += come
    this.reads += 1
    this.rests.wasRead(this.socket, come * bytes)
    this.time.endTurn()
  }
}

const never = () => false
const fast = { perMs: 40 }

/** A socket that rests. */
function resting(): Reading {
  const reading = new Reading()
  while (!reading.time.isTimed) reading.run(0.1, fast)
  return reading
}

describe('a stream of small reads', () => {
  test('is read ten times less often, and is as fast', () => {
    const awake = new Reading().run(1_000, { ...fast, mayRest: never })
    const rested = new Reading().run(1_000, fast)
    expect(rested.reads).toBeLessThan(awake.reads / 10)
    expect(rested.packets).toBeGreaterThan(awake.packets * 0.99)
  })

  test('is measured seldom: a steady stream is hardly read between its rests', () => {
    const reading = new Reading().run(1_000, fast)
    const { reads } = reading
    const { timers } = reading.time
    reading.run(20_000, fast)
    expect(reading.reads - reads).toBeLessThan(1.5 * (reading.time.timers - timers))
  })

  test.each([
    ['a millisecond', 40, 1, 1.5],
    ['two milliseconds if it is fast', 120, 2, 2.5],
    ['a millisecond again if two would gather more than the buffers may hold', 240, 1, 1.5],
  ])('rests for %s (%i packets in a millisecond)', (_, perMs, timerMs, gatheringMs) => {
    const expected: number[] = []
    const reading = new Reading().run(1_000, {
      perMs,
      restMs: timerMs + 0.2,
      mayRest: (bytes) => expected.push(bytes) > 0,
    })
    expect(reading.time.timerMs).toBe(timerMs)
    const [bytes = 0] = expected.slice(-1)
    expect(bytes / packetBytes / perMs).toBeCloseTo(gatheringMs, 1)
  })

  test('is read ten times less often from a server with Nagle too: the first read after a rest lets it send what it has', () => {
    const stream = { perMs: 200, nagle: 'on' } as const
    const awake = new Reading().run(1_000, { ...stream, mayRest: never })
    const rested = new Reading().run(1_000, stream)
    expect(rested.reads).toBeLessThan(awake.reads / 10)
    expect(rested.packets).toBeGreaterThan(awake.packets * 0.99)
  })

  test('is read five times less often if the server holds for 3 ms what it then sends at once', () => {
    const run = (mayRest: () => boolean): Reading => {
      const reading = new Reading()
      for (let holds = 0; holds < 40; holds += 1) {
        reading
          .run(22, { ...fast, mayRest })
          .run(3, { perMs: 0, mayRest })
          .run(0.2, { perMs: 600, mayRest })
      }
      return reading
    }
    const [awake, rested] = [run(never), run(() => true)]
    expect(rested.reads).toBeLessThan(awake.reads / 5)
    expect(rested.packets).toBeGreaterThan(awake.packets * 0.99)
  })

  test.each([10, 20, 40])('keeps nearly its rate if only %i packets may be unacknowledged', (window) => {
    const awake = new Reading().run(4_000, { ...fast, window, mayRest: never })
    const rested = new Reading().run(4_000, { ...fast, window })
    expect(rested.packets).toBeGreaterThan(awake.packets * 0.97)
  })

  test.each([
    [40, 20],
    [20, 8],
    [10, 3],
  ])(
    'keeps nearly its rate if it is slow and fast by turns (%i packets in a millisecond, %i unacknowledged)',
    (perMs, window) => {
      const run = (mayRest: () => boolean): number => {
        const reading = new Reading()
        for (let turns = 0; turns < 500; turns += 1) {
          reading.run(8, { perMs: 1, window, mayRest }).run(8, { perMs, window, mayRest })
        }
        return reading.packets
      }
      expect(run(() => true)).toBeGreaterThan(run(never) * 0.95)
    },
  )

  test('rests again if the window has become larger', () => {
    const reading = new Reading().run(4_000, { ...fast, window: 20 })
    const { reads } = reading
    reading.run(4_000, { ...fast, window: 1_000 })
    expect(reading.reads - reads).toBeLessThan(20_000)
  })

  test('rests again soon if the window was small for a short time', () => {
    const [small, large] = [
      { ...fast, window: 20 },
      { ...fast, window: 1_000 },
    ]
    const reading = new Reading().run(4_000, small).run(4_000, large).run(100, small)
    const { timers } = reading.time
    reading.run(200, large)
    expect(reading.time.timers - timers).toBeGreaterThan(20)
  })

  test.each([
    ['rests on if a write of ours ends a rest now and then', 2, 500, 2_000],
    ['rests seldom if our writes end most rests', 8, 1, 100],
  ])('%s', (_, written, min, max) => {
    const { timers } = new Reading().run(1_000, { ...fast, written }).time
    expect(timers).toBeGreaterThan(min)
    expect(timers).toBeLessThan(max)
  })

  test('rests only once it has lasted for 2 ms: a burst of a hundred packets never rests', () => {
    const reading = new Reading().run(1.9, { perMs: 50 }).run(100, { perMs: 0.1 })
    expect(reading.time.timers).toBe(0)
  })

  test('rests on if a busy machine ends a rest late, although the rest has gathered much', () => {
    const stream = { perMs: 200 }
    const reading = new Reading().run(1_000, stream)
    const { reads } = reading
    for (let late = 0; late < 100; late += 1) reading.run(7, stream).run(1, { ...stream, restMs: 3 })
    expect(reading.reads - reads).toBeLessThan(3_000)
  })

  test('rests again at once behind a rest that brought little, as when the server was busy itself', () => {
    const reading = new Reading().run(1_000, fast)
    const { reads } = reading
    for (let busy = 0; busy < 40; busy += 1) reading.run(10, fast).run(2, { perMs: 0 })
    expect(reading.reads - reads).toBeLessThan(1_750)
  })

  test('rests again at once behind a time in which it was slow, and not in that time', () => {
    const reading = new Reading().run(400, fast)
    const { timers } = reading.time
    const fastMs = 40 * 12
    for (let slow = 0; slow < 40; slow += 1) reading.run(60, { perMs: 2 }).run(12, fast)
    expect(reading.time.timers - timers).toBeGreaterThan(fastMs / 1.5)
    expect(reading.time.timers - timers).toBeLessThan(fastMs)
  })

  test('rests no more for a second, then two and four, if the server waits behind rests for the delayed acknowledgement of Linux, but not once among thousands', () => {
    const reading = resting()
    const restsIn = (ms: number): number => {
      const { timers } = reading.time
      reading.run(ms, fast)
      return reading.time.timers - timers
    }
    const hold = (ms: number): void => {
      if (reading.time.isTimed) reading.time.fire()
      reading.time.at += ms
    }
    hold(20)
    expect(restsIn(100)).toBeGreaterThan(20)
    hold(41)
    expect(restsIn(1_000)).toBe(0)
    expect(restsIn(100)).toBeGreaterThan(20)
    hold(41)
    expect(restsIn(2_000)).toBe(0)
    expect(restsIn(100)).toBeGreaterThan(20)
    hold(100)
    expect(restsIn(100)).toBeGreaterThan(20)
    hold(41)
    expect(restsIn(4_000)).toBe(0)
    expect(restsIn(12_000)).toBeGreaterThan(8_000)
    hold(41)
    expect(restsIn(100)).toBeGreaterThan(20)
    hold(41)
    expect(restsIn(1_000)).toBe(0)
    expect(restsIn(100)).toBeGreaterThan(20)
  })

  test('does not rest if few wakes bring many reads, as with the records of TLS', () => {
    const { time, rests, socket } = new Reading()
    for (let wakes = 0; wakes < 100; wakes += 1) {
      time.at += 1.9
      for (let records = 0; records < 20; records += 1) {
        time.at += 0.005
        rests.wasRead(socket, packetBytes)
      }
      time.endTurn()
    }
    expect(time.timers).toBe(0)
  })

  test('rests no more when it slows down', () => {
    const reading = resting()
    reading.run(5, { perMs: 0.5 })
    const { timers } = reading.time
    reading.run(1_000, { perMs: 0.5 })
    expect([reading.time.timers - timers, reading.time.isTimed]).toEqual([0, false])
  })

  test('rests at most once more when it slows down to two packets in a millisecond', () => {
    const reading = resting()
    const { timers } = reading.time
    reading.run(200, { perMs: 2 })
    expect(reading.time.timers - timers).toBeLessThanOrEqual(1)
  })

  test('does not rest if its user hurries, and tells the user what a rest would bring', () => {
    const expected: number[] = []
    const reading = new Reading().run(100, { ...fast, mayRest: (bytes) => expected.push(bytes) < 0 })
    expect(reading.time.timers).toBe(0)
    expect(Math.min(...expected)).toBeGreaterThan(40 * packetBytes)
    expect(Math.max(...expected)).toBeLessThan(80 * packetBytes)
  })

  test.each([
    ['large reads', { perMs: 40, bytes: 5_000 }],
    ['two reads in a millisecond', { perMs: 40, readMs: 0.5 }],
    ['a read each 2 ms', { perMs: 0.5 }],
  ])('does not rest: %s', (_, stream) => {
    expect(new Reading().run(1_000, stream).time.timers).toBe(0)
  })

  test('does not rest if a rest gathers more than the buffers may hold', () => {
    const awake = new Reading().run(1_000, { perMs: 1_000, mayRest: never })
    const reading = new Reading().run(1_000, { perMs: 1_000 })
    expect(reading.reads).toBeGreaterThan(awake.reads / 2)
  })
})

describe('a rest', () => {
  test('begins when the turn is over, not during the read', () => {
    const reading = resting()
    reading.time.fire()
    reading.time.at += 0.01
    reading.rests.wasRead(reading.socket, 6_000)
    expect(reading.socket.isRead).toBe(true)
    reading.time.endTurn()
    expect(reading.socket.isRead).toBe(false)
  })

  test('ends when it is woken, and its timer with it', () => {
    const { rests, socket, time } = resting()
    expect(rests.wake(socket)).toBe(true)
    expect([socket.isRead, time.isTimed]).toEqual([true, false])
    expect(rests.wake(socket)).toBe(false)
  })

  test('is over when its timer fires: nothing is left to wake', () => {
    const { rests, socket, time } = resting()
    time.fire()
    expect(socket.isRead).toBe(true)
    expect(rests.wake(socket)).toBe(false)
  })

  test('ends without a read if the socket is gone', () => {
    const { rests, socket, time } = resting()
    expect(rests.forget(socket)).toBe(true)
    expect([socket.isRead, time.isTimed]).toEqual([false, false])
  })

  test('shares its timer with the rests of other sockets', () => {
    const { rests, socket, time } = resting()
    const { timers } = time
    const other = new Socket()
    while (other.isRead) {
      time.at += 0.1
      rests.wasRead(other, packetBytes)
      time.endTurn()
    }
    expect(time.timers).toBe(timers)
    rests.wake(other)
    expect(time.isTimed).toBe(true)
    time.fire()
    expect([socket.isRead, other.isRead]).toEqual([true, true])
  })
})

test('a rest of one millisecond ends in time beside a socket that rests for two', () => {
  const reading = new Reading().run(1_000, { perMs: 120, restMs: 2.2 })
  while (!reading.time.isTimed) reading.run(0.1, { perMs: 120 })
  const { rests, socket, time } = reading
  time.fire()
  const slower = new Socket()
  for (let reads = 0; slower.isRead; reads += 1) {
    time.at += 0.1
    if (reads === 21) rests.wasRead(socket, 300 * packetBytes)
    rests.wasRead(slower, 4 * packetBytes)
    time.endTurn()
  }
  expect([socket.isRead, time.timerMs]).toEqual([false, 1])
  time.fire()
  expect([socket.isRead, slower.isRead, time.isTimed]).toEqual([true, true, false])
})

describe('timers', () => {
  const restMs = 4

  test('that are coarse end all rests of the process after sixteen in a fast stream too', () => {
    const reading = new Reading().run(4_000, { perMs: 120, restMs: 3.1 })
    expect([reading.time.timers, reading.time.timerMs]).toEqual([16, 2])
  })

  test('that are coarse end all rests of the process after sixteen', () => {
    const reading = new Reading().run(4_000, { ...fast, restMs })
    expect(reading.time.timers).toBe(16)
  })

  test('that are late now and then do not', () => {
    const reading = resting()
    for (let rests = 0; rests < 100; rests += 1) {
      reading.run(1.3, { ...fast, restMs: rests % 2 === 0 ? 1.2 : restMs })
    }
    const { timers } = reading.time
    reading.run(1_000, fast)
    expect(reading.time.timers).toBeGreaterThan(timers + 100)
  })
})

test('what was gathered is handed over in the asynchronous context of its own socket', async () => {
  const context = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  class Gathering extends Socket {
    override handOver(): void {
      seen.push(context.getStore())
    }
  }
  const rests = new ReadRests({ now: () => 0, afterTurn: setImmediate, afterRest: () => () => {} })
  for (const name of ['one', 'other']) {
    const socket = new Gathering()
    context.run(name, () => {
      rests.wasRead(socket, packetBytes)
    })
  }
  await new Promise((resolve) => setImmediate(resolve))
  expect(seen).toEqual(['one', 'other'])
})
