/** How much memory a client takes at the peak when a new connection makes it send everything again. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { encodePacket, PacketDecoder } from 'mqtt311/codec'
import { alternate, compared, roundsOf } from '../measure/rounds.js'
import type { Effort, Table } from '../part.js'
import type { ResendJob } from './resend-subject.js'

const connackSessionPresent = Buffer.from([0x20, 2, 1, 0])

/** Answers CONNECT, then resolves when so many messages have been read. */
function readMessages(socket: Socket, count: number, answer: 'none' | 'acknowledge'): Promise<void> {
  const decoder = new PacketDecoder()
  socket.on('error', () => {})
  return new Promise((resolve) => {
    let read = 0
    socket.on('data', (chunk) =>
      decoder.decode(chunk, (packet) => {
        if (packet.type === 'connect') socket.write(connackSessionPresent)
        if (packet.type !== 'publish' || packet.qos === 0) return
        // MQTT.js sends a message again when the one before it has been acknowledged.
        if (answer === 'acknowledge') socket.write(encodePacket({ type: 'puback', packetId: packet.packetId }))
        read += 1
        if (read === count) resolve()
      }),
    )
  })
}

/** Bytes at the peak above what was held when the connection was cut. */
async function peakOf(job: Omit<ResendJob, 'port'>): Promise<number> {
  const server = createServer().listen(0, '::1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  const execArgv = [...process.execArgv, '--expose-gc']
  const subject = fork(new URL('./resend-subject.ts', import.meta.url), { execArgv })

  const firstConnection = once(server, 'connection')
  subject.send({ ...job, port: address.port } satisfies ResendJob)
  const [first]: Socket[] = await firstConnection
  if (first === undefined) throw new Error('nobody connected')
  await readMessages(first, job.count, 'none')
  subject.send('everything has been read')
  await once(subject, 'message')

  const secondConnection = once(server, 'connection')
  first.destroy()
  const [second]: Socket[] = await secondConnection
  if (second === undefined) throw new Error('nobody connected again')
  const everything = readMessages(second, job.count, 'acknowledge')
  // A server that is busy for a moment is where output gathers that nobody holds back.
  await once(second, 'data')
  second.pause()
  await pause(300)
  second.resume()
  await everything
  subject.send('everything has been read again')
  const [peak]: number[] = await once(subject, 'message')
  second.destroy()
  server.close()
  if (peak === undefined) throw new Error('the process told nothing')
  return peak
}

export async function resend(effort: Effort): Promise<Table> {
  const rounds = roundsOf(effort, 3)
  const [count, payloadBytes] = effort === 'full' ? [1_024, 65_536] : [16, 65_536]
  const mebibytes = (count * payloadBytes) / 1_048_576
  const by = (holder: 'ours' | 'theirs') => () => peakOf({ holder, count, payloadBytes })
  return {
    id: 'memory-resend',
    title: 'Memory at the peak of a resend',
    how:
      `${mebibytes} MiB of unacknowledged messages at QoS 1 are sent again to a server that does not read for 300 ms: resident memory at ` +
      `its peak above what was held when the connection was cut; medians of ${rounds} processes each, in turns.`,
    rival: 'MQTT.js',
    rows: [
      {
        work: `${mebibytes} MiB sent again`,
        unit: 'MB',
        ...compared(await alternate(rounds, by('ours'), by('theirs')), 'less', (bytes) => bytes / 1_000_000),
      },
    ],
    notes: [],
  }
}
