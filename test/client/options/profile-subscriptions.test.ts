import { describe, expect, it } from 'vitest'
import { type ClientOptions, type ServerProfile, SubscribeRefusedError, UsageError } from '../../../src/index.js'
import { memoryStore } from '../../../src/store/index.js'
import { clientOf, event, online, quiet, rejectionOf, watch } from '../peers/client-on-pipe.js'
import { type FakeConnection, FakeServer } from '../peers/fake-server.js'

const few: ServerProfile = { name: 'the platform', maxFiltersPerSubscribe: 3, maxSubscriptions: 10 }
const filters = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `f/${from + index}`)

/** The filters of each SUBSCRIBE so far. */
function asked(connection: FakeConnection): string[][] {
  return connection.all('subscribe').map(({ subscriptions }) => subscriptions.map(({ filter }) => filter))
}

function dropped(connection: FakeConnection): string[][] {
  return connection.all('unsubscribe').map((packet) => packet.filters.map(String))
}

/**
 * Answers the SUBSCRIBEs with these indices, in this order. `codes` has the Return Codes; without them all filters are
 * granted.
 */
function answer(connection: FakeConnection, order: readonly number[], codes: Readonly<Record<number, number[]>> = {}) {
  const requests = connection.all('subscribe')
  for (const index of order) {
    const request = requests[index]
    if (request === undefined) throw new Error(`there is no SUBSCRIBE ${index}`)
    const granted = request.subscriptions.map(({ qos }) => qos)
    connection.send({ type: 'suback', packetId: request.packetId, returnCodes: codes[index] ?? granted })
  }
}

const onlineWith = (options: ClientOptions = {}) => online({ profile: few, ...options })

