/**
 * What the engine finds out about a server that closes the connection, and what it does not believe. Each careful connection here has a
 * round trip of 10 ms, so D is 280 ms, and the quiet lasts 2,800 ms.
 */
import { describe, expect, it } from 'vitest'
import { PublishPacer } from '../../../src/client/publish/pacer.js'
import type { SessionSettings } from '../../../src/protocol/index.js'
import { EngineHarness } from '../engine-harness.js'
import { connack, puback, pubcomp, pubrec, suback, unsuback } from '../packet-notation.js'

const newEngine = (settings: Partial<SessionSettings> = {}) => new EngineHarness({ strangerPacketId: 1, ...settings })

const marginMs = 280
const quietMs = 10 * marginMs

/** Two short connections in a row. */
function twiceCut(engine: EngineHarness): EngineHarness {
  for (let cuts = 0; cuts < 2; cuts += 1) engine.resume().pass(20).cutBySomebody()
  return engine
}

/** A careful connection up to the end of the quiet. Returns what is sent then. */
function afterQuiet(engine: EngineHarness): string[] {
  engine.resume().pass(10).receive({ type: 'pingresp' })
  engine.news()
  return engine.pass(quietMs).sent()
}

/** A strike against what is sent alone. */
function strike(engine: EngineHarness): EngineHarness {
  afterQuiet(engine)
  return engine.pass(20).cutBySomebody()
}

/** What is sent first on the connection that follows. */
function afterCutInTheQuiet(engine: EngineHarness): string[] {
  engine.resume().cutBySomebody().open().news()
  return engine.receive(connack(true)).sent()
}

