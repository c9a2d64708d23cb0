import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PublishPacer } from '../../../src/client/publish/pacer.js'
import { type ClientOptions, QueueFullError, TimeoutError } from '../../../src/index.js'
import { event, fakeTime, online, outcomeOf, pass, quiet, rejectionOf, watch } from '../peers/client-on-pipe.js'
import type { FakeConnection } from '../peers/fake-server.js'

const tenASecond = { profile: { name: 'the platform', publishesPerSecond: { qos0: 10, qos1: 10 } } }
const retrying = { reconnect: { minDelayMs: 1, maxDelayMs: 1 } }

/** A message that a server has received, and the time in milliseconds. */
interface Received {
  readonly text: string
  readonly atMs: number
}

/** Notes every PUBLISH, and acknowledges it unless `answers` says otherwise. */
function noting(connection: FakeConnection, answers: 'acknowledges' | 'is silent' = 'acknowledges'): Received[] {
  const received: Received[] = []
  connection.onPacket = (packet) => {
    if (packet.type !== 'publish') return
    received.push({ text: packet.payload.toString(), atMs: performance.now() })
    if (packet.qos === 1 && answers === 'acknowledges') {
      connection.answer({ type: 'puback', packetId: packet.packetId })
    }
  }
  return received
}

const textsOf = (received: readonly Received[]): string[] => received.map(({ text }) => text)

/** The milliseconds between one message and the next. */
function gapsOf(received: readonly Received[]): number[] {
  return received.slice(1).map(({ atMs }, index) => atMs - (received[index]?.atMs ?? Number.NaN))
}

async function paced(options: ClientOptions = {}) {
  fakeTime()
  const { client, connection, server } = await online({ ...tenASecond, ...retrying, ...options })
  return { client, connection, server, received: noting(connection) }
}

describe('messages above the rate of a server', () => {
  it.each([0, 1] as const)('go at QoS %d in order, evenly spaced, the first of them at once', async (qos) => {
    const { client, received } = await paced()
    const texts = Array.from({ length: 12 }, (_, index) => String(index))
    const published = Promise.all(texts.map((text) => client.publish('a', text, { qos })))
    await quiet()
    expect(textsOf(received)).toEqual(['0'])
    await pass(1_200)
    await published
    expect(textsOf(received)).toEqual(texts)
    for (const gap of gapsOf(received)) {
      expect(gap).toBeGreaterThanOrEqual(100)
      expect(gap).toBeLessThanOrEqual(102)
    }
  })

  it('go at once as long as there are fewer', async () => {
    const { client, received } = await paced()
    for (let turn = 0; turn < 5; turn += 1) {
      await client.publish('a', String(turn), { qos: 1 })
      await pass(150)
    }
    expect(received).toHaveLength(5)
    expect(client.stats.paced).toBe(0)
  })

  it('all go at once to a server without a rate', async () => {
    const { client, received } = await paced({ profile: { name: 'the platform' } })
    for (let count = 0; count < 50; count += 1) client.publish('a', 'x')
    await quiet()
    expect(received).toHaveLength(50)
    expect(client.stats.paced).toBe(0)
  })

  it('are counted in stats, each once, and are queued meanwhile', async () => {
    const { client, received } = await paced()
    for (let count = 0; count < 5; count += 1) client.publish('a', 'x')
    await quiet()
    expect(client.stats).toMatchObject({ paced: 1, queued: 4 })
    await pass(450)
    expect(received).toHaveLength(5)
    expect(client.stats).toMatchObject({ paced: 4, queued: 0 })
  })

  it('are held to a rate for each QoS, and to one for all', async () => {
    const { client, received } = await paced({
      profile: { name: 'the platform', publishesPerSecond: { total: 20, qos0: 20, qos1: 5 } },
    })
    for (let count = 0; count < 3; count += 1) client.publish('a', 'one', { qos: 1 })
    for (let count = 0; count < 4; count += 1) client.publish('a', 'zero')
    await pass(1_000)
    expect(textsOf(received)).toEqual(['one', 'one', 'one', 'zero', 'zero', 'zero', 'zero'])
    for (const [index, least] of [200, 200, 50, 50, 50, 50].entries()) {
      expect(gapsOf(received)[index]).toBeGreaterThanOrEqual(least)
      expect(gapsOf(received)[index]).toBeLessThanOrEqual(least + 2)
    }
  })

  it('do not hold back subscriptions and acknowledgements', async () => {
    const { client, connection } = await paced()
    for (let count = 0; count < 5; count += 1) client.publish('a', 'x', { qos: 1 })
    const subscribing = watch(client.subscribe('b'))
    const subscribe = await connection.until('subscribe')
    connection.send({ type: 'suback', packetId: subscribe.packetId, returnCodes: [0] })
    connection.send({
      type: 'publish',
      topic: 'b',
      payload: Buffer.of(),
      qos: 1,
      retain: false,
      dup: false,
      packetId: 7,
    })
    await quiet()
    expect(subscribing.state).toBe('resolved')
    expect(connection.all('puback')).toMatchObject([{ packetId: 7 }])
  })
})

