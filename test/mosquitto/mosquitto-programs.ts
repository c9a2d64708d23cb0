/** `mosquitto_pub` and `mosquitto_sub`, the other side of the interoperability tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { QoS } from 'mqtt311/codec'
import { onTestFinished } from 'vitest'
import { type Broker, environment, explainMissing } from './broker.js'

/** The transport between a client and the broker. */
export type Via = 'TCP' | 'TLS'

export interface Printed {
  readonly topic: string
  readonly qos: number
  readonly retain: boolean
  readonly payload: Buffer
}

const caFile = fileURLToPath(new URL('../../fixtures/tls/ca.pem', import.meta.url))

function addressOf(broker: Broker, via: Via): readonly string[] {
  return via === 'TCP'
    ? ['-h', broker.host, '-p', String(broker.port)]
    : ['-h', broker.host, '-p', String(broker.tlsPort), '--cafile', caFile]
}

export interface PublishedByMosquitto {
  readonly topic: string
  readonly payload: string | Uint8Array
  readonly qos: QoS
  readonly retain?: boolean
  /** Each line of the payload is a message of its own. */
  readonly lines?: boolean
}

/** Resolves when mosquitto_pub has ended well. */
export async function publishWithMosquitto(broker: Broker, via: Via, message: PublishedByMosquitto): Promise<void> {
  const source = message.lines === true ? '-l' : message.payload.length === 0 ? '-n' : '-s'
  const program = spawn(
    'mosquitto_pub',
    [
      ...addressOf(broker, via),
      ...['-V', 'mqttv311', '-t', message.topic, '-q', String(message.qos), source],
      ...(message.retain === true ? ['-r'] : []),
    ],
    { stdio: ['pipe', 'ignore', 'inherit'], env: environment },
  )
  // It does not read what it does not ask for.
  if (source !== '-n') program.stdin.end(message.payload)
  await succeeded('mosquitto_pub', program)
}

async function succeeded(name: string, program: ChildProcess): Promise<void> {
  const [code, signal] = await once(program, 'exit').catch((error: unknown) => {
    throw explainMissing(error)
  })
  if (code !== 0) throw new Error(`${name} ended with ${code ?? signal}`)
}

/** A mosquitto_sub that has subscribed, and what it has printed. It is stopped when the test is over. */
export class MosquittoSub {
  readonly #messages: AsyncIterator<Printed>
  readonly #ended: Promise<void>

  private constructor(messages: AsyncIterator<Printed>, ended: Promise<void>) {
    this.#messages = messages
    this.#ended = ended
    ended.catch(() => {})
  }

  static async start(broker: Broker, via: Via, filter: string, qos: QoS): Promise<MosquittoSub> {
    // mosquitto_sub does not say in time that it has subscribed; a retained message on a topic of its own shows that it has.
    const signalTopic = `mosquitto-sub/${randomUUID()}`
    const program = spawn(
      'mosquitto_sub',
      [
        ...addressOf(broker, via),
        ...['-V', 'mqttv311', '-q', String(qos), '-t', filter, '-t', signalTopic],
        // The topic stands last: it may hold spaces.
        ...['-F', '%q %r %x %t'],
      ],
      { stdio: ['ignore', 'pipe', 'inherit'], env: environment },
    )
    onTestFinished(() => {
      program.kill('SIGKILL')
    })
    const messages = printed(createInterface({ input: program.stdout })[Symbol.asyncIterator]())
    const subscriber = new MosquittoSub(messages, succeeded('mosquitto_sub', program))
    await publishWithMosquitto(broker, via, { topic: signalTopic, payload: 'subscribed', qos: 1, retain: true })
    while ((await subscriber.next()).topic !== signalTopic);
    return subscriber
  }

  async next(): Promise<Printed> {
    const result = await Promise.race([this.#messages.next(), this.#ended])
    if (result === undefined || result.done === true) throw new Error('mosquitto_sub ended while a message was awaited')
    return result.value
  }

  async take(count: number): Promise<readonly Printed[]> {
    const messages: Printed[] = []
    while (messages.length < count) messages.push(await this.next())
    return messages
  }
}

async function* printed(lines: AsyncIterableIterator<string>): AsyncGenerator<Printed, void, undefined> {
  for await (const line of lines) {
    const [, qos, retain, hex, topic] = /^(\d) (\d) ([0-9a-f]*) (.*)$/u.exec(line) ?? []
    if (qos === undefined || hex === undefined || topic === undefined) continue
    yield { topic, qos: Number(qos), retain: retain === '1', payload: Buffer.from(hex, 'hex') }
  }
}
