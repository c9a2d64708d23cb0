/** Tens of thousands of Topic Filters in one call, and as many subscriptions of one filter. */
import { expect, test } from 'vitest'
import { SubscribeRefusedError } from '../../../src/index.js'
import { online, quiet, rejectionOf } from '../peers/client-on-pipe.js'
import { message } from '../peers/fake-server.js'

const filters = (count: number) => Array.from({ length: count }, (_, index) => `f/${index}`)

test('40,000 filters in one call are subscribed, routed and unsubscribed, a thousand of them in a packet', async () => {
  const { client, connection } = await online({ onMessage: () => {} })
  connection.serve()
  const topics: string[] = []
  const subscription = await client.subscribe(filters(40_000), { qos: 1 }, ({ topic }) => topics.push(topic))
  expect(subscription.granted.map(({ filter }) => filter)).toEqual(filters(40_000))
  expect(connection.all('subscribe').map(({ subscriptions }) => subscriptions.length)).toEqual(Array(40).fill(1_000))
  connection.send(message('f/0'), message('f/39999'), message('f/40000'))
  await quiet()
  expect(topics).toEqual(['f/0', 'f/39999'])
  await subscription.unsubscribe()
  expect(connection.all('unsubscribe').flatMap((packet) => packet.filters)).toEqual(filters(40_000))
  expect(connection.all('unsubscribe').map((packet) => packet.filters.length)).toEqual(Array(40).fill(1_000))
  connection.send(message('f/0'))
  await quiet()
  expect(topics).toHaveLength(2)
})

test('20,000 filters of as many subscriptions are unsubscribed in one call', async () => {
  const { client, connection } = await online({ onMessage: () => {} })
  connection.serve()
  const topics: string[] = []
  await Promise.all(filters(20_000).map((filter) => client.subscribe(filter, ({ topic }) => topics.push(topic))))
  await client.unsubscribe(filters(20_000))
  connection.send(message('f/0'), message('f/19999'))
  await quiet()
  expect(topics).toEqual([])
})

test('16,000 subscriptions of one filter each get its messages, and the last of them unsubscribes it', async () => {
  const { client, connection } = await online({ onMessage: () => {} })
  connection.serve()
  const got = new Set<number>()
  const each = Array.from({ length: 16_000 }, (_, index) => client.subscribe('a', () => got.add(index)))
  const [first, ...others] = await Promise.all(each)
  connection.send(message('a'))
  await quiet()
  expect(got.size).toBe(16_000)
  await Promise.all(others.map((subscription) => subscription.unsubscribe()))
  expect(connection.all('unsubscribe')).toEqual([])
  got.clear()
  connection.send(message('a'))
  await quiet()
  expect([...got]).toEqual([0])
  await first?.unsubscribe()
  expect(connection.all('unsubscribe')).toHaveLength(1)
})

test('a filter that one call names twice is subscribed at the higher QoS, is routed once, and ends once', async () => {
  const { client, connection } = await online({ onMessage: () => {} })
  connection.serve()
  let got = 0
  const asked = [{ filter: 'a', qos: 2 }, { filter: 'a', qos: 0 }, 'b'] as const
  const subscription = await client.subscribe(asked, () => {
    got += 1
  })
  expect(connection.all('subscribe').map(({ subscriptions }) => subscriptions)).toEqual([
    [
      { filter: 'a', qos: 2 },
      { filter: 'a', qos: 2 },
      { filter: 'b', qos: 0 },
    ],
  ])
  connection.send(message('a'))
  await quiet()
  await subscription.unsubscribe()
  expect(connection.all('unsubscribe').map((packet) => packet.filters)).toEqual([['a', 'b']])
  connection.send(message('a'))
  await quiet()
  expect(got).toBe(1)
})

test('of 40,000 filters that are refused the error has all, and its message names the first ten', async () => {
  const { client, connection } = await online()
  const refused = rejectionOf(client.subscribe(filters(40_000), () => {}))
  for (let from = 0; from < 40_000; from += 1_000) {
    const { packetId } = await connection.next('subscribe')
    connection.send({ type: 'suback', packetId, returnCodes: filters(1_000).map(() => 0x80 as const) })
  }
  const error = await refused
  expect(error).toBeInstanceOf(SubscribeRefusedError)
  expect(error).toMatchObject({ filters: filters(40_000) })
  expect(String(error)).toMatch(/"f\/0", .*"f\/9" and 39990 more$/)
})

/** A subscription of `a` that was unsubscribed `times` times without an answer, and later subscriptions of `a`. */
async function unsubscribedMeanwhile(times: number) {
  const { client, connection } = await online()
  const subscribe = async () => {
    const subscribed = client.subscribe('a', () => {})
    const { packetId } = await connection.until('subscribe')
    connection.send({ type: 'suback', packetId, returnCodes: [0] })
    return subscribed
  }
  const unsubscribed = await subscribe()
  for (let time = 0; time < times; time += 1) client.unsubscribe('a').catch(() => {})
  const later = [await subscribe(), await subscribe()] as const
  return { connection, unsubscribed, later }
}

test('a filter whose UNSUBSCRIBE was asked for twice is in use as long as a later subscription has it', async () => {
  const { connection, later } = await unsubscribedMeanwhile(2)
  await later[0].unsubscribe()
  expect(connection.all('unsubscribe')).toHaveLength(2)
})

test('a subscription whose UNSUBSCRIBE is unanswered takes the filter from no later one', async () => {
  const { connection, unsubscribed, later } = await unsubscribedMeanwhile(1)
  await later[0].unsubscribe()
  await unsubscribed.unsubscribe()
  await quiet()
  expect(connection.all('unsubscribe')).toHaveLength(1)
})
