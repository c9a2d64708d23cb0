import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { gate, online, quiet } from '../peers/client-on-pipe.js'
import { message } from '../peers/fake-server.js'

/**
 * Up to Node 22, `disable` takes a storage out of every context. Only there a storage costs time, so only there the client
 * disables it.
 */
function marksHaveACost(): boolean {
  const storage = new AsyncLocalStorage()
  const context = storage.run(1, () => new AsyncResource('test'))
  storage.disable()
  return context.runInAsyncScope(() => storage.getStore()) === undefined
}

describe('the mark of handlers', () => {
  test('is there after many turns of the event loop in which other handlers came and went', async () => {
    const { client, connection } = await online()
    const work = gate()
    const ended = gate()
    client.handle('quick', () => {})
    client.handle('stop', async () => {
      await work.promise
      await quiet()
      await client.end()
      ended.open()
    })
    connection.send(message('stop', 1, 1))
    await quiet()
    connection.send(message('quick', 1, 2))
    await quiet()
    work.open()
    await ended.promise
    expect(client.state).toBe('closed')
  })

  test('is out of use while no handler runs, where promises would cost the program more', async () => {
    const { client, connection } = await online()
    const work = gate()
    client.handle('work', () => work.promise)
    await quiet()
    const times = marksHaveACost() ? 1 : 0
    const disable = vi.spyOn(AsyncLocalStorage.prototype, 'disable')
    onTestFinished(() => disable.mockRestore())
    connection.send(message('work', 1, 1))
    await quiet()
    expect(disable).not.toHaveBeenCalled()
    work.open()
    await quiet()
    expect(disable).toHaveBeenCalledTimes(times)
  })
})