describe('after two short connections in a row the next one', () => {
  it('sends a PINGREQ, and nothing that the server could refuse before it was quiet for a time', () => {
    const engine = twiceCut(newEngine().publish('m', 1))
    engine.news()
    expect(engine.resume().sent()).toEqual(['CONNECT', 'PINGREQ'])
    expect(engine.pass(10).receive({ type: 'pingresp' }).sent()).toEqual([])
    expect(engine.pass(quietMs - 1).sent()).toEqual([])
    expect(engine.pass(1).sent()).toEqual(['PUBLISH#1 m q1 dup'])
  })

  it('sends one message at a time, the next when it is answered', () => {
    const engine = twiceCut(newEngine().publish('a', 1).publish('b', 2).publish('c', 1))
    expect(afterQuiet(engine)).toEqual(['PUBLISH#1 a q1 dup'])
    expect(engine.receive(puback(1)).sent()).toEqual(['PUBLISH#2 b q2 dup'])
    expect(engine.receive(pubrec(2)).sent()).toEqual(['PUBREL#2'])
    expect(engine.receive(pubcomp(2)).sent()).toEqual(['PUBLISH#3 c q1 dup'])
    expect(engine.receive(puback(3)).publish('d', 1).publish('e', 1).sent()).toEqual([
      'PUBLISH#4 d q1',
      'PUBLISH#5 e q1',
    ])
  })

  it('puts a PINGREQ behind a message at QoS 0, in place of an answer', () => {
    const engine = twiceCut(newEngine().publish('m', 0))
    engine.resume().publish('zero', 0).publish('one', 1)
    engine.pass(10).receive({ type: 'pingresp' }).news()
    expect(engine.pass(quietMs).sent()).toEqual(['PUBLISH zero q0', 'PINGREQ'])
    expect(engine.receive({ type: 'pingresp' }).sent()).toEqual(['PUBLISH#1 one q1'])
  })

  it('sends PUBRELs as ever', () => {
    const engine = newEngine().publish('m', 2).connect().receive(pubrec(1)).cutBySomebody()
    engine.resume().pass(20).cutBySomebody().news()
    expect(engine.resume().sent()).toEqual(['CONNECT', 'PUBREL#1', 'PINGREQ'])
  })

  it('asks for one Topic Filter of a SUBSCRIBE at a time, before the messages', () => {
    const engine = twiceCut(newEngine().publish('m', 1).subscribe('s', 'a', 'b'))
    expect(afterQuiet(engine)).toEqual(['SUBSCRIBE#4 a:0'])
    expect(engine.receive(suback(4, 0)).sent()).toEqual(['SUBSCRIBE#5 b:0'])
    expect(engine.receive(suback(5, 0x80)).sent()).toEqual(['PUBLISH#2 m q1 dup'])
  })

  it('asks last for what the server has lost', () => {
    const engine = newEngine()
      .subscribe('s', 'a', 'b')
      .connect()
      .receive(suback(1, 0, 0))
      .publish('m', 1)
    engine.cutBySomebody().resume().cutBySomebody().connect().pass(10).receive({ type: 'pingresp' }).news()
    expect(engine.pass(quietMs).sent()).toEqual(['PUBLISH#2 m q1 dup'])
    expect(engine.receive(puback(2)).sent()).toEqual(['SUBSCRIBE#3 a:0'])
    expect(engine.receive(suback(3, 0)).sent()).toEqual(['SUBSCRIBE#4 b:0'])
  })

  it('goes on as any other if an answer takes longer than the quiet', () => {
    const engine = twiceCut(newEngine().publish('slow', 1).publish('next', 1))
    afterQuiet(engine)
    expect(engine.pass(quietMs - 1).sent()).toEqual([])
    expect(engine.pass(1).sent()).toEqual(['PUBLISH#2 next q1 dup'])
  })

  it('goes on as any other if the PINGREQ is not answered', () => {
    const engine = twiceCut(newEngine({ ackTimeoutMs: 100_000 }).publish('m', 1)).resume()
    engine.news()
    expect(engine.pass(29_999).sent()).toEqual([])
    expect(engine.pass(1).sent()).toEqual(['PUBLISH#1 m q1 dup'])
  })

  it('waits for a pacer that needs longer than an answer, and is not due all that time', () => {
    const gapMs = 4 * quietMs
    const pacer = new PublishPacer({ total: 1_000 / gapMs })
    const engine = twiceCut(newEngine({ pacer }).publish('a', 1).publish('b', 1)).pass(gapMs)
    expect(afterQuiet(engine)).toEqual(['PUBLISH#1 a q1 dup'])
    engine.receive(puback(1))
    expect(engine.dueIn).toBe(gapMs)
    // `pass` throws if the engine is due and has nothing to do.
    expect(engine.pass(gapMs - 1).sent()).toEqual([])
    expect(engine.pass(1).sent()).toEqual(['PUBLISH#2 b q1'])
  })

  it('does not ask twice for what the server has lost, if the answer takes longer than the quiet', () => {
    const engine = newEngine()
      .subscribe('s', 'a', 'b')
      .connect()
      .receive(suback(1, 0, 0))
    engine.cutBySomebody().resume().cutBySomebody().connect().pass(10).receive({ type: 'pingresp' }).news()
    expect(engine.pass(quietMs).sent()).toEqual(['SUBSCRIBE#2 a:0'])
    expect(engine.pass(quietMs).sent()).toEqual(['SUBSCRIBE#3 b:0'])
  })
})

describe('a connection is not short', () => {
  it.each<[string, (engine: EngineHarness) => void]>([
    ['that lasted for 30 s', (engine) => engine.resume().receive(puback(1)).pass(30_000).cutBySomebody()],
    ['that was cut in the middle of an upload', (engine) => engine.resume().outputFull().cutBySomebody()],
    ['that the driver has given up', (engine) => engine.resume().cut()],
  ])('%s', (_, second) => {
    const engine = newEngine({ ackTimeoutMs: 100_000 }).publish('m', 1).resume().cutBySomebody()
    second(engine)
    engine.news()
    expect(engine.resume().sent()).not.toContain('PINGREQ')
  })

  it('but one that ends because an acknowledgement does not come counts as one', () => {
    const engine = newEngine({ ackTimeoutMs: 60_000 }).publish('m', 1).resume().cutBySomebody()
    engine.resume().pass(60_000).news()
    expect(engine.resume().sent()).toEqual(['CONNECT', 'PINGREQ'])
  })
})

