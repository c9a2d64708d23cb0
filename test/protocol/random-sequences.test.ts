/**
 * Random commands, packets and times. Whatever the server does, the engine throws only QueueFullError and sends only what the
 * standard allows. When the server then answers correctly, every exchange ends.
 */
import { deepStrictEqual, strictEqual } from 'node:assert'
import fc from 'fast-check'
import { test } from 'vitest'
import type { ControlPacket } from '../../src/codec/control-packet.js'
import { QueueFullError } from '../../src/errors.js'
import { EngineHarness } from './engine-harness.js'
import { arrives, connack, pingresp, puback, pubcomp, pubrec, pubrel, suback, unsuback } from './packet-notation.js'
import { WireWitness } from './wire-witness.js'

const packetId = fc.integer({ min: 1, max: 4 })
const qos = fc.constantFrom(0, 1, 2)

type Step = (engine: EngineHarness, number: number) => void

const fed = (packets: fc.Arbitrary<ControlPacket<Buffer>>): fc.Arbitrary<Step> =>
  packets.map((packet) => (engine) => {
    engine.receive(packet)
  })

const servers = fc.oneof(
  { weight: 4, arbitrary: fed(packetId.map(puback)) },
  { weight: 4, arbitrary: fed(packetId.map(pubrec)) },
  { weight: 4, arbitrary: fed(packetId.map(pubcomp)) },
  { weight: 3, arbitrary: fed(packetId.map(pubrel)) },
  { weight: 2, arbitrary: fed(packetId.map(unsuback)) },
  { weight: 3, arbitrary: fed(fc.tuple(packetId, fc.constantFrom(0, 0x80)).map(([id, code]) => suback(id, code))) },
  { weight: 1, arbitrary: fed(fc.constantFrom(pingresp, connack(false))) },
  {
    weight: 6,
    arbitrary: fc.tuple(qos, packetId, fc.constantFrom('dup', 'first')).map(
      ([level, id, dup]): Step =>
        (engine, number) => {
          engine.receive(arrives(`in${number}`, level, id, dup))
        },
    ),
  },
)

const anyHandler = (engine: EngineHarness, pick: number) => engine.running.at(pick % Math.max(engine.running.length, 1))

