/** `mqtt311 demo`: a short conversation with every kind of packet, each byte explained. */
import type { MqttClient } from '../../client/mqtt-client.js'
import type { QoS } from '../../codec/control-packet.js'
import { validateTopicName } from '../../codec/topic.js'
import { UsageError } from '../../errors.js'
import { type CommandLine, firstGiven, requireNoPositionals, requireOne } from '../command-line.js'
import { runConversation } from '../conversation/conversation.js'
import { startCapture, traceExchange } from '../conversation/reporting.js'
import { hasPlatformOption, oneTopic, readConnection } from '../flags/client-options.js'
import { type ConnectionOptionName, connectionGroups, tlsOptions } from '../flags/connection-flags.js'
import { exitCode } from '../outcome/exit-code.js'
import { print, wantsColor } from '../terminal/output.js'
import { defineCommand } from './command.js'
import { type DemoServer, startDemoServer } from './demo-server.js'

const ownOptions = [{ name: 'timeout', short: 'W', value: 'SEC', about: 'time limit; default 60' }] as const

export const command = defineCommand({
  name: 'demo',
  about: 'shows a conversation in MQTT 3.1.1, packet by packet and byte by byte.',
  usage: ['', '-h HOST [-t TOPIC] [OPTION]...'],
  groups: [
    {
      title: 'Demo',
      options: [
        { name: 'topic', short: 't', value: 'TOPIC', about: 'default mqtt311/demo and a random number' },
        ...ownOptions,
      ],
    },
    ...connectionGroups,
  ],
  paragraphs: [
    'Without a server it talks to a small one of its own, on the loopback interface. It connects, subscribes, publishes at QoS 0, 1 and 2 (but at no ' +
      'QoS that --server or the platform does not take), gets its own messages back, sends a ping, unsubscribes and disconnects. -d shows a line ' +
      'for each packet instead.',
  ],
  examples: ['mqtt311 demo', 'mqtt311 demo | less -R', 'mqtt311 demo -h broker.example --tls -d'],
  async run(line) {
    requireNoPositionals(line)
    requireOne(line, 'debug', 'trace')
    const timeoutMs = line.milliseconds('timeout') ?? 60_000
    const namesServer =
      hasPlatformOption(line) || (['host', 'port', 'url', 'unix'] as const).some((name) => line.has(name))
    if (!namesServer) requireNothingOfServer(line)
    // Our own server knows no device.
    const connection = await readConnection(line, namesServer ? 'counts' : 'is left out')
    const topic = oneTopic('demo', connection.topics) ?? `mqtt311/demo/${Math.floor(Math.random() * 1e6)}`
    validateTopicName(topic)
    const server = namesServer ? undefined : await startDemoServer()
    const client = server === undefined ? connection.options : { ...connection.options, ...addressOf(server) }
    const output = new OrderedOutput()
    await startCapture(line)
    await traceExchange(line.has('debug') ? 'lines' : 'bytes', wantsColor(process.stdout), (text) => output.write(text))
    try {
      const levels = upTo(client.profile?.maxQos ?? 2)
      await runConversation({ client, timeoutMs }, (connected) => exchangeMessages(connected, topic, levels))
      await output.written()
    } finally {
      server?.close()
    }
    return exitCode('done')
  },
})

/** Our own server has no TLS, and listens on the address that this machine has. */
function requireNothingOfServer(line: CommandLine<ConnectionOptionName>): void {
  const given = firstGiven(line, [...tlsOptions.map(({ name }) => name), 'family', '4', '6'])
  if (given !== undefined)
    throw new UsageError(`${given} is for a server that is named: give one by -h, or leave it out`)
}

/** The options that replace the server of the environment by our own server. */
function addressOf({ host, port }: DemoServer) {
  return { url: undefined, host, port }
}

function upTo(maxQos: QoS): readonly QoS[] {
  return ([0, 1, 2] as const).filter((qos) => qos <= maxQos)
}

async function exchangeMessages(client: MqttClient, topic: string, levels: readonly QoS[]): Promise<void> {
  let remaining = levels.length
  let resolveAllArrived = () => {}
  const allArrived = new Promise<void>((resolve) => {
    resolveAllArrived = resolve
  })
  const subscription = await client.subscribe(topic, { qos: levels.at(-1) }, () => {
    remaining -= 1
    if (remaining === 0) resolveAllArrived()
  })
  for (const qos of levels) await client.publish(topic, `hello at QoS ${qos}`, { qos })
  await allArrived
  await client.ping()
  await subscription.unsubscribe()
}

/** Prints the texts of the trace in order. After a failed write no more is printed. */
class OrderedOutput {
  #last: Promise<void> = Promise.resolve()

  write(text: string): void {
    this.#last = this.#last.then(() => print(text))
    this.#last.catch(() => {})
  }

  written(): Promise<void> {
    return this.#last
  }
}
