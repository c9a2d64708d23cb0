import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { connect } from 'mqtt311'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ca, client as clientIdentity } from '../../fixtures/tls/index.js'
import { Broker } from './broker.js'
import { connected, Inbox, onceOffline, onceOnline } from './client.js'

describe('a broker with a password file', () => {
  it('refuses whom it does not know, and the client says so at once', async () => {
    await using broker = await Broker.start({ users: { reader: 'right horse' } })
    const refusals = [
      { username: 'reader', password: 'wrong horse' },
      { username: 'nobody', password: 'right horse' },
      {},
    ]
    for (const credentials of refusals) {
      // mosquitto answers a wrong password with Return Code 5 as well.
      await expect(connect(broker.url, credentials)).rejects.toMatchObject({
        code: 'MQTT_CONNECTION_REFUSED',
        returnCode: 5,
      })
    }
    const client = await connected(broker, { username: 'reader', password: 'right horse' })
    await client.publish('x', '', { qos: 1 })
  })

  it('lets in whom `credentials` names anew at each attempt', async () => {
    await using broker = await Broker.start({ users: { reader: 'right horse' } })
    let asked = 0
    const credentials = async () => {
      asked += 1
      return { username: 'reader', password: Buffer.from('right horse') }
    }
    const client = await connected(broker, { credentials })
    const online = onceOnline(client)
    await broker.restart()
    await online
    expect(asked).toBeGreaterThan(1)
  })
})

describe('a certificate', () => {
  it.each([
    { certificate: 'expired', reason: 'certificate-expired' },
    { certificate: 'unknown-issuer', reason: 'certificate-untrusted' },
    { certificate: 'other-name', reason: 'certificate-name' },
  ] as const)('that is $certificate ends the first attempt with $reason', async ({ certificate, reason }) => {
    await using broker = await Broker.start({ certificate })
    await expect(connect(broker.tlsUrl, { tls: { ca } })).rejects.toMatchObject({
      code: 'MQTT_CONNECTION_LOST',
      reason,
    })
  })

  it('of a client is shown to a broker that requires one', async () => {
    await using broker = await Broker.start({ requireCertificate: true })
    await expect(connect(broker.tlsUrl, { tls: { ca }, reconnect: false })).rejects.toMatchObject({
      code: 'MQTT_CONNECTION_LOST',
    })
    const client = await connected(broker, { tls: { ca, ...clientIdentity } }, 'TLS')
    const inbox = new Inbox()
    await client.subscribe('x', { qos: 1 }, inbox.handle)
    await client.publish('x', 'let in', { qos: 1 })
    expect((await inbox.next()).text()).toBe('let in')
  })

  it('is not asked for on a port without TLS, and MQTT without TLS fails on the TLS port', async () => {
    await using broker = await Broker.start()
    const { host, port, tlsPort } = broker
    await expect(connect({ host, port, tls: { ca }, reconnect: false })).rejects.toMatchObject({
      code: 'MQTT_CONNECTION_LOST',
    })
    await expect(connect({ host, port: tlsPort, reconnect: false })).rejects.toMatchObject({
      code: 'MQTT_CONNECTION_LOST',
    })
  })
})

describe('a TLS session', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('of %s is resumed when the connection is made again', async (version) => {
    await using broker = await Broker.start()
    const peers: unknown[] = []
    const listen = (message: unknown) => peers.push(message)
    subscribe('mqtt311:connect', listen)
    onTestFinished(() => {
      unsubscribe('mqtt311:connect', listen)
    })
    const options = { clientId: 'resumer', tls: { ca, minVersion: version, maxVersion: version } }
    const client = await connected(broker, options, 'TLS')
    // A round trip, so that the tickets of TLS 1.3, which come after the handshake, have been read.
    await client.publish('x', '', { qos: 1 })
    const offline = onceOffline(client)
    const online = onceOnline(client)
    // [MQTT-3.1.4-2] Another client of the same name makes the broker close the connection, and keeps its TLS state.
    const intruder = await connected(broker, { clientId: 'resumer', reconnect: false })
    intruder.closed.catch(() => {})
    await offline
    await online
    const own = peers.filter((message) => isOf(client, message))
    expect(own).toMatchObject([
      { peer: { tls: { version, resumed: false } } },
      { peer: { tls: { version, resumed: true } } },
    ])
  })
})

function isOf(client: object, message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'client' in message && message.client === client
}