const commands = fc.oneof(
  {
    weight: 6,
    arbitrary: qos.map(
      (level): Step =>
        (engine, number) => {
          engine.publish(`out${number}`, level)
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constant<Step>((engine, number) => {
      engine.subscribe(`s${number}`, `f${number}`)
    }),
  },
  {
    weight: 1,
    arbitrary: fc.nat(40).map(
      (of): Step =>
        (engine, number) => {
          engine.unsubscribe(`u${number}`, `f${of}`)
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat(40).map(
      (of): Step =>
        (engine) => {
          for (const ticket of [`s${of}`, `u${of}`]) if (engine.requests.has(ticket)) engine.abandon(ticket)
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat(40).map(
      (of): Step =>
        (engine) => {
          if (engine.messages.has(`out${of}`)) engine.withdraw(`out${of}`)
        },
    ),
  },
  {
    weight: 6,
    arbitrary: fc.nat(3).map(
      (pick): Step =>
        (engine) => {
          const topic = anyHandler(engine, pick)
          if (topic !== undefined) engine.finish(topic)
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat(3).map(
      (pick): Step =>
        (engine) => {
          const topic = anyHandler(engine, pick)
          if (topic === undefined) return
          engine.fail(topic)
          if (engine.session.connection === undefined) engine.makeRoom(engine.handlers)
          else engine.cut()
        },
    ),
  },
)

const happenings = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.boolean().map(
      (present): Step =>
        (engine) => {
          engine.open().receive(connack(present && !engine.session.settings.cleanSession))
        },
    ),
  },
  ...[
    (engine: EngineHarness) => engine.open(),
    (engine: EngineHarness) => engine.cut(),
    (engine: EngineHarness) => engine.disconnect(),
    (engine: EngineHarness) => engine.outputFull(),
    (engine: EngineHarness) => engine.outputDrained(),
    (engine: EngineHarness) => engine.outputTaken('part'),
    (engine: EngineHarness) => engine.outputTaken('all'),
    (engine: EngineHarness) => engine.readingPaused(),
    (engine: EngineHarness) => engine.readingResumed(),
  ].map((happen) => ({
    weight: 1,
    arbitrary: fc.constant<Step>((engine) => {
      happen(engine)
    }),
  })),
  {
    weight: 2,
    arbitrary: fc.nat(9_000).map(
      (milliseconds): Step =>
        (engine) => {
          engine.pass(milliseconds)
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat(40_000).map(
      (milliseconds): Step =>
        (engine) => {
          engine.now += milliseconds
          engine.tick()
        },
    ),
  },
)

/** The next identifier is 65,535. After it come 1 and 3, which are in use. */
const boundBeforeTheWrap = {
  nextSequence: 3,
  nextPacketId: 65_535,
  messages: [1, 3].map((packetId, index) => ({
    sequence: index + 1,
    topic: `old${packetId}`,
    payload: new Uint8Array(0),
    qos: 2 as const,
    retain: false,
    binding: { packetId, received: false },
  })),
  held: [2],
}

const sessions = fc.record({
  past: fc.constantFrom('none', 'bound before the wrap'),
  cleanSession: fc.boolean(),
  keepAlive: fc.constantFrom(0, 5),
  maxInFlight: fc.integer({ min: 1, max: 3 }),
  receiveWindow: fc.integer({ min: 1, max: 3 }),
  receiveBufferBytes: fc.constant(400),
  handlers: fc.constantFrom('done' as const, 'running' as const),
  maxFiltersPerSubscribe: fc.constantFrom(1, 8),
  queue: fc.record({
    maxMessages: fc.integer({ min: 1, max: 6 }),
    maxBytes: fc.constant(10_000),
    maxAgeMs: fc.constantFrom(Infinity, 15_000),
    overflow: fc.constantFrom('reject' as const, 'drop-oldest' as const),
  }),
})

const steps = fc.array(fc.oneof(servers, commands, happenings), { maxLength: 40 })

/** Answers as a correct server does, until every exchange of the client has ended. */
function bringToRest(engine: EngineHarness): void {
  if (engine.session.connection?.phase !== 'connected') engine.connect()
  engine.outputDrained().readingResumed()
  for (let round = 0; round < 200 && !atRest(engine); round += 1) {
    engine.finishAll()
    const answers: ControlPacket<Buffer>[] = []
    for (const id of [...Array.from({ length: 500 }, (_, index) => index), 65_535]) {
      const exchange = engine.session.table.get(id)
      if (exchange === undefined) continue
      switch (exchange.awaits) {
        case 'puback':
          answers.push(puback(id))
          break
        case 'pubrec':
          answers.push(pubrec(id))
          break
        case 'pubcomp':
          answers.push(pubcomp(id))
          break
        case 'unsuback':
          answers.push(unsuback(id))
          break
        case 'suback': {
          const asked =
            'request' in exchange && exchange.request.kind === 'subscribe' ? exchange.request.subscriptions : []
          answers.push(suback(id, ...asked.map(() => 0)))
        }
      }
    }
    engine.receive(...answers)
  }
}

const atRest = ({ session, running }: EngineHarness) =>
  session.table.size === 0 && session.outgoing.queue.size === 0 && session.requests.size === 0 && running.length === 0

test('no sequence of commands, packets and times breaks what always holds [MQTT-2.3.1-2]', () => {
  fc.assert(
    fc.property(sessions, steps, (settings, sequence) => {
      const { past, ...rest } = settings
      const stored = past === 'bound before the wrap' && !rest.cleanSession ? boundBeforeTheWrap : undefined
      const engine = new EngineHarness({ ...rest, strangerPacketId: 100, ...(stored && { stored }) })
      const witness = new WireWitness(engine)
      engine.open()
      sequence.forEach((step, number) => {
        try {
          step(engine, number)
        } catch (error) {
          if (!(error instanceof QueueFullError)) throw error
        }
        witness.look()
      })
      bringToRest(engine)
      witness.look()
      strictEqual(atRest(engine), true)
      strictEqual(engine.session.outgoing.queue.bytes, 0)
      const { running, backlogSize, backlogBytes } = engine.session.incoming
      deepStrictEqual({ running, backlogSize, backlogBytes }, { running: 0, backlogSize: 0, backlogBytes: 0 })
    }),
    { numRuns: 1_000 },
  )
})
