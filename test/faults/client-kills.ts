import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connect } from 'mqtt311'
import { Broker, roomy } from '../mosquitto/broker.js'
import { Seed } from './seed.js'
import { type Score, Tally } from './tally.js'

export interface ClientKills {
  readonly scores: Readonly<Record<1 | 2, Score>>
  readonly kills: number
  /** Kills that came before the process had its connection: while it started, or read its journal. */
  readonly early: number
  readonly seconds: number
}

/** What one life of the process may publish at most. */
const messagesInOneLife = 400

/**
 * A process that publishes `until: 'stored'` is killed again and again with -9. Whatever it had been promised has to reach the consumer,
 * and nothing at QoS 2 may reach it twice.
 */
export async function killClient(options: { readonly kills: number; readonly seed: number }): Promise<ClientKills> {
  const start = performance.now()
  const seed = new Seed(options.seed)
  await using broker = await Broker.start({ settings: roomy })
  const directory = await mkdtemp(path.join(os.tmpdir(), 'mqtt311-kills-'))
  const tallies = { 1: new Tally(), 2: new Tally() } as const
  const consumer = await connect(broker.url, { clientId: 'consumer', cleanSession: false })
  try {
    const ended = consumer.subscribe('load/end', { qos: 2 })
    await consumer.subscribe('load/1', { qos: 1 }, (message) => tallies[1].receive(Number(message.text())))
    await consumer.subscribe('load/2', { qos: 2 }, (message) => tallies[2].receive(Number(message.text())))
    await ended
    const ledger = path.join(directory, 'ledger')
    await writeFile(ledger, '')
    let early = 0
    for (let life = 0; life < options.kills; life += 1) {
      const victim = startVictim(broker, directory, ledger, life * messagesInOneLife, messagesInOneLife)
      if ((await killInTime(victim, seed)) === 'early') early += 1
    }
    await finish(startVictim(broker, directory, ledger, 0, 0))
    await lastArrived(broker, consumer)
    for (const line of (await readFile(ledger, 'utf8')).split('\n')) {
      if (line !== '') tallies[Number(line) % 2 === 0 ? 1 : 2].promise(Number(line))
    }
    const scores = { 1: tallies[1].score, 2: tallies[2].score }
    return { scores, kills: options.kills, early, seconds: (performance.now() - start) / 1000 }
  } finally {
    consumer.destroy()
    await rm(directory, { recursive: true, force: true })
  }
}

function startVictim(broker: Broker, directory: string, ledger: string, first: number, count: number): ChildProcess {
  const program = fileURLToPath(new URL('victim.ts', import.meta.url))
  const session = path.join(directory, 'session')
  return fork(program, [broker.url, session, ledger, String(first), String(count)], { execArgv: ['--import', 'tsx'] })
}

/** One kill in eight comes while the process starts; the others while it publishes and is acknowledged. */
async function killInTime(victim: ChildProcess, seed: Seed): Promise<'early' | 'connected'> {
  const ended = once(victim, 'exit')
  const connected = once(victim, 'message').then(() => 'connected' as const)
  connected.catch(() => {})
  const early = seed.next() < 1 / 8
  const moment = early ? delay(seed.between(200, 800)).then(() => 'early' as const) : connected
  const unexpected = ended.then(([code, signal]) => {
    throw new Error(`the process ended with ${code ?? signal} before it was killed`)
  })
  const when = await Promise.race([moment, unexpected])
  if (!early) await Promise.race([delay(seed.between(0, 150)), unexpected])
  victim.kill('SIGKILL')
  unexpected.catch(() => {})
  await ended
  return when
}

async function finish(victim: ChildProcess): Promise<void> {
  const [code, signal] = await once(victim, 'exit')
  if (code !== 0) throw new Error(`the process that should deliver what was stored ended with ${code ?? signal}`)
}

/** A message at QoS 2 that is published now stands behind all others in the consumer's session. */
async function lastArrived(broker: Broker, consumer: Awaited<ReturnType<typeof connect>>): Promise<void> {
  const arrived = new Promise<void>((resolve) => consumer.handle('load/end', () => resolve()))
  const publisher = await connect(broker.url)
  await publisher.publish('load/end', '', { qos: 2 })
  await publisher.end()
  await arrived
}
