import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PacketIdentifiers, packetIdentifierAfter } from '../../../src/protocol/exchange/packet-identifiers.js'
import type { StoredMessage, StoredSession } from '../../../src/protocol/index.js'
import { EngineHarness } from '../engine-harness.js'
import { puback, pubcomp, pubrec, suback, unsuback } from '../packet-notation.js'

const noPayload = new Uint8Array(0)

/** A stored session in which these messages were bound and every later identifier starts at `nextPacketId`. */
function bound(packetIds: readonly number[], nextPacketId: number): StoredSession {
  const messages = packetIds.map(
    (packetId, index): StoredMessage => ({
      sequence: index + 1,
      topic: `m${packetId}`,
      payload: noPayload,
      qos: 1,
      retain: false,
      binding: { packetId, received: false },
    }),
  )
  return { nextSequence: packetIds.length + 1, nextPacketId, messages, held: [] }
}

describe('Packet Identifiers', () => {
  test('run from 1 to 65535 and then 1 again, never 0 [MQTT-2.3.1-1]', () => {
    const engine = new EngineHarness().connect()
    const seen: number[] = []
    for (let count = 0; count < 65_537; count += 1) {
      engine.publish('m', 1, noPayload)
      const packet = engine.packets.pop()
      if (packet?.type !== 'publish' || packet.qos === 0) throw new Error('no PUBLISH at QoS 1 was sent')
      seen.push(packet.packetId)
      engine.receive(puback(packet.packetId))
      engine.news()
    }
    expect(seen).toEqual([...Array.from({ length: 65_535 }, (_, index) => index + 1), 1, 2])
  })

  test('pass over those that are in use, after the wrap too [MQTT-2.3.1-2]', () => {
    const engine = new EngineHarness({ stored: bound([1, 2, 3, 65_534], 65_533) }).resume()
    engine.news()
    engine.publish('a', 1).publish('b', 2).publish('c', 1).subscribe('s', 'f')
    expect(engine.sent()).toEqual(['PUBLISH#65533 a q1', 'PUBLISH#65535 b q2', 'PUBLISH#4 c q1', 'SUBSCRIBE#5 f:0'])
  })

  test('are shared by PUBLISH, SUBSCRIBE and UNSUBSCRIBE [MQTT-2.3.1-2]', () => {
    const engine = new EngineHarness()
      .connect()
      .publish('a', 1)
      .subscribe('s', 'f')
      .publish('b', 2)
      .unsubscribe('u', 'f')
    expect(engine.sent().slice(1)).toEqual(['PUBLISH#1 a q1', 'SUBSCRIBE#2 f:0', 'PUBLISH#3 b q2', 'UNSUBSCRIBE#4 f'])
  })

  test('with all 65535 in flight one more message waits, and nothing is written [MQTT-2.3.1-2]', () => {
    const engine = new EngineHarness({ maxInFlight: 65_535 }).connect()
    for (let count = 0; count < 65_535; count += 1) engine.publish('m', 1, noPayload)
    engine.news()
    expect(engine.publish('late', 1).news()).toEqual([])
    expect(engine.session.outgoing.queue.size).toBe(1)
    expect(engine.receive(puback(40_000)).news()).toEqual(['settled m', 'send PUBLISH#40000 late q1'])
  })

  test('a SUBSCRIBE gets the first one that is freed, before messages that waited longer [MQTT-2.3.1-2]', () => {
    const engine = new EngineHarness({ maxInFlight: 65_535 }).connect()
    for (let count = 0; count < 65_535; count += 1) engine.publish('m', 1, noPayload)
    engine.publish('late', 1).subscribe('s', 'f').unsubscribe('u', 'g').news()
    expect(engine.receive(puback(9)).sent()).toEqual(['SUBSCRIBE#9 f:0'])
    expect(engine.receive(puback(7)).sent()).toEqual(['UNSUBSCRIBE#7 g'])
    expect(engine.receive(suback(9, 0)).sent()).toEqual(['PUBLISH#9 late q1'])
  })

  test('a SUBSCRIBE of the engine waits for one too, and nobody waits for it', () => {
    const engine = new EngineHarness({ maxInFlight: 65_535 }).connect().subscribe('s', 'f').receive(suback(1, 0))
    for (let count = 0; count < 65_535; count += 1) engine.publish('m', 1, noPayload)
    engine.cut().connect().news()
    expect(engine.session.inspect().requests.waiting).toEqual([{ kind: 'subscribe', own: true }])
    expect([...engine.session.requests.unanswered()]).toEqual([])
    expect(engine.receive(puback(9)).sent()).toEqual(['SUBSCRIBE#9 f:0'])
  })

  test('a full window of publishes does not starve a SUBSCRIBE', () => {
    const engine = new EngineHarness({ maxInFlight: 1 }).connect().publish('a', 1).publish('b', 1)
    engine.news()
    expect(engine.subscribe('s', 'f').sent()).toEqual(['SUBSCRIBE#2 f:0'])
  })

  test.each([
    ['PUBACK', 1, [puback(65_535)]],
    ['PUBCOMP', 2, [pubrec(65_535), pubcomp(65_535)]],
  ] as const)('that of a message is free only after %s [MQTT-2.3.1-3]', (_, qos, answers) => {
    const engine = new EngineHarness({ stored: bound([], 65_535) }).connect().publish('m', qos)
    for (const answer of answers) {
      expect(engine.session.table.get(65_535)).toBeDefined()
      engine.receive(answer)
    }
    expect(engine.session.table.get(65_535)).toBeUndefined()
  })

  test('that of a request is free after its acknowledgement [MQTT-2.3.1-3]', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'f').unsubscribe('u', 'g')
    expect(engine.session.table.size).toBe(2)
    engine.receive(suback(1, 0), unsuback(2))
    expect(engine.session.table.size).toBe(0)
  })

  test('a message keeps its identifier when it is sent again [MQTT-2.3.1-3]', () => {
    const engine = new EngineHarness().connect().publish('a', 1).publish('b', 1).receive(puback(1)).cut().resume()
    expect(engine.sent().slice(-1)).toEqual(['PUBLISH#2 b q1 dup'])
  })

  test('one that was just freed is the last to be used again', () => {
    const engine = new EngineHarness().connect().publish('a', 1).receive(puback(1)).publish('b', 1)
    expect(engine.sent().slice(-1)).toEqual(['PUBLISH#2 b q1'])
  })
})

