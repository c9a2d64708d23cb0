/** A call of many Topic Filters takes several turns of the event loop. What the program does meanwhile finds the call done. */
import { describe, expect, test } from 'vitest'
import { online, outcomeOf, quiet, rejectionOf, watch } from '../peers/client-on-pipe.js'
import { type FakeConnection, message } from '../peers/fake-server.js'

const filters = (count: number) => Array.from({ length: count }, (_, index) => `f/${index}`)

/** How many filters SUBSCRIBE and UNSUBSCRIBE packets have, in the order in which they came. */
function requests(connection: FakeConnection): string[] {
  return connection.received.flatMap((packet) => {
    if (packet.type === 'subscribe') return [`subscribe ${packet.subscriptions.length}`]
    return packet.type === 'unsubscribe' ? [`unsubscribe ${packet.filters.length}`] : []
  })
}

async function served() {
  const { client, connection } = await online({ onMessage: () => {} })
  connection.serve()
  return { client, connection }
}

describe('a call of 3,500 filters', () => {
  test('lets the program go on between its packets', async () => {
    const { client, connection } = await served()
    const subscribing = client.subscribe(filters(3_500), () => {})
    await new Promise((resolve) => setImmediate(resolve))
    expect(requests(connection).length).toBeLessThan(4)
    expect((await subscribing).granted).toHaveLength(3_500)
    expect(requests(connection)).toEqual(['subscribe 1000', 'subscribe 1000', 'subscribe 1000', 'subscribe 500'])
  })

  test('sends all of them before what the program subscribes or unsubscribes after it', async () => {
    const { client, connection } = await served()
    const calls = [
      client.subscribe(filters(3_500), () => {}),
      client.subscribe('f/3499', () => {}),
      client.unsubscribe(filters(2_500)),
      client.unsubscribe('a'),
    ]
    await Promise.all(calls)
    const subscribed = ['subscribe 1000', 'subscribe 1000', 'subscribe 1000', 'subscribe 500', 'subscribe 1']
    const unsubscribed = ['unsubscribe 1000', 'unsubscribe 1000', 'unsubscribe 500', 'unsubscribe 1']
    expect(requests(connection)).toEqual([...subscribed, ...unsubscribed])
  })

  test('that is aborted after its first packet sends no other, and its filters have no handler', async () => {
    const { client, connection } = await served()
    const aborter = new AbortController()
    let got = 0
    const handler = () => {
      got += 1
    }
    const subscribing = rejectionOf(client.subscribe(filters(3_500), { signal: aborter.signal }, handler))
    aborter.abort(new Error('no longer needed'))
    expect(await subscribing).toMatchObject({ message: 'no longer needed' })
    await quiet()
    expect(requests(connection)).toEqual(['subscribe 1000', 'unsubscribe 1000'])
    connection.send(message('f/0'), message('f/3499'))
    await quiet()
    expect(got).toBe(0)
  })

  test('is sent as a whole before the DISCONNECT of an end() that follows at once', async () => {
    const { client, connection } = await served()
    const subscribing = client.subscribe(filters(3_500), () => {})
    await client.end({ timeoutMs: 30_000 })
    expect((await subscribing).granted).toHaveLength(3_500)
    expect(connection.received.at(-1)?.type).toBe('disconnect')
  })

  test('is rejected by a destroy() that follows at once', async () => {
    const { client } = await served()
    const subscribing = outcomeOf(client.subscribe(filters(3_500), () => {}))
    client.destroy()
    expect(await subscribing).toMatchObject({ error: { code: 'MQTT_CLOSED' } })
  })

  test('is rejected by a destroy() after its first SUBACK and before its next SUBSCRIBE', async () => {
    const { client, connection } = await served()
    const subscribing = watch(client.subscribe(filters(3_500), () => {}))
    while (client.stats.packetsIn.suback === 0) await new Promise<void>((resolve) => process.nextTick(resolve))
    expect(requests(connection)).toEqual(['subscribe 1000'])
    client.destroy()
    await quiet()
    expect(subscribing.state).toBe('rejected')
  })

  test('names every filter that a packet of it was refused for', async () => {
    const { client, connection } = await online()
    const refused = rejectionOf(client.subscribe(filters(3_500), () => {}))
    for (const [count, code] of [
      [1_000, 0],
      [1_000, 0x80],
      [1_000, 0],
      [500, 0x80],
    ] as const) {
      const { packetId } = await connection.next('subscribe')
      connection.send({ type: 'suback', packetId, returnCodes: Array(count).fill(code) })
    }
    expect(await refused).toMatchObject({ filters: [...filters(2_000).slice(1_000), ...filters(3_500).slice(3_000)] })
    await quiet()
    expect(requests(connection).slice(4)).toEqual(['unsubscribe 1000', 'unsubscribe 1000'])
  })
})
