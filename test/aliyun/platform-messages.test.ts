import type { IClientPublishOptions } from 'mqtt'
import { describe, expect, it } from 'vitest'
import { signConnect } from '../../src/aliyun/index.js'
import { closed, connected, foreign, lamp, nextMessage, online, platformWith, topic } from './foreign-device.js'

describe('messages', () => {
  it.each([0, 1] as const)(
    'come with the QoS of their publisher, although QoS %d was asked for and granted',
    async (qos) => {
      const platform = await platformWith()
      const device = await online(platform)
      expect(await device.subscribeAsync(topic, { qos })).toMatchObject([{ topic, qos }])
      for (const published of [0, 1] as const) {
        const arrives = nextMessage(device)
        await platform.send(topic, 'command', { qos: published })
        expect(await arrives).toEqual({ topic, text: 'command', qos: published })
      }
      await platform.until((seen) => seen.acknowledgements === 1)
      expect(platform.seen.deliveries).toBe(2)
    },
  )

  it('come on topics that nobody subscribed', async () => {
    const platform = await platformWith()
    const device = await online(platform)
    const arrives = nextMessage(device)
    await platform.push(lamp, '/ext/anything', 'unasked')
    expect(await arrives).toEqual({ topic: '/ext/anything', text: 'unasked', qos: 1 })
    await platform.until((seen) => seen.acknowledgements === 1)
    await expect(platform.push({ ...lamp, deviceName: 'other' }, 'x', '')).rejects.toThrow(
      'other&a1Pk is not connected',
    )
  })

  it('go up at QoS 0 and 1, and are noted with topic, QoS and payload', async () => {
    const platform = await platformWith()
    const device = await online(platform)
    await device.publishAsync('/a1Pk/lamp/user/update', 'zero')
    await device.publishAsync('/a1Pk/lamp/user/update', 'one', { qos: 1 })
    expect([platform.seen.publishesWith(0), platform.seen.publishesWith(1)]).toEqual([1, 1])
    expect(platform.seen.publishesOn('/a1Pk/lamp/user/update').map((seen) => String(seen.payload))).toEqual([
      'zero',
      'one',
    ])
    expect(platform.seen.publishes).toMatchObject([
      { fate: 'taken', dup: false },
      { fate: 'taken', dup: false },
    ])
  })

  it.each<[string, string, string, IClientPublishOptions, RegExp]>([
    ['QoS 2', 'a', 'x', { qos: 2 }, /QoS 2 is not supported/],
    ['retain', 'a', 'x', { retain: true, qos: 1 }, /retained messages are not supported/],
    ['a payload of more than 256 KiB', 'a', 'x'.repeat(262_145), { qos: 1 }, /payload of more than 256 KiB/],
    ['a topic of 129 bytes', 'x'.repeat(129), 'x', { qos: 1 }, /topic of more than 128 bytes/],
    ['a topic with 8 slashes', 'x/'.repeat(8), 'x', { qos: 1 }, /more than 7 slashes/],
  ])('with %s close the connection', async (_, name, payload, options, reason) => {
    const platform = await platformWith()
    const device = await online(platform)
    const end = closed(device)
    device.publish(name, payload, options, () => {})
    await end
    expect(platform.seen.violations).toEqual([expect.stringMatching(reason)])
    expect(platform.seen.publishes).toMatchObject([{ fate: 'refused' }])
  })

  it('at the very limits are taken', async () => {
    const platform = await platformWith()
    const device = await online(platform)
    await device.publishAsync('x'.repeat(128), 'x'.repeat(262_144), { qos: 1 })
    await device.publishAsync('x/'.repeat(7), '', { qos: 1 })
    expect(platform.seen.violations).toEqual([])
  })

  it.each([
    [0, 30],
    [1, 10],
  ] as const)('at QoS %d above %d a second are dropped in silence', async (qos, allowed) => {
    let nowMs = 0
    const platform = await platformWith({ now: () => nowMs })
    const device = await online(platform)
    for (let count = 0; count <= allowed; count += 1) device.publish('a', String(count), { qos }, () => {})
    await platform.until((seen) => seen.publishes.length === allowed + 1)
    nowMs = 1000
    device.publish('a', 'a second later', { qos }, () => {})
    await platform.until((seen) => seen.publishes.length === allowed + 2)
    const fates = platform.seen.publishes.map((publish) => publish.fate)
    expect(fates).toEqual([...Array(allowed).fill('taken'), 'dropped', 'taken'])
    expect(device.connected).toBe(true)
  })
})

