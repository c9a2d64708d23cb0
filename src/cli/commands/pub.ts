/** `mqtt311 pub`: publishes one message, or a message for each line of standard input. */
import type { MqttClient } from '../../client/mqtt-client.js'
import type { QoS } from '../../codec/control-packet.js'
import { validateTopicName } from '../../codec/topic.js'
import { UsageError } from '../../errors.js'
import { groupDigits } from '../../explain/listing/numerals.js'
import { type CommandLine, requireNoPositionals } from '../command-line.js'
import { runConversation } from '../conversation/conversation.js'
import { Publishing } from '../conversation/publishing.js'
import { startCapture, startReporting } from '../conversation/reporting.js'
import { readAll, readLines } from '../conversation/standard-input.js'
import { oneTopic, readConnection, readQos } from '../flags/client-options.js'
import { connectionGroups, environmentText } from '../flags/connection-flags.js'
import { readInput } from '../flags/input-file.js'
import { requireMessageWithin } from '../flags/server-profile.js'
import { exitCode } from '../outcome/exit-code.js'
import { type StatusLine, statusLine } from '../terminal/output.js'
import { Progress } from '../terminal/progress.js'
import { defineCommand } from './command.js'

/** The largest Remaining Length of a packet (section 2.2.3); no payload can be longer. */
const payloadBytesMax = 268_435_455

/** How often `pub` connects again: half a minute at most, because a script waits for the exit code. */
const attemptsMax = 5

const messageOptions = [
  { name: 'topic', short: 't', value: 'TOPIC', about: 'Topic Name, without wildcards' },
  { name: 'message', short: 'm', value: 'TEXT', about: 'the payload' },
  { name: 'file', short: 'f', value: 'FILE', about: 'the payload is in this file' },
  { name: 'stdin-file', short: 's', aliases: ['stdin'], about: 'all of standard input is the payload' },
  { name: 'stdin-line', short: 'l', aliases: ['multiline'], about: 'each line of standard input is a message' },
  { name: 'null-message', short: 'n', about: 'an empty payload; -r -n clears the retained message' },
  { name: 'qos', short: 'q', value: '0|1|2', about: 'default 0' },
  { name: 'repeat', value: 'N', about: 'sends the message N times; not with -l' },
  { name: 'repeat-delay', value: 'SEC', about: 'waits this long between two of them' },
  { name: 'retain', short: 'r', about: 'the server keeps it for later subscribers' },
  { name: 'timeout', short: 'W', value: 'SEC', about: 'time limit; after it exit code 27' },
] as const

type Line = CommandLine<(typeof messageOptions)[number]['name']>

/** Where the payloads come from. */
type Source =
  | { readonly is: 'bytes'; readonly payload: Uint8Array }
  | { readonly is: 'standard input' }
  | { readonly is: 'lines' }

export const command = defineCommand({
  name: 'pub',
  about: 'publishes a message, and ends when the server has it, as its QoS promises.',
  usage: ['[-h HOST] -t TOPIC -m TEXT [OPTION]...', '[-h HOST] -t TOPIC -f FILE|-s|-l|-n [OPTION]...'],
  groups: [{ title: 'Message', options: messageOptions }, ...connectionGroups],
  paragraphs: [
    'It ends with 0 when the server has answered: with PUBACK at QoS 1, with PUBCOMP at QoS 2, and at QoS 0 with PINGRESP to a PINGREQ sent after ' +
      `the message. If the connection is lost, it connects again, up to ${attemptsMax} times, and sends unacknowledged messages again.`,
    'With -l, a line ends with a line feed. All other bytes belong to the message: also a carriage return, and bytes that are not UTF-8.',
    environmentText,
  ],
  examples: [
    'mqtt311 pub -h ::1 -t lamp/1 -m on -q 1',
    'sensors | mqtt311 pub -L mqtts://broker.example/readings -l -q 1',
    'mqtt311 pub -t photo -f photo.jpg --cafile root.pem -u cam --password-file pw',
    'mqtt311 pub -t lamp/1 -r -n',
  ],
  async run(line) {
    requireNoPositionals(line)
    const source = await readSource(line)
    const repetition = readRepetition(line, source)
    const timeoutMs = line.milliseconds('timeout')
    const connection = await readConnection(line)
    const target = {
      topic: readTopic(connection.topics),
      qos: readQos(line, 'qos'),
      retain: line.has('retain'),
    }
    const payloadBytes = source.is === 'bytes' ? source.payload.length : 0
    requireMessageWithin(connection.options.profile, target.topic, { ...target, payloadBytes })
    await startReporting(line)
    await startCapture(line)
    const client = {
      ...connection.options,
      // Publishing bounds the waiting messages, so the bound here only has to leave room for the largest message.
      queue: { offlineQos0: true, maxBytes: 2 * payloadBytesMax },
      reconnect: { ...connection.options.reconnect, maxAttempts: attemptsMax },
    }
    // Messages of a resumed session are for `sub`.
    await runConversation({ client, timeoutMs, messages: 'left to others' }, (connected) =>
      publish(connected, target, source, repetition, progressLine(line)),
    )
    return exitCode('done')
  },
})

