/**
 * What has to hold in each runtime. A check is a claim and a function that throws if the claim is wrong. This file is a part of the
 * program that runs there, so it imports only the package, by its name, and modules of Node.
 */
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import {
  type AnyMqttError,
  type ClientOptions,
  type ConnectionLostError,
  connect,
  isMqttError,
  MqttClient,
} from 'mqtt311'
import { fileStore } from 'mqtt311/store'
import { testServer } from 'mqtt311/testing'

interface Identity {
  readonly cert: string
  readonly key: string
}

/** What the command tells the program: the URLs of its servers, and certificates. */
export interface World {
  readonly plain: string
  readonly tls: string
  /** Wants a client certificate. */
  readonly mutual: string
  /** Never answers PUBLISH. */
  readonly silent: string
  /** The next three show a certificate that is wrong. */
  readonly expired: string
  readonly otherName: string
  readonly unknownIssuer: string
  readonly localSocket: string
  /** Nothing listens there. */
  readonly nobody: string
  readonly ca: string
  readonly server: Identity
  readonly client: Identity
  /** The program may write here. */
  readonly folder: string
}

/** A PUBLISH with this Topic Name makes a server of the command cut the connection. */
export const cutTopic = 'cut/me'

const soon = { minDelayMs: 10, maxDelayMs: 50 }

const uniqueId = (): string => `runtime-${Math.random().toString(36).slice(2)}`

/** A message of each QoS goes out and comes back, once and in order. */
async function exchange(options: ClientOptions, payload: string | Uint8Array = 'hello'): Promise<void> {
  const clientId = uniqueId()
  const client = await connect({ clientId, ...options })
  const messages = await client.messages(`${clientId}/#`, { qos: 2 })
  const published = Promise.all(
    ([0, 1, 2] as const).map((qos) => client.publish(`${clientId}/${qos}`, payload, { qos })),
  )
  const received: string[] = []
  for await (const { topic, qos, payload: bytes } of messages) {
    assert(Buffer.from(payload).equals(bytes))
    received.push(`${topic} at ${qos}`)
    if (received.length === 3) break
  }
  await published
  await client.ping()
  await client.end()
  assert.deepEqual(
    received,
    [0, 1, 2].map((qos) => `${clientId}/${qos} at ${qos}`),
  )
}

/** The error of a connection that must not come about. */
async function refused(connecting: Promise<MqttClient>): Promise<AnyMqttError> {
  const client = await connecting.catch((error: unknown) => {
    if (isMqttError(error)) return error
    throw error
  })
  if (!(client instanceof MqttClient)) return client
  await client.end()
  throw new Error('it connected')
}

async function lost(options: ClientOptions): Promise<ConnectionLostError> {
  const error = await refused(connect({ clientId: uniqueId(), ...options }))
  assert.equal(error.code, 'MQTT_CONNECTION_LOST', error.message)
  return error
}

/** Has the connection of a client cut, and waits for the next one. Gives what the channel says of it. */
async function reconnected(client: MqttClient): Promise<object> {
  let note: (event: unknown) => void = () => {}
  const back = new Promise<object>((resolve) => {
    note = (event) => {
      if (typeof event === 'object' && event !== null && 'client' in event && event.client === client) resolve(event)
    }
  })
  subscribe('mqtt311:connect', note)
  await client.publish(cutTopic, '')
  const event = await back
  unsubscribe('mqtt311:connect', note)
  return event
}