describe('a device that gets or sends too much', () => {
  it('is sent no more than 50 messages in a second', async () => {
    let nowMs = 0
    const platform = await platformWith({ now: () => nowMs })
    await online(platform)
    for (let count = 0; count < 52; count += 1) await platform.push(lamp, topic, 'x', { qos: 0 })
    expect(platform.seen).toMatchObject({ deliveries: 50, withheld: 2 })
    nowMs = 1000
    await platform.push(lamp, topic, 'x', { qos: 0 })
    expect(platform.seen).toMatchObject({ deliveries: 51, withheld: 2 })
  })

  it('is sent no more than 100 that it does not acknowledge, and more again when it has', async () => {
    let nowMs = 0
    const platform = await platformWith({ now: () => nowMs })
    const device = await online(platform)
    const unacknowledged: (() => void)[] = []
    device.handleMessage = (_, done) => unacknowledged.push(done)
    for (let count = 0; count < 101; count += 1) {
      nowMs += 20
      await platform.push(lamp, topic, 'x')
    }
    await platform.until((seen) => seen.deliveries === 100 && seen.withheld === 1)
    device.handleMessage = (_, done) => done()
    unacknowledged[0]?.()
    await platform.until((seen) => seen.acknowledgements === 100)
    nowMs += 20
    await platform.push(lamp, topic, 'x')
    await platform.until((seen) => seen.deliveries === 101 && seen.acknowledgements === 101)
  })

  it('is not cut off after more than 100 messages that were acknowledged', async () => {
    let nowMs = 0
    const platform = await platformWith({ now: () => nowMs })
    const device = await online(platform)
    for (let count = 0; count <= 100; count += 1) {
      nowMs += 100
      await device.publishAsync('a', 'x', { qos: 1 })
    }
    expect(platform.seen.violations).toEqual([])
  })

  it('is cut off with more than 100 messages unacknowledged', async () => {
    const platform = await platformWith({ broken: 'puback' })
    const device = await online(platform)
    const end = closed(device)
    for (let count = 0; count <= 100; count += 1) device.publish('a', 'x', { qos: 1 }, () => {})
    await end
    expect(platform.seen.violations).toEqual(['more than 100 messages unacknowledged'])
  })
})

describe('subscriptions', () => {
  it('beyond 100 are refused one by one', async () => {
    const platform = await platformWith()
    const device = await online(platform)
    for (let block = 0; block < 12; block += 1) {
      await device.subscribeAsync(Array.from({ length: 8 }, (_, index) => `${block}/${index}`))
    }
    const filters = ['97', '98', '99', '100', '101']
    await expect(device.subscribeAsync(filters)).rejects.toThrow()
    expect(platform.seen.subscribes.at(-1)?.granted).toEqual([0, 0, 0, 0, 0x80])
    await device.unsubscribeAsync('98')
    await device.subscribeAsync('101')
    expect(platform.seen.unsubscribes).toMatchObject([{ filters: ['98'] }])
    expect(platform.seen.subscribes.at(-1)?.granted).toEqual([0])
    const afresh = await online(platform)
    await afresh.subscribeAsync('102')
  })

  it('of more than 8 filters at once close the connection', async () => {
    const platform = await platformWith()
    const device = await online(platform)
    const end = closed(device)
    device.subscribe(
      Array.from({ length: 9 }, (_, index) => `${index}`),
      () => {},
    )
    await end
    expect(platform.seen.violations).toEqual(['more than 8 filters in one SUBSCRIBE'])
  })

  it('are kept with their messages for a session that is kept, but CONNACK does not say so', async () => {
    const platform = await platformWith()
    const before = await online(platform, { clean: false })
    await before.subscribeAsync(topic, { qos: 1 })
    await before.endAsync()
    await platform.until((seen) => seen.disconnects === 1 && seen.online === 0)
    await platform.send(topic, 'kept')
    const after = foreign(platform, { ...signConnect(lamp), clean: false })
    const arrives = nextMessage(after)
    const connack = await connected(after)
    expect(connack.sessionPresent).toBe(false)
    expect(await arrives).toEqual({ topic, text: 'kept', qos: 1 })
  })

  it('of a session that is kept are announced when the platform is told to', async () => {
    const platform = await platformWith({ reportsSession: true })
    const before = await online(platform, { clean: false })
    await before.subscribeAsync(topic, { qos: 1 })
    platform.cut(lamp)
    await platform.until((seen) => seen.online === 0)
    const connack = await connected(foreign(platform, { ...signConnect(lamp), clean: false }))
    expect(connack.sessionPresent).toBe(true)
  })
})