/** A set of identifiers in use that counts how often it is asked. */
class Used {
  readonly packetIds = new Set<number>()
  asked = 0

  get size(): number {
    return this.packetIds.size
  }

  has(packetId: number): boolean {
    this.asked += 1
    return this.packetIds.has(packetId)
  }
}

/** An allocator of identifiers, and the set of those in use. */
class Source {
  readonly used = new Used()
  readonly identifiers: PacketIdentifiers

  constructor(next: number) {
    this.identifiers = new PacketIdentifiers(next)
  }

  take(): number | undefined {
    const packetId = this.identifiers.take(this.used)
    if (packetId === undefined) return undefined
    this.used.packetIds.add(packetId)
    this.identifiers.begun(packetId)
    return packetId
  }

  free(packetId: number): void {
    this.used.packetIds.delete(packetId)
    this.identifiers.ended(packetId, this.used.size)
  }
}

describe('with tens of thousands in use', () => {
  test('all 65535 are handed out, freed backwards and handed out again, in a few steps each', () => {
    const source = new Source(1)
    while (source.take() !== undefined) {}
    expect(source.used.size).toBe(65_535)
    const asked = source.used.asked
    const backwards = Array.from({ length: 65_535 }, (_, index) => 65_535 - index)
    const taken = backwards.map((packetId) => {
      source.free(packetId)
      return source.take()
    })
    expect(taken).toEqual(backwards)
    expect(source.used.asked - asked).toBeLessThan(2 * 65_535)
  })

  test('those in use are looked through once, and once more only after none was in use', () => {
    const source = new Source(1)
    const pass = () => {
      const asked = source.used.asked
      source.identifiers.startAt(1)
      source.take()
      return source.used.asked - asked
    }
    for (let count = 0; count < 1_000; count += 1) source.take()
    expect([pass(), pass()]).toEqual([65_535 + 65, 0])
    for (const packetId of [...source.used.packetIds]) source.free(packetId)
    expect([pass(), pass()]).toEqual([1, 2])
  })

  test('the next one is the first that is free behind the one before, whatever was freed in which order [MQTT-2.3.1-2]', () => {
    const moves = fc.array(fc.oneof(fc.constant('take' as const), fc.nat({ max: 65_534 })), { maxLength: 200 })
    const start = fc.integer({ min: 1, max: 65_535 })
    fc.assert(
      fc.property(
        start,
        fc.integer({ min: 1, max: 65_535 }),
        fc.nat({ max: 65_535 }),
        moves,
        (first, run, length, steps) => {
          const source = new Source(first)
          let held = run
          for (let count = 0; count < length; count += 1, held = packetIdentifierAfter(held)) {
            source.used.packetIds.add(held)
            source.identifiers.begun(held)
          }
          let expected = first
          for (const step of steps) {
            if (step !== 'take') {
              source.free(step + 1)
              continue
            }
            const isFull = source.used.size === 65_535
            while (!isFull && source.used.packetIds.has(expected)) expected = packetIdentifierAfter(expected)
            expect(source.take()).toBe(isFull ? undefined : expected)
            if (!isFull) expected = packetIdentifierAfter(expected)
          }
        },
      ),
      { seed: 311, numRuns: 50 },
    )
  })
})
