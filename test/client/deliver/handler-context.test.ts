import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { collectGarbage } from '../../protocol/heap.js'
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

describe('in a long read, whose handlers are not entered one by one', () => {
  const request = new AsyncLocalStorage<string>()
  /** Some messages on one topic; together they are long. */
  const many = (topic: string) => Array.from({ length: 300 }, () => message(topic))

  test('each handler runs in the context of its own subscribe, also behind another handler, and in one that was replaced', async () => {
    const { client, connection } = await online()
    const seen = new Map<string, Set<string | undefined>>()
    let left = 0
    let allHandled = gate()
    const handlerNamed = (name: string) => () => {
      seen.set(name, (seen.get(name) ?? new Set()).add(request.getStore()))
      left -= 1
      if (left === 0) allHandled.open()
    }
    const deliver = (...topics: string[]) => {
      const messages = topics.flatMap(many)
      left = messages.length
      allHandled = gate()
      connection.send(...messages)
      return allHandled.promise
    }
    const removed = request.run('removed', () => client.handle('a', handlerNamed('a')))
    request.run('second', () => client.handle('b', handlerNamed('b')))
    client.handle('c', handlerNamed('c'))
    await deliver('a', 'b', 'c')
    await deliver('c', 'b', 'a')
    expect([...seen].map(([name, stores]) => [name, ...stores])).toEqual([
      ['a', 'removed'],
      ['b', 'second'],
      ['c', undefined],
    ])
    removed[Symbol.dispose]()
    seen.clear()
    request.run('third', () => client.handle('a', handlerNamed('a')))
    await deliver('a', 'b')
    expect([...seen].map(([name, stores]) => [name, ...stores])).toEqual([
      ['a', 'third'],
      ['b', 'second'],
    ])
  })

  test('an event behind the messages runs in the context of connect()', async () => {
    const { client, connection } = await online({ reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 } })
    const stores: (string | undefined)[] = []
    client.on('offline', () => stores.push(request.getStore()))
    request.run('subscribed', () => client.handle('a', () => stores.push(request.getStore())))
    connection.send(message('a'))
    await quiet()
    connection.send(...many('a'), { type: 'pingreq' })
    await quiet()
    expect(stores).toEqual([...Array.from({ length: 301 }, () => 'subscribed'), undefined])
  })

  test('onHandlerError runs in the context of the client, whose handler it was that failed before', async () => {
    const stores: (string | undefined)[] = []
    const { client, connection } = await online({
      onHandlerError: () => {
        stores.push(request.getStore())
        return 'acknowledge'
      },
    })
    request.run('sound', () => client.handle('a', () => {}))
    request.run('failing', () =>
      client.handle('b', () => {
        throw new Error('no')
      }),
    )
    request.run('rejecting', () => client.handle('c', () => Promise.reject(new Error('no'))))
    connection.send(message('a'))
    await quiet()
    connection.send(...many('a'), message('b'), message('c'))
    await quiet()
    expect(stores).toEqual([undefined, undefined])
  })

  test('a handler that removes its own route leaves nothing of its context behind', async () => {
    const { client, connection } = await online()
    const context = new AsyncLocalStorage<object>()
    function handleOnce(): WeakRef<object> {
      const store = { of: 'the handler' }
      context.run(store, () => {
        const route = client.handle('a', () => route[Symbol.dispose]())
      })
      return new WeakRef(store)
    }
    const store = handleOnce()
    connection.send(message('a'))
    await quiet()
    expect(client.stats.unclaimed).toBe(0)
    // Newer releases of Node keep the context of a tick for some turns.
    for (let turn = 0; turn < 20; turn += 1) await collectGarbage()
    expect(store.deref()).toBeUndefined()
  })

  test('a handler that awaits may call end(), and a handler that started behind it too', async () => {
    const { client, connection } = await online()
    const ended: number[] = []
    client.handle('first', () => {})
    client.handle('end', async () => {
      await quiet()
      await client.end()
      ended.push(1)
    })
    connection.send(...many('first'))
    await quiet()
    connection.send(...many('first'), message('end'), ...many('first'))
    await client.closed
    await quiet()
    expect(ended).toEqual([1])
  })
})
