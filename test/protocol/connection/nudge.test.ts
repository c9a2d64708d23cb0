import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Nudge } from '../../../src/protocol/connection/nudge.js'
import { EngineHarness } from '../engine-harness.js'

const never = Infinity

interface Network {
  /** When the answer to a packet comes that is written at `at`; `previous` is when the answer before it comes. */
  answerAt(at: number, previous: number, packetOfBurst: number): number
  /** When a PINGREQ has made the server send what it holds. Undefined: it holds nothing. */
  readonly freesAfterMs?: number
  /** How long after a burst the server is done with a packet of it. Until then no PINGREQ frees the answer. */
  readonly doneMs?: (packetOfBurst: number) => number
  /** PINGRESP is held for 40 ms, or until the next write. In the latter case all answers to that write are held. */
  readonly pingresp?: 'held'
}

/** A connection whose program publishes in bursts, and the nudges that it sends. */
class Publishing {
  readonly nudge: Nudge
  readonly #network: Network
  readonly #due: { readonly burst: number; readonly doneAt: number; at: number }[] = []
  #pingrespHeldUntil = 0
  #pingrespAt = never
  now = 0
  nudges = 0
  /** How long each burst took. */
  readonly took: number[] = []

  constructor(network: Network, nudge = new Nudge(true)) {
    this.#network = network
    this.nudge = nudge
  }

  /** Bursts of so many packets, one each `everyMs`, whether the last one is answered or not. */
  publish(bursts: number, packets: number, everyMs = 100): this {
    const end = this.now + bursts * everyMs
    for (let at = this.now; at < end; at += everyMs) this.#publishAt(at, packets)
    this.#passUntil(end)
    return this
  }

  /** The next burst comes so many milliseconds after the last one is answered. */
  publishInTurn(bursts: number, packets: number, pauseMs: number): this {
    for (let left = bursts; left > 0; left -= 1) {
      this.#publishAt(this.now + pauseMs, packets)
      while (this.#due.length > 0) this.#happen()
    }
    return this
  }

  #publishAt(at: number, packets: number): void {
    this.#passUntil(at)
    this.now = at
    this.nudge.written()
    const isHeld = at < this.#pingrespHeldUntil
    if (isHeld) this.#pingrespAt = at + 0.2
    this.#pingrespHeldUntil = 0
    let previous = this.#due.at(-1)?.at ?? at
    for (let packet = 0; packet < packets; packet += 1) {
      previous = isHeld ? at + 44 : this.#network.answerAt(at, previous, packet)
      this.#due.push({ burst: at, doneAt: at + (this.#network.doneMs?.(packet) ?? 0), at: previous })
    }
  }

  #passUntil(end: number): void {
    while (this.#next() < end) this.#happen()
  }

  #next(): number {
    const [next] = this.#due
    return Math.min(next?.at ?? never, this.nudge.deadline(next?.burst ?? never), this.#pingrespAt)
  }

  #happen(): void {
    const [next] = this.#due
    const at = this.#next()
    if (at === this.#pingrespAt) this.#pingresp(next?.burst ?? never)
    else if (at === next?.at) this.#answer(next)
    else this.#nudge(at, next?.burst ?? never)
  }

  #answer({ burst, at }: { readonly burst: number; readonly at: number }): void {
    this.now = at
    this.#due.shift()
    this.nudge.answered(at, burst, this.#due.length)
    if (this.#due[0]?.burst !== burst) this.took.push(at - burst)
  }

  #pingresp(oldest: number): void {
    this.now = this.#pingrespAt
    this.#pingrespAt = never
    this.nudge.pingresp(this.now, oldest, 0)
  }