export const checks = {
  async 'speaks each QoS over TCP to [::1]'({ plain }) {
    await exchange({ url: plain })
  },

  async 'speaks each QoS over TLS to [::1]'({ tls, ca }) {
    await exchange({ url: tls, tls: { ca } })
  },

  async 'speaks each QoS over a local socket'({ localSocket }) {
    await exchange({ url: localSocket })
  },

  async 'goes on to the next address of a name, on TLS'({ tls, ca }) {
    const port = Number(tls.split(':').at(-1))
    const addresses = [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]
    await exchange({ host: 'localhost', port, tls: { ca, lookup: (_host, _options, done) => done(null, addresses) } })
  },

  async 'shows a client certificate'({ mutual, ca, client }) {
    await exchange({ url: mutual, tls: { ca, ...client } })
  },

  async 'says that a client certificate is missing'({ mutual, ca }) {
    const { message, reason } = await lost({ url: mutual, tls: { ca } })
    assert.match(message, /wants a client certificate: pass tls.cert and tls.key/)
    assert.equal(reason, 'tls')
  },

  async 'says that an issuer is not trusted'({ unknownIssuer, ca }) {
    assert.equal((await lost({ url: unknownIssuer, tls: { ca } })).reason, 'certificate-untrusted')
  },

  async 'says that a certificate has expired'({ expired, ca }) {
    assert.equal((await lost({ url: expired, tls: { ca } })).reason, 'certificate-expired')
  },

  async 'says that a certificate is for another name'({ otherName, ca }) {
    assert.equal((await lost({ url: otherName, tls: { ca } })).reason, 'certificate-name')
    await exchange({ url: otherName, tls: { ca, servername: 'other.example' } })
  },

  async 'says that nothing listens'({ nobody }) {
    assert.equal((await lost({ url: nobody })).reason, 'refused')
  },

  async 'resumes the TLS session when it reconnects'({ tls, ca }) {
    const client = await connect({ clientId: uniqueId(), url: tls, tls: { ca }, reconnect: soon })
    const event = await reconnected(client)
    await client.end()
    assert('peer' in event)
    assert.match(JSON.stringify(event.peer), /"resumed":true/)
  },

  async 'loses and doubles nothing at QoS 2 when the connection is cut'({ tls, ca }) {
    const clientId = uniqueId()
    const client = await connect({ clientId, url: tls, tls: { ca }, reconnect: soon, cleanSession: false })
    const received: string[] = []
    await client.subscribe(`${clientId}/#`, { qos: 2 }, (message) => void received.push(message.text()))
    const back = reconnected(client)
    await Promise.all(['a', 'b', 'c'].map((text) => client.publish(`${clientId}/x`, text, { qos: 2 })))
    await back
    await client.publish(`${clientId}/x`, 'd', { qos: 2 })
    while (received.length < 4) await client.ping()
    await client.end()
    assert.deepEqual(received, ['a', 'b', 'c', 'd'])
  },

  async 'sends and receives messages of 500 kB over TLS'({ tls, ca }) {
    await exchange({ url: tls, tls: { ca } }, Buffer.alloc(500_000, 'large '))
  },

  async 'gives a slow reader all messages, in order'({ tls, ca }) {
    const clientId = uniqueId()
    const client = await connect({ clientId, url: tls, tls: { ca }, receiveBufferBytes: 1_000, receiveWindow: 1 })
    const messages = await client.messages(`${clientId}/#`, { qos: 1, limit: 1 })
    const numbers = Array.from({ length: 100 }, (_, number) => number)
    const published = Promise.all(
      numbers.map((number) => client.publish(`${clientId}/x`, Buffer.alloc(10_000, number), { qos: 1 })),
    )
    const received: (number | undefined)[] = []
    for await (const { payload } of messages) {
      received.push(payload.at(-1))
      if (received.length === numbers.length) break
      await new Promise((resolve) => setImmediate(resolve))
    }
    await published
    await client.end()
    assert.deepEqual(received, numbers)
  },

  async 'recovers a message from a file store, and locks the directory'({ plain, silent, folder }) {
    const directory = mkdtempSync(join(folder, 'store-'))
    const session = () => ({ clientId: 'runtime', store: fileStore(directory) })
    const topic = `stored/${uniqueId()}`
    const first = await connect({ ...session(), url: silent })
    await first.publish(topic, 'kept', { qos: 2, retain: true, until: 'stored' })
    const { message: refusal } = await refused(connect({ ...session(), url: plain }))
    first.destroy()
    await first.closed
    assert.match(refusal, /in use by another store of this process/)
    const second = await connect({ ...session(), url: plain })
    for await (const message of await second.messages(topic)) {
      assert.equal(message.text(), 'kept')
      break
    }
    await second.end()
  },

  async 'calls handlers in the asynchronous context of their subscribe()'({ plain }) {
    const context = new AsyncLocalStorage<string>()
    const clientId = uniqueId()
    const client = await connect({ clientId, url: plain })
    const seen = await new Promise((resolve, reject) => {
      const handler = () => resolve(context.getStore())
      context
        .run('subscriber', () => client.subscribe(clientId, handler))
        .then(() => context.run('publisher', () => client.publish(clientId, '')))
        .catch(reject)
    })
    await client.end()
    assert.equal(seen, 'subscriber')
  },

  async 'ends a waiting call by an AbortSignal'({ silent }) {
    const client = await connect({ clientId: uniqueId(), url: silent })
    const abort = new AbortController()
    const published = client.publish('a', 'x', { qos: 1, signal: abort.signal })
    await client.ping()
    abort.abort(new Error('the program has given up'))
    await assert.rejects(published, /the program has given up/)
    client.destroy()
    await client.closed
  },

  async 'runs mqtt311/testing over TCP and TLS'({ server: identity, ca }) {
    for (const tls of [undefined, identity]) {
      const server = await testServer({ tls })
      await exchange({ url: server.url, tls: tls && { ca } })
      await server.close()
      assert.deepEqual(server.faults, [])
    }
  },
} satisfies Record<string, (world: World) => Promise<void>>

export type Claim = keyof typeof checks