describe('a message at which the server closes', () => {
  it('is parked at the third strike: the others go on, and it is tried behind them', () => {
    const engine = twiceCut(newEngine().publish('poison', 1).publish('good', 1))
    for (let strikes = 0; strikes < 3; strikes += 1) strike(engine)
    expect(engine.session.suspects.lastCut).toMatchObject({ proves: 'strike', verdict: 'parked', strikes: 3 })
    expect(afterQuiet(engine)).toEqual(['PUBLISH#2 good q1 dup'])
    expect(engine.receive(puback(2)).sent()).toEqual(['PUBLISH#1 poison q1 dup'])
  })

  it('is given up at the fifth strike, if another one was answered since the first', () => {
    const engine = twiceCut(newEngine({ journal: 'kept' }).publish('poison', 1).publish('good', 1))
    for (let strikes = 0; strikes < 3; strikes += 1) strike(engine)
    afterQuiet(engine)
    engine.receive(puback(2)).pass(20).cutBySomebody()
    engine.news()
    strike(engine)
    expect(engine.news()).toEqual(['record abandoned 1', 'abandoned poison: MQTT_CONNECTION_LOST unknown'])
    expect(engine.lastError?.message).toMatch(
      /closed the connection 5 times when it got this message \(QoS 1, topic "poison"\)/,
    )
    expect(engine.session.isIdle).toBe(true)
  })

  it('is never given up if abandonAfter is Infinity, and tried more and more rarely', () => {
    const engine = twiceCut(newEngine({ abandonAfter: Infinity }).publish('poison', 1).publish('good', 1))
    for (let strikes = 0; strikes < 3; strikes += 1) strike(engine)
    afterQuiet(engine)
    engine.receive(puback(2)).pass(20).cutBySomebody()
    strike(engine)
    expect(afterQuiet(engine)).toEqual([])
    expect(engine.pass(59_999).sent()).toEqual([])
    expect(engine.pass(1).sent()).toEqual(['PINGREQ'])
    engine.pass(10).receive({ type: 'pingresp' })
    expect(engine.pass(quietMs).sent()).toEqual(['PUBLISH#1 poison q1 dup'])
    expect(engine.receive(puback(1)).session.isIdle).toBe(true)
  })

  it('keeps its identifier at QoS 2 until the server has lost the session', () => {
    const engine = twiceCut(newEngine({ abandonAfter: 2, journal: 'kept' }).publish('poison', 2).publish('good', 1))
    strike(engine)
    engine.resume().pass(10).receive({ type: 'pingresp' }).pass(quietMs)
    // The poison is alone again; the other message is answered late, from a copy of the first connection.
    engine.receive(puback(2)).pass(20).cutBySomebody()
    expect(engine.news()).toContain('abandoned poison: MQTT_CONNECTION_LOST unknown')
    afterQuiet(engine)
    engine.session.table.identifiers.startAt(1)
    expect(engine.publish('next', 1).sent()).toEqual(['PUBLISH#2 next q1'])
    engine.receive(puback(2)).pass(30_000).cutBySomebody().connect().session.table.identifiers.startAt(1)
    engine.news()
    expect(engine.publish('later', 1).sent()).toEqual(['PUBLISH#1 later q1'])
  })

  it('is not given up after PUBREC: the server has it', () => {
    const engine = twiceCut(newEngine({ abandonAfter: 1 }).publish('m', 2))
    afterQuiet(engine)
    engine.receive(pubrec(1)).pass(20).cutBySomebody()
    expect(engine.session.suspects.lastCut).toMatchObject({ proves: 'other' })
  })

  it('has no strike of a cut that comes too late, or long before its last byte has left', () => {
    const late = twiceCut(newEngine().publish('m', 1))
    afterQuiet(late)
    late.pass(marginMs + 1).cutBySomebody()
    expect(late.session.suspects.lastCut).toMatchObject({ proves: 'other' })
    const upload = twiceCut(newEngine().publish('large', 1))
    afterQuiet(upload)
    upload.outputFull().pass(marginMs + 1)
    expect(upload.cutBySomebody().session.suspects.lastCut).toMatchObject({ proves: 'other' })
  })

  it('has a strike of a cut soon after its last byte', () => {
    const engine = twiceCut(newEngine({ ackTimeoutMs: 100_000 }).publish('large', 1))
    afterQuiet(engine)
    engine.outputFull().pass(60_000).outputTaken('all').pass(marginMs).cutBySomebody()
    expect(engine.session.suspects.lastCut).toMatchObject({ proves: 'strike', strikes: 1 })
  })

  it('has no strikes any more after a cut in the quiet, which it cannot have caused', () => {
    const engine = twiceCut(newEngine().publish('m', 1))
    strike(strike(engine)).resume().pass(10).receive({ type: 'pingresp' }).pass(100).cutBySomebody()
    expect(engine.session.suspects.lastCut).toMatchObject({ proves: 'quiet' })
    twiceCut(engine)
    strike(engine)
    expect(engine.session.suspects.lastCut).toMatchObject({ verdict: 'struck', strikes: 1 })
  })
})