describe('more filters than one SUBSCRIBE may hold', () => {
  it('go in several, whose results are joined in the order of the filters', async () => {
    const { client, connection } = await onlineWith()
    const subscribing = client.subscribe(filters(7), { qos: 1 })
    const watched = watch(subscribing)
    await quiet()
    expect(asked(connection)).toEqual([filters(3), filters(3, 3), filters(1, 6)])
    answer(connection, [0, 1])
    await quiet()
    expect(watched.state).toBe('pending')
    answer(connection, [2], { 2: [0] })
    const { granted } = await subscribing
    expect(granted).toEqual(filters(7).map((filter, index) => ({ filter, qos: index === 6 ? 0 : 1 })))
  })

  it('keep that order although the answers come in another', async () => {
    const { client, connection } = await onlineWith()
    const subscribing = client.subscribe(filters(7))
    await quiet()
    answer(connection, [2, 0, 1])
    expect((await subscribing).granted.map(({ filter }) => filter)).toEqual(filters(7))
  })

  it('exactly as many go in one', async () => {
    const { client, connection } = await onlineWith()
    client.subscribe(filters(3))
    await quiet()
    expect(asked(connection)).toEqual([filters(3)])
  })

  it('are all taken back when one of them is refused, and the refused are named', async () => {
    const { client, connection } = await onlineWith()
    const refused = rejectionOf(client.subscribe(filters(7), () => {}))
    await quiet()
    answer(connection, [0, 1], { 1: [0, 0x80, 0] })
    await quiet()
    expect(dropped(connection)).toEqual([])
    answer(connection, [2])
    const error = await refused
    expect(error).toBeInstanceOf(SubscribeRefusedError)
    expect(error).toMatchObject({ filters: ['f/4'] })
    await quiet()
    expect(dropped(connection)).toEqual([
      ['f/0', 'f/1', 'f/2'],
      ['f/3', 'f/5', 'f/6'],
    ])
  })

  it('are all taken back when the wait is aborted between two answers', async () => {
    const { client, connection } = await onlineWith()
    const giveUp = new AbortController()
    const aborted = rejectionOf(client.subscribe(filters(6), { signal: giveUp.signal }))
    await quiet()
    answer(connection, [0])
    await quiet()
    giveUp.abort(new Error('given up'))
    expect(await aborted).toHaveProperty('message', 'given up')
    await quiet()
    expect(dropped(connection)).toEqual([filters(3)])
    answer(connection, [1])
    await quiet()
    expect(dropped(connection)).toEqual([filters(3), filters(3, 3)])
  })

  it('are asked for again, as many as are unanswered, when the connection is lost between two answers', async () => {
    const { client, connection, server } = await onlineWith({
      cleanSession: false,
      clientId: 'c',
      reconnect: { minDelayMs: 1, maxDelayMs: 1 },
    })
    const subscribing = client.subscribe(filters(6))
    await quiet()
    answer(connection, [0])
    await quiet()
    connection.cut()
    await event(client, 'offline')
    server.serve()
    const again = await server.admitted(true)
    expect((await subscribing).granted.map(({ filter }) => filter)).toEqual(filters(6))
    expect(asked(again)).toEqual([filters(3, 3)])
  })

  it('leave in several UNSUBSCRIBEs, and the last UNSUBACK settles', async () => {
    const { client, connection } = await onlineWith()
    const leaving = client.unsubscribe(filters(4))
    const watched = watch(leaving)
    await quiet()
    expect(dropped(connection)).toEqual([filters(3), filters(1, 3)])
    const [first, second] = connection.all('unsubscribe')
    if (first === undefined || second === undefined) throw new Error('two were expected')
    connection.send({ type: 'unsuback', packetId: first.packetId })
    await quiet()
    expect(watched.state).toBe('pending')
    connection.send({ type: 'unsuback', packetId: second.packetId })
    await leaving
  })

  it('leave so too with the subscription that they belong to', async () => {
    const { client, connection } = await onlineWith()
    connection.serve()
    const subscription = await client.subscribe(filters(5))
    await subscription.unsubscribe()
    expect(dropped(connection)).toEqual([filters(3), filters(2, 3)])
  })

  it('are subscribed again in several after the session was lost', async () => {
    const { client, connection, server } = await onlineWith({ reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
    connection.serve()
    await client.subscribe(filters(7))
    const back = event(client, 'online')
    connection.cut()
    const again = await server.admitted()
    await back
    await quiet()
    expect(asked(again)).toEqual([filters(3), filters(3, 3), filters(1, 6)])
  })

  it('go in one to a server without such a limit', async () => {
    const { client, connection } = await online()
    client.subscribe(filters(500))
    await quiet()
    expect(asked(connection)).toEqual([filters(500)])
  })
})

describe('more subscriptions than a server allows', () => {
  const refusal = 'this would make 11 subscriptions, but the platform takes at most 10 (profile.maxSubscriptions)'

  it('are refused before a byte is written', async () => {
    const { client, connection } = await onlineWith()
    connection.serve()
    await client.subscribe(filters(8))
    const before = connection.received.length
    const error = await rejectionOf(client.subscribe(filters(3, 8)))
    expect(error).toBeInstanceOf(UsageError)
    expect(error).toHaveProperty('message', refusal)
    await quiet()
    expect(connection.received).toHaveLength(before)
    await client.subscribe(filters(2, 8))
  })

  it('are counted by filter, however often one is subscribed', async () => {
    const { client, connection } = await onlineWith()
    connection.serve()
    await client.subscribe([...filters(10), 'f/0'])
    await client.subscribe(filters(10))
  })

  it('are fewer after one was given up', async () => {
    const { client, connection } = await onlineWith()
    connection.serve()
    const subscription = await client.subscribe(filters(9))
    await client.subscribe('other')
    await subscription.unsubscribe()
    await client.subscribe(filters(9, 100))
    await client.unsubscribe('other')
    await client.subscribe('another')
  })

  it('are refused as well when all of them wait for the session store', async () => {
    let open = () => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    const inner = memoryStore()
    const store = {
      durable: inner.durable,
      append: inner.append.bind(inner),
      close: inner.close.bind(inner),
      open: async (sessionId: string) => {
        await opened
        return inner.open(sessionId)
      },
    }
    const server = new FakeServer()
    server.serve()
    const client = clientOf(server, { profile: few, store, clientId: 'c', cleanSession: false })
    const connected = client.connect()
    const fine = client.subscribe(filters(10))
    const refused = rejectionOf(client.subscribe('one more'))
    open()
    await server.admitted()
    await connected
    expect(await refused).toHaveProperty('message', refusal)
    await fine
  })
})
