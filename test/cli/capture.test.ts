import { readFileSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readCapture } from '../../src/explain/capture/capture-file.js'
import { readConnections } from '../../src/explain/capture/connections.js'
import { readConversation } from '../../src/explain/capture/conversation.js'
import { segmentOf } from '../../src/explain/capture/tcp-segment.js'
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

/** The sum of a TCP segment in an IPv6 packet, with the addresses, the length and the protocol: 0xffff if it is right. */
function sumOf(packet: Uint8Array): number {
  const counted = Buffer.from([...packet.subarray(8), 0].slice(0, (packet.length - 7) & ~1))
  let sum = 6 + packet.length - 40
  for (let at = 0; at < counted.length; at += 2) sum += counted.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return sum
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

  it('has TCP as a card would send it: numbers, sums and times', async () => {
    const broker = await startBroker()
    const file = temporaryFile('tcp.pcapng')
    const before = Date.now() * 1_000
    await run(['pub', ...broker.address, '-t', 'a', '-m', 'odd', '-q', '2', '--capture', file])
    const frames = readCapture(readFileSync(file))?.frames ?? []
    const next = new Map<number, number>()
    for (const { bytes, atUs, linkType } of frames) {
      const segment = segmentOf({ bytes, atUs, linkType })
      if (typeof segment === 'string') throw new Error(segment)
      const { source, destination, sequence, isSyn, isAck, payloadBytes } = segment
      expect(sumOf(bytes)).toBe(0xffff)
      expect(sequence).toBe(next.get(source.port) ?? 0)
      expect(Buffer.from(bytes).readUInt32BE(48)).toBe(isAck ? next.get(destination.port) : 0)
      // As large as it can be: Wireshark marks what goes beyond it.
      expect(Buffer.from(bytes).readUInt16BE(54)).toBe(0xffff)
      next.set(source.port, sequence + payloadBytes + (isSyn ? 1 : 0))
      expect(atUs).toBeGreaterThanOrEqual(before - 1_000)
      expect(atUs).toBeLessThanOrEqual(Date.now() * 1_000 + 1_000)
    }
    expect(frames.length).toBeGreaterThan(9)
    expect(readFileSync(file).includes('IP and TCP are made up')).toBe(true)
  })

  it('has the bytes of a packet that is malformed, and those of the next one', async () => {
    const broker = await startBroker()
    const file = temporaryFile('malformed.pcapng')
    const command = start(['sub', ...broker.address, '-t', 'v/#', '-C', '2', '--capture', file])
    const connection = await broker.server.accepts()
    await broker.server.receives('subscribe')
    connection.sendBytes(Buffer.from('320a0005762f612b62000178' + '3005000276617a', 'hex'))
    expect((await command.end()).code).toBe(0)
    const written = readFileSync(file)
    expect(written.toString('hex').match(/320a0005762f612b62000178|3005000276617a/g)).toEqual([
      '320a0005762f612b62000178',
      '3005000276617a',
    ])
  })

  it('ends with 74 where the file cannot be written', async () => {
    const { code, stderr } = await run(['pub', '-t', 'a', '-m', 'x', '--capture', '/nowhere/a.pcapng'])
    expect([code, stderr]).toEqual([74, 'mqtt311: the file of --capture cannot be written (ENOENT)\n'])
  })
})