describe('while nothing is answered', () => {
  it('another topic is tried first, and shows what the parked message has to do with it', () => {
    const engine = twiceCut(newEngine().publish('a', 1).publish('b', 1))
    engine.publish('a', 1)
    for (let strikes = 0; strikes < 3; strikes += 1) strike(engine)
    expect(afterQuiet(engine)).toEqual(['PUBLISH#2 b q1 dup'])
  })

  it('a message that is struck, on a topic without parked ones, keeps its place until it is parked [MQTT-4.6.0-1]', () => {
    const engine = twiceCut(newEngine().publish('a', 1).publish('b', 1).publish('c', 1))
    for (let strikes = 0; strikes < 4; strikes += 1) strike(engine)
    expect(afterQuiet(engine)).toEqual(['PUBLISH#2 b q1 dup'])
  })

  it('and the other topics are parked alike, the server refuses all: no message is parked any more', () => {
    const engine = twiceCut(newEngine().publish('a', 1).publish('b', 1))
    for (let strikes = 0; strikes < 6; strikes += 1) strike(engine)
    expect(afterQuiet(engine)).toEqual(['PUBLISH#1 a q1 dup'])
    engine.pass(20).cutBySomebody()
    expect(engine.session.suspects.lastCut).toMatchObject({ verdict: 'struck', strikes: 1 })
  })

  it('and the server refuses all, the messages are sent again in their first order, also those that were passed [MQTT-4.6.0-1]', () => {
    const engine = twiceCut(newEngine().publish('a', 1).publish('a', 1).publish('b', 1))
    for (let strikes = 0; strikes < 6; strikes += 1) strike(engine)
    expect(afterQuiet(engine)).toEqual(['PUBLISH#1 a q1 dup'])
    expect(engine.receive(puback(1)).sent()).toEqual(['PUBLISH#2 a q1 dup'])
    expect(engine.receive(puback(2)).sent()).toEqual(['PUBLISH#3 b q1 dup'])
  })

  it.each([
    ['the server refuses all', 6, (engine: EngineHarness) => afterQuiet(engine)],
    ['a connection is cut in the quiet', 4, (engine: EngineHarness) => afterCutInTheQuiet(engine)],
  ])('and %s, the messages of a clean session are sent in the order of publish', (_, strikes, next) => {
    const clean = newEngine({ cleanSession: true, maxInFlight: 1, strict: false })
    const engine = twiceCut(clean.publish('a', 1).publish('a', 1).publish('b', 1))
    for (let count = 0; count < strikes; count += 1) strike(engine)
    const sent: string[] = []
    for (let [line] = next(engine); line !== undefined; [line] = engine.sent()) {
      const [, packetId, publish] = /^PUBLISH#(\d+) (.*)/.exec(line) ?? []
      sent.push(String(publish))
      engine.receive(puback(Number(packetId)))
    }
    expect(sent).toEqual(['a q1', 'a q1', 'b q1'])
  })

  it('the messages of the only topic are not taken for all: the first is given up after ten minutes, and no second one', () => {
    const engine = twiceCut(newEngine().publish('a', 1).publish('a', 1))
    const begin = engine.now
    const givenUp: string[] = []
    for (let tries = 0; tries < 40; tries += 1) {
      givenUp.push(
        ...strike(engine)
          .news()
          .filter((news) => news.startsWith('abandoned')),
      )
      if (givenUp.length === 0) expect(engine.now - begin).toBeLessThan(1_200_000)
      engine.pass(60_000)
    }
    expect(givenUp).toEqual([expect.stringMatching(/^abandoned a: /)])
  })

  it('the only message is given up after ten minutes, and no second one', () => {
    const engine = twiceCut(newEngine().publish('first', 1))
    const begin = engine.now
    for (let tries = 0; tries < 12 && !engine.session.isIdle; tries += 1) strike(engine).pass(60_000)
    expect(engine.session.isIdle).toBe(true)
    expect(engine.now - begin).toBeGreaterThan(600_000)
    engine.publish('second', 1)
    for (let tries = 0; tries < 30; tries += 1) strike(engine).pass(60_000)
    expect(engine.session.isIdle).toBe(false)
  })
})

