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

it('a memory store that got an impossible record refuses all later ones for the same reason', async () => {
  const store = memoryStore()
  await store.open('one')
  const error = await store.append([{ kind: 'received', sequence: 9 }]).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(StoreError)
  await expect(store.append([{ kind: 'held', packetId: 7 }])).rejects.toBe(error)
  await expect(store.open('one')).rejects.toBe(error)
})
