/** The records of TLS that come in one turn of the event loop, in a stream of small reads. The test says when the turn is over. */
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { ca } from '../../../fixtures/tls/index.js'
import { openSocket, TlsSettings } from '../../../src/transport/index.js'
import { ReadRests, type RestingSocket } from '../../../src/transport/rests/read-rests.js'
import { listenTls, watch } from '../loopback.js'
import { Relay } from '../relay.js'

const tls = new TlsSettings({ ca })
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Knows the socket that was read last. */
class WatchedRests extends ReadRests {
  socket: RestingSocket | undefined

  override wasRead(socket: RestingSocket, bytes: number): void {
    this.socket = socket
    super.wasRead(socket, bytes)
  }
}

/** A connection in such a stream. `burst` sends each text as a record of its own, all in one segment, and waits until the first has come. */
async function streaming(answers?: boolean[]) {
  let turnOver: (() => void) | undefined
  const rests = new WatchedRests({
    now: () => 0,
    afterTurn: (action) => {
      turnOver = action
    },
    afterRest: () => () => {},
  })
  const { accepted, port } = await listenTls()
  const relay = await Relay.to(port)
  const chunks: string[] = []
  const client = watch(openSocket({ endpoint: { host: '::1', port: relay.port, tls: true }, tls, rests }), {
    received: (transport, chunk) => {
      chunks.push(String(chunk))
      if (answers !== undefined) answers.push(transport.write(Buffer.of(1)))
    },
  })
  const [remote] = await Promise.all([accepted(), client.peer])
  let sent = 0
  for (const _ of ['the first read', 'the second read, which makes it a stream']) {
    remote.write('.')
    sent += 1
    await client.until(sent)
    turnOver?.()
  }
  chunks.length = 0
  const burst = async (texts: readonly string[], end?: 'end') => {
    relay.mode = 'collect'
    // Node makes a record when the one before has gone.
    for (const text of texts) await new Promise((resolve) => remote.write(text, resolve))
    if (end !== undefined) {
      remote.end()
      await once(remote, 'finish')
    }
    await turn()
    relay.release()
    await client.until(sent + 1)
    sent += texts.join('').length
    await turn()
  }
  return { ...client, chunks, burst, relay, rests, endTurn: () => turnOver?.() }
}

const letters = ['a', 'b', 'c', 'd', 'e']

describe('the records of one turn', () => {
  it('are handed over at its end as one chunk, behind the first, which does not wait', async () => {
    const { chunks, burst, endTurn } = await streaming()
    await burst(letters)
    expect(chunks).toEqual(['a'])
    endTurn()
    expect(chunks).toEqual(['a', 'bcde'])
    await burst(letters)
    endTurn()
    expect(chunks).toEqual(['a', 'bcde', 'a', 'bcde'])
  })

  it('wait as long as a pause that begins before its end, and keep their order', async () => {
    const { chunks, burst, endTurn, transport, until } = await streaming()
    await burst(letters)
    transport.pause()
    endTurn()
    expect(transport.wake()).toBe(false)
    expect(chunks).toEqual(['a'])
    transport.resume()
    await until(2 + letters.length)
    expect(chunks.join('')).toBe('abcde')
  })

  it('that are handed over behind the turn begin none: the next record does not wait', async () => {
    const { chunks, burst, endTurn, transport, rests } = await streaming()
    await burst(letters)
    transport.pause()
    endTurn()
    transport.resume()
    rests.socket?.handOver()
    await burst(letters)
    expect(chunks).toEqual(['a', 'bcde', 'a'])
  })

  it('are handed over before the end of the connection, so that they can be answered', async () => {
    const answers: boolean[] = []
    const { chunks, burst, closed } = await streaming(answers)
    await burst(letters, 'end')
    expect(await closed).toBeUndefined()
    expect(chunks).toEqual(['a', 'bcde'])
    expect(answers).not.toContain(false)
  })

  it('are handed over before a broken connection is told', async () => {
    const { bytes, burst, closed, relay } = await streaming()
    await burst(letters)
    relay.break()
    expect(await closed).toMatchObject({ reason: 'reset' })
    expect(bytes().toString()).toBe('..abcde')
  })

  it('are input that was not read yet: no verdict on the server may come before they are handed over', async () => {
    const { burst, endTurn, transport } = await streaming()
    await burst(letters)
    expect(transport.wake()).toBe(true)
    endTurn()
    expect(transport.wake()).toBe(false)
  })

  it('do not gather without a bound', async () => {
    const { chunks, burst } = await streaming()
    await burst(Array(1_500).fill('x'))
    expect(chunks.join('').length).toBeGreaterThan(1_000)
  })

  it('are handed over before a large one', async () => {
    const { chunks, burst, endTurn } = await streaming()
    const large = 'L'.repeat(4_096)
    await burst(['a', 'b', 'c', large, 'd'])
    endTurn()
    expect(chunks).toEqual(['a', 'bc', large, 'd'])
  })

  it('are forgotten by `destroy`', async () => {
    const { chunks, burst, endTurn, transport, closed } = await streaming()
    await burst(letters)
    transport.destroy()
    endTurn()
    await closed
    expect(chunks).toEqual(['a'])
  })
})
