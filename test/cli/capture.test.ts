import { readFileSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readCapture } from '../../src/explain/capture/capture-file.js'
import { readConnections } from '../../src/explain/capture/connections.js'
import { readConversation } from '../../src/explain/capture/conversation.js'
import { buildCommand, run, start, temporaryFile } from './program.js'
import { startBroker } from './servers.js'

buildCommand()

function connectionsIn(file: string) {
  const capture = readCapture(readFileSync(file))
  if (capture === undefined || capture.fault !== undefined) throw new Error(capture?.fault ?? 'no capture')
  return readConnections(capture).connections.map((connection) => ({
    ...connection,
    lines: [...readConversation(connection.parts)].map(
      (event) => `${event.side}: ${event.is === 'packet' ? event.packet[0]?.title : event.text}`,
    ),
  }))
}

describe('--capture', () => {
  it('writes what pub and the server have said, in a file for its owner only', async () => {
    const broker = await startBroker()
    const file = temporaryFile('pub.pcapng')
    const args = ['-i', 'lamp', '-u', 'ann', '-P', 'secret', '-t', 'a', '-m', 'x', '-q', '2']
    expect(await run(['pub', ...broker.address, ...args, '--capture', file])).toMatchObject({ code: 0, stderr: '' })
    const [connection] = connectionsIn(file)
    expect(connection).toMatchObject({ server: { host: '[2001:db8::2]', port: 1883 }, begins: 'at SYN' })
    expect(connection?.lines).toEqual([
      'client: CONNECT  client "lamp", clean session, keep alive 60 s, user "ann", password (6 bytes)',
      'server: CONNACK  accepted',
      expect.stringMatching(/^client: PUBLISH {2}QoS 2, id \d+, topic "a", 1 byte$/),
      expect.stringMatching(/^server: PUBREC/),
      expect.stringMatching(/^client: PUBREL/),
      expect.stringMatching(/^server: PUBCOMP/),
      'client: DISCONNECT',
    ])
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('has a connection for each of sub, and messages that are longer than a segment', async () => {
    const broker = await startBroker()
    const file = temporaryFile('sub.pcapng')
    const command = start(['sub', ...broker.address, '-t', 'a', '-C', '2', '-F', '%l', '-d', '--capture', file])
    await broker.server.receives('subscribe')
    await broker.server.publish('a', Buffer.alloc(150_000))
    await command.wrote('stdout', '150000')
    broker.server.cut()
    await broker.server.receives('subscribe')
    await broker.server.publish('a', 'x')
    expect((await command.end()).code).toBe(0)
    const connections = connectionsIn(file)
    expect(connections.map(({ lines }) => lines.at(-1))).toEqual([
      'server: PUBLISH  QoS 0, topic "a", 150,000 bytes',
      'client: DISCONNECT',
    ])
  })

  it('ends with 74 where the file cannot be written', async () => {
    const { code, stderr } = await run(['pub', '-t', 'a', '-m', 'x', '--capture', '/nowhere/a.pcapng'])
    expect([code, stderr]).toEqual([74, 'mqtt311: the file of --capture cannot be written (ENOENT)\n'])
  })
})