describe('a Topic Filter at which the server closes', () => {
  it('is refused at the third strike, and the others of its SUBSCRIBE are asked', () => {
    const engine = twiceCut(newEngine().subscribe('s', 'forbidden', 'ok'))
    strike(strike(engine))
    afterQuiet(engine)
    engine.news()
    engine.pass(20).cutBySomebody()
    expect(engine.news()).toEqual(['answered s: 128'])
    expect(afterQuiet(engine)).toEqual(['SUBSCRIBE#6 ok:0'])
    expect(engine.receive(suback(6, 0)).news()).toEqual(['answered s: 0'])
  })

  it('is told as refused if the engine asks again for it, and asked behind all else', () => {
    const engine = newEngine()
      .subscribe('s', 'withdrawn', 'kept')
      .connect()
      .receive(suback(1, 0, 0))
    engine.cutBySomebody().connect().cutBySomebody()
    const again = () => engine.connect().pass(10).receive({ type: 'pingresp' }).pass(quietMs)
    for (let strikes = 0; strikes < 3; strikes += 1) again().pass(20).cutBySomebody()
    expect(engine.news()).toContain('refused withdrawn')
    again()
    expect(engine.sent()).toContainEqual(expect.stringMatching(/SUBSCRIBE#\d+ kept:0/))
  })

  it('is no reason for careful connections any more when the program has unsubscribed from it', () => {
    const engine = newEngine().subscribe('s', 'withdrawn').connect().receive(suback(1, 0)).cutBySomebody()
    const again = () => engine.connect().pass(10).receive({ type: 'pingresp' }).pass(quietMs)
    engine.connect().cutBySomebody()
    for (let strikes = 0; strikes < 3; strikes += 1) again().pass(20).cutBySomebody()
    again().unsubscribe('u', 'withdrawn').receive(unsuback(6)).news()
    expect(engine.pass(600_000).sent()).toEqual([])
  })

  it('is alone although an UNSUBSCRIBE went before it that is not needed any more', () => {
    const engine = newEngine().subscribe('s', 'x').connect().receive(suback(1, 0)).cutBySomebody().resume()
    engine.unsubscribe('u', 'x').subscribe('t', 'x').receive(suback(3, 0)).subscribe('v', 'a', 'b').cutBySomebody()
    expect(afterQuiet(engine)).toEqual(['SUBSCRIBE#5 a:0'])
  })
})
