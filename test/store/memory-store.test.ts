import { StoreError } from 'mqtt311'
import { memoryStore } from 'mqtt311/store'
import { expect, it } from 'vitest'

it('a memory store holds the session of one Client Identifier, and refuses another [MQTT-3.1.3-2]', async () => {
  const store = memoryStore()
  await store.open('one')
  await store.append([{ kind: 'held', packetId: 7 }])
  await store.close()
  await expect(store.open('other')).rejects.toThrow(StoreError)
  expect((await store.open('one')).held).toEqual([7])
})
