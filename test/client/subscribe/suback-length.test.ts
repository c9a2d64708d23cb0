import { expect, test } from 'vitest'
import { event, online, quiet, rejectionOf } from '../peers/client-on-pipe.js'

const patient = {
  reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 },
  profile: { name: 'a server of long SUBSCRIBEs', maxFiltersPerSubscribe: 5_000 },
}
const filters = (count: number) => Array.from({ length: count }, (_, index) => `f/${index}`)
const codes = (count: number) => new Uint8Array(count)

/** The fixed header of a SUBACK of 16 MiB less three bytes, which `maxPacketBytes` allows. */
const header = Buffer.of(0x90, 0xf8, 0xff, 0xff, 0x07)

test('a SUBACK of 16 MiB for nothing ends the connection at its fixed header, although maxPacketBytes allows it [MQTT-3.8.4-5]', async () => {
  const { client, connection } = await online(patient)
  const offline = event(client, 'offline')
  connection.sendBytes(header)
  const { error } = await offline
  expect(error).toMatchObject({ code: 'MQTT_MALFORMED_PACKET', fault: 'packet-too-large', statement: 'MQTT-3.8.4-5' })
  await connection.closed
})

test('a large SUBSCRIBE allows its own SUBACK once', async () => {
  const { client, connection } = await online(patient)
  const subscribed = client.subscribe(filters(5_000), () => {})
  const { packetId } = await connection.next('subscribe')
  connection.send({ type: 'suback', packetId, returnCodes: codes(5_000) })
  expect((await subscribed).granted).toHaveLength(5_000)
  const offline = event(client, 'offline')
  connection.send({ type: 'suback', packetId, returnCodes: codes(1_023) })
  expect((await offline).error).toMatchObject({ fault: 'packet-too-large' })
})

test('a large SUBSCRIBE that was aborted may still be answered', async () => {
  const { client, connection } = await online(patient)
  const aborter = new AbortController()
  const subscribed = rejectionOf(client.subscribe(filters(5_000), { signal: aborter.signal }, () => {}))
  const { packetId } = await connection.next('subscribe')
  aborter.abort()
  await subscribed
  connection.send({ type: 'suback', packetId, returnCodes: codes(5_000) })
  await quiet()
  expect(client.state).toBe('online')
})