  #nudge(at: number, oldest: number): void {
    this.now = at
    if (!this.nudge.due(at, oldest)) return
    expect(this.nudge.written()).toBe(true)
    this.nudges += 1
    if (this.#network.pingresp === 'held') this.#pingrespHeldUntil = at + 40
    for (const packet of this.#due)
      if (packet.doneAt <= at) packet.at = Math.min(packet.at, at + (this.#network.freesAfterMs ?? never))
  }
}

/** The first answer to a burst comes at once. The others come together, 44 ms later or when a nudge frees them. */
const nagle: Network = {
  answerAt: (at, previous, packet) => (packet === 0 ? at + 0.2 : packet === 1 ? at + 44 : previous),
  freesAfterMs: 0.2,
}

describe('a server with Nagle', () => {
  test('is known after three bursts, of which each had one nudge; the next is left alone', () => {
    const publishing = new Publishing(nagle).publish(4, 10)
    expect(publishing.nudges).toBe(3)
    expect(publishing.took.map(Math.round)).toEqual([3, 3, 3, 44])
  })

  test('answers all later bursts at once but one of sixteen, with one nudge for each', () => {
    const publishing = new Publishing(nagle).publish(4, 10)
    publishing.nudges = 0
    publishing.publish(160, 10)
    expect(publishing.nudges).toBe(150)
    expect(publishing.took.slice(4).filter((ms) => ms < 1)).toHaveLength(150)
  })

  test('gets a nudge behind SUBACK when it is known, and none before', () => {
    const { nudge } = new Publishing(nagle).publish(2, 10)
    nudge.written()
    nudge.subscribed(1_000)
    expect(nudge.deadline(never)).toBe(never)
    const known = new Publishing(nagle).publish(4, 10).nudge
    known.written()
    known.subscribed(1_000)
    expect(known.due(known.deadline(never), never)).toBe(true)
    expect(known.deadline(never)).toBe(never)
  })

  test('gets no nudge after a write of ours, which brings the acknowledgement too', () => {
    const { nudge, now } = new Publishing(nagle).publish(4, 10)
    nudge.written()
    nudge.answered(now + 1, now, 1)
    expect(nudge.deadline(now)).toBeLessThan(now + 2)
    nudge.written()
    expect(nudge.deadline(now)).toBe(never)
  })

  test('answers bursts at once that follow each other before the PINGRESP comes by itself', () => {
    const publishing = new Publishing({ ...nagle, pingresp: 'held' }).publishInTurn(160, 10, 20)
    // Each second one is slow until it is known that nudges help.
    expect(publishing.took.slice(0, 6).map(Math.round)).toEqual([3, 44, 3, 44, 3, 44])
    expect(publishing.took.slice(6).filter((ms) => ms < 1.5).length).toBeGreaterThanOrEqual(143)
    expect(publishing.nudges).toBeLessThanOrEqual(160)
  })

  test('gets a nudge behind a PINGRESP that comes alone after a write, and only one', () => {
    const { nudge, now } = new Publishing(nagle).publish(4, 10)
    nudge.pingresp(now, never, 0)
    nudge.written()
    nudge.pingresp(now + 1, now, 0)
    expect(nudge.due(now + 1.1, now) && nudge.written()).toBe(true)
    nudge.pingresp(now + 3, now, 0)
    expect(nudge.deadline(now)).toBe(never)
  })

  test('gets one also if a SUBSCRIBE or UNSUBSCRIBE waits, and none if nothing waits', () => {
    const { nudge, now } = new Publishing(nagle).publish(4, 10)
    nudge.written()
    nudge.pingresp(now + 1, never, 0)
    expect(nudge.deadline(never)).toBe(never)
    nudge.written()
    nudge.pingresp(now + 1, never, 1)
    expect(nudge.due(now + 1.1, never)).toBe(true)
  })

  /** Goes on with the same connection, in another network. */
  const next = (before: Publishing, network: Network): Publishing => {
    const publishing = new Publishing(network, before.nudge)
    publishing.now = before.now
    return publishing
  }

  test('stays known when answers to nudges come late, as on a busy machine', () => {
    const busy = next(new Publishing(nagle).publish(4, 10), { ...nagle, freesAfterMs: 12 }).publish(14, 10)
    const publishing = next(busy, nagle).publish(32, 10)
    expect(publishing.took.filter((ms) => ms < 1)).toHaveLength(30)
  })

  /** The other answers come 5 ms later by themselves. */
  const soon: Network = { ...nagle, answerAt: (at, _previous, packet) => at + (packet === 0 ? 0.2 : 5) }

  test('stays known when one silence that was left alone has ended early', () => {
    const once = next(new Publishing(nagle).publish(4, 10), soon).publish(16, 10)
    expect(once.took.map(Math.round)).toEqual([...Array(15).fill(0), 5])
    const publishing = next(once, nagle).publish(16, 10)
    expect(publishing.took.map(Math.round)).toEqual([44, ...Array(15).fill(0)])
  })

  test('gets no more nudges when two silences in a row, which were left alone, have ended early', () => {
    expect(next(new Publishing(nagle).publish(4, 10), soon).publish(100, 10).nudges).toBe(15)
  })

  test.each([
    ['quick', 0.004, 4],
    ['usual', 0.01, 8],
    ['slow', 0.02, 15],
    ['very slow', 0.04, 30],
  ])('a %s one answers 500 messages with at most four nudges, and without a stall of 40 ms', (_, workMs, withinMs) => {
    const before = new Publishing(nagle).publish(4, 500)
    const publishing = next(before, { ...nagle, doneMs: (packet) => packet * workMs }).publish(1, 500)
    expect(publishing.nudges).toBeLessThanOrEqual(4)
    expect(publishing.took[0]).toBeLessThan(withinMs)
  })

  test('gets a nudge for what we write next as soon as it has answered the last nudge', () => {
    const { nudge, now } = new Publishing(nagle).publish(4, 10)
    const nudgeAgain = () => {
      nudge.written()
      nudge.answered(now + 0.2, now, 2)
      return nudge.deadline(now)
    }
    nudge.written()
    nudge.answered(now, now, 2)
    expect(nudge.due(now + 0.1, now) && nudge.written()).toBe(true)
    expect(nudgeAgain()).toBeCloseTo(now + 1.1)
    nudge.pingresp(now + 0.2, now, 0)
    expect(nudgeAgain()).toBeLessThan(now + 0.3)
  })

  test('gets the second nudge of a burst after 10 ms at the latest, although the first answer came late', () => {
    const late: Network = {
      answerAt: (at, _, packet) => at + (packet === 0 ? 10 : 100),
      doneMs: (packet) => (packet < 3 ? 10 : 10.1 + packet * 0.01),
      freesAfterMs: 0.2,
    }
    const publishing = next(new Publishing(nagle).publish(4, 10), late).publish(1, 500)
    expect(publishing.took[0]).toBeLessThan(30)
  })

  test('is known although it holds the answers to what a busy program writes in parts', () => {
    const inOrder: Network = {
      ...nagle,
      answerAt: (at, last, packet) => Math.max(last, at + (packet === 0 ? 0.2 : 44)),
    }
    const publishing = new Publishing(inOrder)
    for (let left = 12; left > 0; left -= 1) publishing.publish(3, 2, 1).publish(1, 2, 97)
    publishing.publish(8, 10)
    expect(publishing.took.slice(-4).filter((ms) => ms < 1)).toHaveLength(4)
  })

  test('gets at most four nudges for one burst, however long its answers take', () => {
    const slow: Network = { ...nagle, answerAt: (_at, previous) => previous + 44 }
    const publishing = new Publishing(nagle).publish(4, 10)
    expect(next(publishing, slow).publish(1, 500).nudges).toBeLessThanOrEqual(4)
  })
})

describe('where no nudge helps, at most five are sent on a connection', () => {
  const hour = 3_600_000
  let chance = 1
  const random = () => {
    chance = (chance * 16_807) % 2_147_483_647
    return chance / 2_147_483_647
  }

  test.each<[string, Network, number, number, number]>([
    ['a server without Nagle, in a thousand bursts', { answerAt: (_at, previous) => previous + 0.02 }, 1_000, 20, 100],
    ['50 ms, a publish each 10 ms', { answerAt: (at) => at + 50 }, hour / 10, 1, 10],
    ['a jitter of 20 ms', { answerAt: (at, previous) => Math.max(previous, at + 5 + 20 * random()) }, hour / 10, 1, 10],
    ['a jitter of 5 ms', { answerAt: (at, previous) => Math.max(previous, at + 5 + 5 * random()) }, hour / 10, 2, 10],
    ['5 ms, a publish each 3 ms', { answerAt: (at, previous) => Math.max(previous, at + 5) }, hour / 3, 1, 3],
    ['a server that takes 3 ms for each', { answerAt: (_at, previous) => previous + 3 }, hour / 50, 10, 50],
    ['a server that takes 6 ms for each', { answerAt: (_at, previous) => previous + 6 }, hour / 50, 5, 50],
    ['a server that takes up to 30 ms', { answerAt: (_at, last) => last + 30 * random() }, hour / 100, 5, 100],
    ['a server that holds answers, and no PINGREQ frees them', { ...nagle, freesAfterMs: never }, 1_000, 5, 100],
  ])('%s', (_, network, bursts, packets, everyMs) => {
    const { nudges } = new Publishing(network).publish(bursts, packets, everyMs)
    expect(nudges).toBeLessThanOrEqual(5)
  })

  test('nor does a lie help: after any answers there are five nudges, and four for each burst since three have helped', () => {
    const step = fc.record({
      ms: fc.double({ min: 0, max: 30, noNaN: true }),
      does: fc.constantFrom('answer', 'answer', 'answer', 'write', 'suback', 'pingresp', 'wait'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const nudge = new Nudge(true)
        let [now, burst, bursts, nudges] = [0, 0, 1, 0]
        for (const { ms, does } of steps) {
          now += ms
          if (does === 'wait') {
            nudges += nudge.due(now, burst) && nudge.written() ? 1 : 0
            expect(nudge.deadline(burst)).toBeGreaterThan(now)
          } else if (does === 'answer') {
            nudge.answered(now, burst, 3)
            expect(nudge.deadline(burst)).toBeGreaterThan(now)
          } else if (does === 'suback') {
            bursts += 1
            nudge.subscribed(now)
          } else if (does === 'pingresp') {
            nudge.pingresp(now, burst, ms > 15 ? 1 : 0)
          } else {
            nudge.written()
            burst = now
            bursts += 1
          }
        }
        expect(nudges).toBeLessThanOrEqual(5 + 4 * bursts)
      }),
    )
  })
})

test('inspect shows all that decides about the next nudge, until there is none', () => {
  const { nudge } = new Publishing({ ...nagle, freesAfterMs: never }).publish(1, 2)
  const times = [56, 100, 95.8, Number.NaN]
  expect(nudge.inspect(100)).toEqual(['trying', 'open', 'nothing', ...times, 44, 0.2, 2, 0, 1, 0, 1, 1, -1])
  expect(new Nudge(false).inspect(0)).toBeUndefined()
})

describe('a connection', () => {
  /** Two messages were sent, and the first one is answered after 1 ms. */
  function halfAnswered(settings: { readonly nudge: boolean; readonly keepAlive?: number }): EngineHarness {
    const engine = new EngineHarness(settings).connect()
    engine.publish('a', 1).publish('b', 1).pass(1).receive({ type: 'puback', packetId: 1 }).news()
    return engine
  }

  test('sends a nudge for the silence behind the first answer', () => {
    const engine = halfAnswered({ nudge: true })
    expect(engine.pass(2.9).sent()).toEqual([])
    expect(engine.pass(0.2).sent()).toEqual(['PINGREQ'])
    expect(engine.pass(1_000).sent()).toEqual([])
  })

  test('sends one behind a PINGRESP that comes alone, when it is known that nudges help', () => {
    const engine = new EngineHarness({ nudge: true }).connect()
    // Three nudges help, and the fourth silence is left alone.
    for (const first of [1, 3, 5, 7]) {
      engine.publish('a', 1).publish('b', 1).pass(1).receive({ type: 'puback', packetId: first })
      engine.pass(first === 7 ? 44 : 4).receive({ type: 'puback', packetId: first + 1 })
    }
    engine.news()
    expect(engine.publish('c', 1).receive({ type: 'pingresp' }).pass(1).sent()).toEqual(['PUBLISH#9 c q1', 'PINGREQ'])
    engine.receive({ type: 'puback', packetId: 9 })
    expect(engine.subscribe('asked', 'd').receive({ type: 'pingresp' }).pass(3).sent()).toEqual([
      'SUBSCRIBE#10 d:0',
      'PINGREQ',
    ])
  })

  test('sends none with nudge: false', () => {
    expect(halfAnswered({ nudge: false }).pass(1_000).sent()).toEqual([])
  })

  test('sends none while a PINGREQ of the program is out, and none while the socket is not read', () => {
    const engine = new EngineHarness({ nudge: true }).connect().ping()
    engine.publish('a', 1).publish('b', 1).pass(1).receive({ type: 'puback', packetId: 1 }).news()
    expect(engine.pass(1_000).sent()).toEqual([])
    const paused = halfAnswered({ nudge: true }).readingPaused()
    expect(paused.pass(1_000).sent()).toEqual([])
  })

  test('moves no clock of Keep Alive with it, and a missing PINGRESP proves nothing', () => {
    const [plain, nudged] = [false, true].map((nudge) => halfAnswered({ nudge, keepAlive: 10 }))
    nudged?.pass(4).news()
    plain?.pass(4).news()
    expect([plain?.dueIn, nudged?.dueIn]).toEqual([8_995, 8_995])
    expect(nudged?.pass(8_995).sent()).toEqual(['PINGREQ'])
  })

  test('counts its PINGRESP, so that the next one is that of the program', () => {
    const engine = halfAnswered({ nudge: true }).pass(4).ping()
    engine.receive({ type: 'pingresp' })
    expect(engine.connection.pingsAnswered).toBe(1)
    engine.receive({ type: 'pingresp' })
    expect([engine.connection.pingsAnswered, engine.connection.ping(engine.now)]).toEqual([2, 3])
  })
})
