import { expect, test } from 'vitest'
import { FilterUses } from '../../../src/client/subscribe/filter-uses.js'
import { ActiveSubscription } from '../../../src/client/subscribe/subscription.js'
import type { MqttClient } from '../../../src/index.js'
import { garbageCollector } from '../../garbage-collector.js'
import { retainedBytes } from '../../protocol/heap.js'
import { online, outcomeOf, quiet } from '../peers/client-on-pipe.js'
import type { FakeConnection } from '../peers/fake-server.js'

/** What stays in memory after a call of `subscribe`, if something still refers to the call: its promise and its signal. */
interface Left {
  readonly promise: WeakRef<Promise<unknown>>
  readonly signal: WeakRef<AbortSignal>
}

/** This is a function of its own so that the stack of the test has no reference to the call. */
async function subscribe(client: MqttClient, connection: FakeConnection, returnCode: 0 | 0x80): Promise<Left> {
  const { signal } = new AbortController()
  const subscribed = client.subscribe('a', { signal }, () => {})
  const { packetId } = await connection.next('subscribe')
  connection.send({ type: 'suback', packetId, returnCodes: [returnCode] })
  await outcomeOf(subscribed)
  return { promise: new WeakRef(subscribed), signal: new WeakRef(signal) }
}

test.each([
  ['granted', 0],
  ['refused', 0x80],
] as const)('a SUBSCRIBE that was %s is let go of with SUBACK: its promise and its signal', async (_, code) => {
  const collect = garbageCollector()
  const { client, connection } = await online()
  const { promise, signal } = await subscribe(client, connection, code)
  await quiet()
  collect()
  expect([promise.deref(), signal.deref()]).toEqual([undefined, undefined])
  expect(client.state).toBe('online')
})

test('filters that come and go leave nothing behind', async () => {
  const owner = { end: () => Promise.resolve() }
  const bytes = await retainedBytes(() => {
    const uses = new FilterUses()
    for (const filter of Array.from({ length: 100 }, (_, index) => `f/${index}`)) {
      const subscription = new ActiveSubscription(owner, [{ filter, qos: 0 }], undefined, undefined)
      uses.add(subscription, filter, 0)
      uses.remove(subscription, filter)
    }
    return uses
  })
  expect(bytes).toBeLessThan(8_000)
})
