import { once } from 'node:events'
import tls from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import * as material from '../../../fixtures/tls/index.js'
import type { CertificateOptions, ClientOptions, CredentialsAttempt } from '../../../src/index.js'
import { MqttClient } from '../../../src/index.js'
import { TestServer } from '../../../src/testing/index.js'
import { clientOf, event, rejectionOf } from '../peers/client-on-pipe.js'
import { FakeServer } from '../peers/fake-server.js'

const { ca, client: first, otherName: second } = material
const quick = { reconnect: { minDelayMs: 1, maxDelayMs: 1 } }

/** A server that asks for certificates and takes any; it notes whose each connection showed, and whether its TLS session was resumed. */
async function certificateServer() {
  const broker = new TestServer()
  const connections: { name: unknown; resumed: boolean }[] = []
  const options = { ...material.server, requestCert: true, rejectUnauthorized: false }
  const server = tls.createServer(options, (socket) => {
    connections.push({ name: socket.getPeerCertificate().subject?.CN, resumed: socket.isSessionReused() })
    const pipe = broker.stream()
    socket.on('error', () => {}).on('close', () => pipe.destroy())
    pipe.on('error', () => {}).on('close', () => socket.destroy())
    socket.pipe(pipe).pipe(socket)
  })
  server.listen(0, '::1')
  await once(server, 'listening')
  onTestFinished(async () => {
    await broker.close()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return { broker, connections, url: `mqtts://[::1]:${address.port}` }
}

/** Connects once for each answer of `credentials`; the server cuts every connection but the last one. */
async function connections(
  answers: readonly (CertificateOptions | undefined)[],
  options: ClientOptions['tls'] = { ca },
): Promise<readonly { name: unknown; resumed: boolean }[]> {
  const { broker, connections, url } = await certificateServer()
  let asked = 0
  const client = new MqttClient({
    ...quick,
    url,
    tls: options,
    credentials: () => ({ clientId: 'meter', tls: answers[asked++] }),
  })
  onTestFinished(() => client.destroy())
  await client.connect()
  while (asked < answers.length) {
    const online = event(client, 'online')
    broker.cut()
    await online
  }
  return connections
}

describe('a certificate that credentials returns', () => {
  test('is shown at the next attempt, in a full handshake: a resumed one would show none', async () => {
    expect(await connections([first, first, second, second, first])).toEqual([
      { name: 'fixture client', resumed: false },
      { name: 'fixture client', resumed: true },
      { name: 'other.example', resumed: false },
      { name: 'other.example', resumed: true },
      { name: 'fixture client', resumed: false },
    ])
  })

  test('is read anew from bytes that the program has changed in place', async () => {
    const { connections, url, broker } = await certificateServer()
    const cert = Buffer.from(first.cert.padEnd(2_000))
    const key = Buffer.from(first.key.padEnd(2_000))
    const client = new MqttClient({ ...quick, url, tls: { ca }, credentials: () => ({ tls: { cert, key } }) })
    onTestFinished(() => client.destroy())
    await client.connect()
    cert.fill(' ').write(second.cert)
    key.fill(' ').write(second.key)
    const online = event(client, 'online')
    broker.cut()
    await online
    expect(connections.map(({ name }) => name)).toEqual(['fixture client', 'other.example'])
  })

  test('replaces that of the option tls, which counts again when none is returned', async () => {
    expect(await connections([second, undefined, {}, second], { ca, ...first })).toMatchObject([
      { name: 'other.example' },
      { name: 'fixture client' },
      { name: 'fixture client' },
      { name: 'other.example' },
    ])
  })

  test('replaces its passphrase too', async () => {
    const encrypted = { passphrase: 'of another key' }
    expect(await connections([first], { ca, ...encrypted })).toMatchObject([{ name: 'fixture client' }])
  })

  test('leaves the certificate of the option tls alone when it is only a root', async () => {
    expect(await connections([{ ca }], first)).toMatchObject([{ name: 'fixture client' }])
  })

  test('takes away the root that was trusted before', async () => {
    const { broker, url } = await certificateServer()
    const roots = [ca, material.unknownIssuer.cert]
    const client = new MqttClient({ ...quick, url, credentials: () => ({ tls: { ca: roots.shift() } }) })
    onTestFinished(() => client.destroy())
    await client.connect()
    broker.cut()
    await event(client, 'offline')
    expect((await event(client, 'offline')).error).toMatchObject({ reason: 'certificate-untrusted' })
  })

  test('without its key is an attempt that failed, and is asked for again', async () => {
    const { connections, url, broker } = await certificateServer()
    const answers = [first, { cert: first.cert, key: second.key }, second]
    const errors: unknown[] = []
    const client = new MqttClient({
      ...quick,
      url,
      tls: { ca },
      credentials: ({ lastError }) => {
        errors.push(lastError)
        return { tls: answers[errors.length - 1] }
      },
    })
    onTestFinished(() => client.destroy())
    await client.connect()
    broker.cut()
    await event(client, 'online')
    expect(connections.map(({ name }) => name)).toEqual(['fixture client', 'other.example'])
    expect(errors[2]).toMatchObject({
      reason: 'credentials',
      message: expect.stringMatching(/the tls that credentials returned cannot be used: .*key values mismatch/),
    })
  })

  test.each<[string, () => MqttClient, RegExp]>([
    [
      'beside a stream',
      () => clientOf(new FakeServer(), { credentials: () => ({ tls: first }) }),
      /the option stream opens the connection: use them in stream/,
    ],
    [
      'without TLS',
      () => new MqttClient({ url: 'mqtt://[::1]:1', credentials: () => ({ tls: first }) }),
      /no server has TLS: write mqtts:\/\//,
    ],
    [
      'beside a secureContext',
      () =>
        new MqttClient({
          url: 'mqtts://[::1]:1',
          tls: { secureContext: tls.createSecureContext({ ca }) },
          credentials: () => ({ tls: first }),
        }),
      /tls\.secureContext: leave one of them out/,
    ],
    [
      'under a name that does not exist',
      () => new MqttClient({ url: 'mqtts://[::1]:1', credentials: () => JSON.parse('{"tls": {"certificate": "x"}}') }),
      /the answer of credentials\.tls\.certificate is no option/,
    ],
    [
      'as a number',
      () => new MqttClient({ url: 'mqtts://[::1]:1', credentials: () => JSON.parse('{"tls": {"cert": 5}}') }),
      /options in tls cannot be used: .*cert/,
    ],
  ])('%s is a UsageError', async (_, make, message) => {
    expect(await rejectionOf(make().connect())).toMatchObject({
      code: 'MQTT_USAGE',
      message: expect.stringMatching(message),
    })
  })
})

test('credentials hears why the first connection failed, where that is tried again', async () => {
  const server = new FakeServer()
  server.unreachable = new Error('not yet')
  const asked: CredentialsAttempt['lastError'][] = []
  const client = clientOf(server, {
    reconnect: { ...quick.reconnect, retryInitial: true },
    credentials: ({ lastError }) => {
      asked.push(lastError)
      if (asked.length === 2) server.unreachable = undefined
      return { clientId: 'meter' }
    },
  })
  const connected = client.connect()
  await server.admitted()
  await connected
  expect(asked).toMatchObject([undefined, { code: 'MQTT_CONNECTION_LOST', cause: { message: 'not yet' } }])
})