/** Reads a file before the client connects, so that the connection does not wait for the file. */
async function readSource(line: Line): Promise<Source> {
  const names = ['message', 'file', 'stdin-file', 'stdin-line', 'null-message'] as const
  const [name, second] = names.flatMap((one) => line.texts(one).map(() => one))
  if (name === undefined) throw new UsageError('the message is missing: give one of -m, -f, -s, -l and -n')
  if (second !== undefined)
    throw new UsageError(`--${name} and --${second} both say what the message is: give one of them`)
  switch (name) {
    case 'message':
      return { is: 'bytes', payload: Buffer.from(line.text('message') ?? '') }
    case 'file':
      return { is: 'bytes', payload: await readInput(line.text('file') ?? '', '-f') }
    case 'null-message':
      return { is: 'bytes', payload: Buffer.alloc(0) }
    case 'stdin-file':
      return { is: 'standard input' }
    case 'stdin-line':
      return { is: 'lines' }
  }
}

function readTopic(topics: readonly string[]): string {
  const topic = oneTopic('pub', topics)
  if (topic === undefined) throw new UsageError('the topic is missing: give it by -t')
  validateTopicName(topic)
  return topic
}

interface Target {
  readonly topic: string
  readonly qos: QoS
  readonly retain: boolean
}

interface Repetition {
  readonly times: number
  readonly delayMs: number
}

function readRepetition(line: Line, { is }: Source): Repetition {
  const times = line.integer('repeat', 1, Number.MAX_SAFE_INTEGER)
  const delayMs = line.text('repeat-delay') === '0' ? 0 : line.milliseconds('repeat-delay')
  if (is === 'lines' && (times !== undefined || delayMs !== undefined)) {
    throw new UsageError('--repeat is for one message, and -l has many: repeat the lines')
  }
  if (times === undefined && delayMs !== undefined) {
    throw new UsageError('--repeat-delay is the time between repetitions: give --repeat too')
  }
  return { times: times ?? 1, delayMs: delayMs ?? 0 }
}

async function publish(
  client: MqttClient,
  target: Target,
  source: Source,
  repetition: Repetition,
  status: StatusLine,
): Promise<void> {
  switch (source.is) {
    case 'bytes':
      return publishOne(client, target, source.payload, repetition)
    case 'standard input':
      return publishOne(client, target, await readAll(process.stdin, payloadBytesMax), repetition)
    case 'lines':
      return publishLines(client, target, status)
  }
}

async function publishOne(
  client: MqttClient,
  { topic, ...options }: Target,
  payload: Uint8Array,
  { times, delayMs }: Repetition,
): Promise<void> {
  const publishing = new Publishing(client, topic, options)
  for (let sent = 0; sent < times; sent += 1) {
    if (sent > 0 && delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
    await publishing.send(payload)
  }
  await publishing.finish()
}

/** Where progress is drawn: nowhere if other lines on stderr, or the typing of a user, would mix with it. */
function progressLine(line: CommandLine<'debug' | 'trace' | 'quiet'>): StatusLine {
  const isAlone = !line.has('debug') && !line.has('trace') && !line.has('quiet') && process.stdin.isTTY !== true
  return isAlone ? statusLine : { columns: undefined, draw() {}, end() {} }
}

async function publishLines(client: MqttClient, { topic, ...options }: Target, status: StatusLine): Promise<void> {
  const publishing = new Publishing(client, topic, options)
  const progress = new Progress(status, () => {
    const read = `${groupDigits(publishing.sent)} ${publishing.sent === 1 ? 'message' : 'messages'} read`
    return `${read}, ${groupDigits(publishing.done)} ${options.qos === 0 ? 'sent' : 'acknowledged'}`
  })
  let lastLine: 'keep' | 'erase' = 'erase'
  try {
    for await (const payload of readLines(process.stdin, payloadBytesMax)) await publishing.send(payload)
    await publishing.finish()
    lastLine = 'keep'
  } finally {
    progress.stop(lastLine)
  }
}