describe('while messages wait their turn', () => {
  it('the queue refuses what is above its bounds', async () => {
    const { client } = await paced({ queue: { maxMessages: 2 } })
    for (let count = 0; count < 3; count += 1) client.publish('a', 'x', { qos: 1 })
    await quiet()
    const error = await rejectionOf(client.publish('a', 'one too many', { qos: 1 }))
    expect(error).toBeInstanceOf(QueueFullError)
    expect(error).toMatchObject({ delivery: 'none' })
    expect(client.stats).toMatchObject({ queued: 2, rejected: 1 })
  })

  it('the queue drops its oldest if told so', async () => {
    const { client, received } = await paced({ queue: { maxMessages: 2, overflow: 'drop-oldest' } })
    const published = ['0', '1', '2', '3'].map((text) => outcomeOf(client.publish('a', text)))
    await pass(300)
    expect(textsOf(received)).toEqual(['0', '2', '3'])
    expect((await Promise.all(published)).map((outcome) => 'error' in outcome)).toEqual([false, true, false, false])
  })

  it('they grow too old as others do', async () => {
    const { client, received } = await paced({ queue: { maxAgeMs: 150 } })
    const published = ['0', '1', '2', '3'].map((text) => outcomeOf(client.publish('a', text)))
    await pass(500)
    expect(textsOf(received)).toEqual(['0', '1'])
    const [, , third] = await Promise.all(published)
    expect(third).toMatchObject({ error: expect.any(TimeoutError) })
  })

  it('one that is withdrawn gives its turn to the next', async () => {
    const { client, received } = await paced()
    const withdrawal = new AbortController()
    client.publish('a', '0')
    const withdrawn = outcomeOf(client.publish('a', '1', { signal: withdrawal.signal }))
    client.publish('a', '2')
    await quiet()
    withdrawal.abort(new Error('not needed'))
    await pass(102)
    expect(textsOf(received)).toEqual(['0', '2'])
    expect(await withdrawn).toMatchObject({ error: { message: 'not needed' } })
  })

  it('end() waits for them', async () => {
    const { client, received } = await paced()
    for (let count = 0; count < 5; count += 1) client.publish('a', 'x')
    const ending = watch(client.end())
    await pass(350)
    expect(ending.state).toBe('pending')
    await pass(100)
    expect(received).toHaveLength(5)
    expect(client.state).not.toBe('online')
  })
})

describe('messages that are sent again after a lost connection', () => {
  it('wait their turn as well, before those that have never been sent', async () => {
    fakeTime()
    const { client, connection, server } = await online({
      ...tenASecond,
      ...retrying,
      cleanSession: false,
      clientId: 'c',
    })
    const first = noting(connection, 'is silent')
    const published = Promise.all(['0', '1', '2'].map((text) => client.publish('a', text, { qos: 1 })))
    await pass(210)
    expect(textsOf(first)).toEqual(['0', '1', '2'])
    const later = client.publish('a', '3', { qos: 1 })
    const offline = event(client, 'offline')
    connection.cut()
    await offline
    await pass(2)
    const accepted = server.accepted()
    const again = await accepted
    const received = noting(again)
    await again.admit(true)
    await pass(500)
    await Promise.all([published, later])
    expect(textsOf(received)).toEqual(['0', '1', '2', '3'])
    for (const gap of gapsOf(received)) expect(gap).toBeGreaterThanOrEqual(100)
    const [lastBefore, firstAgain] = [first[2]?.atMs ?? Number.NaN, received[0]?.atMs ?? Number.NaN]
    expect(firstAgain - lastBefore).toBeGreaterThanOrEqual(100)
    expect(again.all('publish').map((packet) => packet.qos === 1 && packet.dup)).toEqual([true, true, true, false])
  })
})

describe('the pacer', () => {
  it('never lets more than the rate through in any second, and comes back in time', () => {
    const rates = fc.record({
      total: fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined }),
      qos0: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
      qos1: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
    })
    const messages = fc.array(fc.record({ qos: fc.constantFrom(0 as const, 1 as const), waitMs: fc.nat(50) }), {
      minLength: 1,
      maxLength: 300,
    })
    fc.assert(
      fc.property(rates, messages, (rate, drawn) => {
        const pacer = new PublishPacer(rate)
        const sent: { readonly qos: 0 | 1; readonly at: number }[] = []
        let now = 1_000
        for (const { qos, waitMs } of drawn) {
          now = pacer.nextAt(qos, now + waitMs)
          expect(pacer.admit(qos, now)).toBe(true)
          sent.push({ qos, at: now })
        }
        for (const { at } of sent) {
          const second = sent.filter((one) => one.at >= at && one.at < at + 1_000)
          expect(second.length).toBeLessThanOrEqual(rate.total ?? Infinity)
          expect(second.filter(({ qos }) => qos === 0).length).toBeLessThanOrEqual(rate.qos0 ?? Infinity)
          expect(second.filter(({ qos }) => qos === 1).length).toBeLessThanOrEqual(rate.qos1 ?? Infinity)
        }
      }),
      { seed: 311, numRuns: 50 },
    )
  })

  it('takes no turn from a rate when it says no', () => {
    const pacer = new PublishPacer({ total: 10, qos1: 1 })
    expect(pacer.admit(1, 0)).toBe(true)
    expect(pacer.admit(1, 500)).toBe(false)
    expect(pacer.admit(0, 500)).toBe(true)
    expect(pacer.nextAt(0, 500)).toBe(600)
  })
})
