/** `mqtt311 rr`: publishes a request, and prints the first message that comes on the topic of the response. */
import type { MqttClient } from '../../client/mqtt-client.js'
import type { Message } from '../../client/options/client-options.js'
import { validateTopicFilter, validateTopicName } from '../../codec/topic.js'
import { UsageError } from '../../errors.js'
import { type CommandLine, requireNoPositionals } from '../command-line.js'
import { runConversation } from '../conversation/conversation.js'
import { startCapture, startReporting } from '../conversation/reporting.js'
import { readAll } from '../conversation/standard-input.js'
import { oneTopic, readConnection, readQos } from '../flags/client-options.js'
import { connectionGroups, environmentText } from '../flags/connection-flags.js'
import { readInput } from '../flags/input-file.js'
import { outputOptions } from '../flags/output-flags.js'
import { exitCode } from '../outcome/exit-code.js'
import { choosePrinter } from '../print/message-printer.js'
import { MessageReader } from '../print/message-reader.js'
import { defineCommand } from './command.js'

/** A request has to fit into a packet. */
const requestBytesMax = 268_435_455

const requestOptions = [
  { name: 'topic', short: 't', value: 'TOPIC', about: 'Topic Name of the request' },
  { name: 'response-topic', short: 'e', value: 'FILTER', about: 'where the response comes' },
  { name: 'message', short: 'm', value: 'TEXT', about: 'the payload of the request' },
  { name: 'file', short: 'f', value: 'FILE', about: 'the payload is in this file' },
  { name: 'stdin-file', short: 's', about: 'all of standard input is the payload' },
  { name: 'null-message', short: 'n', about: 'an empty payload' },
  { name: 'qos', short: 'q', value: '0|1|2', about: 'of the request and of the response; default 0' },
  { name: 'R', short: 'R', about: 'a retained message is no response' },
  { name: 'timeout', short: 'W', value: 'SEC', about: 'time limit; after it exit code 27' },
] as const

type Line = CommandLine<(typeof requestOptions)[number]['name']>

export const command = defineCommand({
  name: 'rr',
  about: 'publishes a request, and prints the first response.',
  usage: ['[-h HOST] -t TOPIC -e FILTER -m TEXT|-f FILE|-s|-n [OPTION]...'],
  groups: [
    { title: 'Request and response', options: requestOptions },
    { title: 'Output', options: outputOptions },
    ...connectionGroups,
  ],
  paragraphs: [
    'It subscribes first, so no response is missed. MQTT 3.1.1 has no response topic: both sides have to know it. The formats of -F are those of ' +
      'mqtt311 sub.',
    environmentText,
  ],
  examples: ['mqtt311 rr -h ::1 -t lamp/1/get -e lamp/1/state -m brightness -W 5'],
  async run(line) {
    requireNoPositionals(line)
    const printer = choosePrinter(line)
    const connection = await readConnection(line)
    const [topic, filter] = readTopics(line, connection.topics)
    const payload = await readPayload(line)
    const qos = readQos(line, 'qos')
    const timeoutMs = line.milliseconds('timeout')
    await startReporting(line)
    await startCapture(line)
    const reader = new MessageReader(printer, 1)
    const onMessage = (message: Message) => reader.take(message, message.retain && line.has('R') ? 'hidden' : 'printed')
    const client = { ...connection.options, receiveWindow: 1, onMessage }
    await runConversation({ client, timeoutMs }, async (connected: MqttClient) => {
      reader.client = connected
      await connected.subscribe(filter, { qos })
      await connected.publish(topic, payload, { qos })
      await reader.finished
    })
    return exitCode('done')
  },
})

function readTopics(line: Line, topics: readonly string[]): [topic: string, filter: string] {
  const topic = oneTopic('rr', topics)
  const [filter, other] = line.texts('response-topic')
  if (other !== undefined) throw new UsageError('rr waits for one response: give -e once')
  if (topic === undefined) throw new UsageError('the topic of the request is missing: give it by -t')
  if (filter === undefined) throw new UsageError('the topic of the response is missing: give it by -e')
  validateTopicName(topic)
  validateTopicFilter(filter)
  return [topic, filter]
}

async function readPayload(line: Line): Promise<Uint8Array> {
  const [name, second] = (['message', 'file', 'stdin-file', 'null-message'] as const).flatMap((one) =>
    line.texts(one).map(() => one),
  )
  if (second !== undefined)
    throw new UsageError(`--${name} and --${second} both say what the request is: give one of them`)
  if (name === undefined) throw new UsageError('the request is missing: give one of -m, -f, -s and -n')
  switch (name) {
    case 'message':
      return Buffer.from(line.text('message') ?? '')
    case 'file':
      return readInput(line.text('file') ?? '', '-f')
    case 'stdin-file':
      return readAll(process.stdin, requestBytesMax)
    case 'null-message':
      return Buffer.alloc(0)
  }
}
