/** Faults that other clients had, and that no other file tests. */
import { expect, test } from 'vitest'
import type { OfflineEvent } from '../../../src/index.js'
import { fakeTime, online, pass, quiet } from '../peers/client-on-pipe.js'
import { message } from '../peers/fake-server.js'

const quick = { reconnect: { minDelayMs: 1, maxDelayMs: 1 } }
const persistent = { cleanSession: false, clientId: 'c', ...quick }

test('messages published while a resend is under way survive a second cut, in order', async () => {
  const { client, connection, server } = await online({ ...persistent, maxInFlight: 3 })
  const published = [0, 1, 2, 3, 4].map((n) => client.publish('a', String(n), { qos: 1 }))
  await connection.next('publish')
  connection.cut()
  const second = await server.admitted(true)
  // The window has no room for all messages that are sent again. New messages wait behind those.
  await second.next('publish')
  published.push(...[5, 6, 7].map((n) => client.publish('a', String(n), { qos: 1 })))
  await quiet()
  second.cut()
  server.serve()
  const third = await server.admitted(true)
  await Promise.all(published)
  expect(third.all('publish').map(({ payload }) => Number(payload.toString()))).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
})

test('a wrong kind of acknowledgement ends the connection, and nothing behind it in the same chunk is looked at', async () => {
  const got: string[] = []
  const { client, connection } = await online({ ...quick, onMessage: ({ topic }) => got.push(topic) })
  client.publish('a', 'x', { qos: 1 }).catch(() => {})
  const publish = await connection.next('publish')
  const packetId = publish.qos === 0 ? 0 : publish.packetId
  connection.send({ type: 'pubrec', packetId }, message('behind', 1, 1))
  await connection.closed
  expect(got).toEqual([])
  expect(connection.names).toEqual(['connect', 'publish'])
})

test('a server that never answers a PUBLISH is tried again slowly, and each time is reported', async () => {
  fakeTime()
  const { client, connection, server } = await online({ cleanSession: false, clientId: 'c', ackTimeoutMs: 5_000 })
  const reports: OfflineEvent[] = []
  client.on('offline', (report) => reports.push(report))
  client.publish('a', 'x', { qos: 1 }).catch(() => {})
  await connection.next('publish')
  server.onConnection = (next) => {
    next.onPacket = ({ type }) => {
      if (type === 'connect') next.send({ type: 'connack', sessionPresent: true, returnCode: 0 })
    }
  }
  for (let seconds = 0; seconds < 600; seconds += 1) await pass(1_000)
  expect(server.attempts).toBeGreaterThan(2)
  // Without the back-off there would be 120 attempts in ten minutes, one every 5 s.
  expect(server.attempts).toBeLessThan(60)
  expect(reports.length).toBeGreaterThanOrEqual(server.attempts - 1)
  for (const { error } of reports) expect(error).toMatchObject({ operation: 'acknowledgement' })
})

test('a server that cuts at the same message each time is tried again slowly, and the message is named', async () => {
  fakeTime()
  const { client, connection, server } = await online({ cleanSession: false, clientId: 'c' })
  const reports: OfflineEvent[] = []
  client.on('offline', (report) => reports.push(report))
  server.onConnection = (next) => {
    next.onPacket = ({ type }) => {
      if (type === 'connect') next.send({ type: 'connack', sessionPresent: true, returnCode: 0 })
      if (type === 'publish') next.cut()
      if (type === 'pingreq') next.send({ type: 'pingresp' })
    }
  }
  client.publish('too/long', 'x', { qos: 1 }).catch(() => {})
  await connection.next('publish')
  connection.cut()
  for (let seconds = 0; seconds < 600; seconds += 1) await pass(1_000)
  expect(server.attempts).toBeLessThan(60)
  expect(reports.at(-1)?.error.message).toContain('"too/long"')
})
