/** `mqtt311 sub`: prints what the server sends. */

import type { MqttClient } from '../../client/mqtt-client.js'
import type { Message } from '../../client/options/client-options.js'
import type { QoS } from '../../codec/control-packet.js'
import { outline } from '../../codec/field-checks.js'
import { topicMatches, validateTopicFilter } from '../../codec/topic.js'
import { SubscribeRefusedError, UsageError } from '../../errors.js'
import { type CommandLine, requireNoPositionals } from '../command-line.js'
import { runConversation } from '../conversation/conversation.js'
import { startCapture, startReporting } from '../conversation/reporting.js'
import { readConnection, readQos } from '../flags/client-options.js'
import { connectionGroups, environmentText } from '../flags/connection-flags.js'
import { type OutputOptionName, outputOptions } from '../flags/output-flags.js'
import { requireFiltersWithin } from '../flags/server-profile.js'
import { exitCode, isOrderedEnd } from '../outcome/exit-code.js'
import { choosePrinter } from '../print/message-printer.js'
import { type Fate, MessageReader } from '../print/message-reader.js'
import { defineCommand } from './command.js'

const subscriptionOptions = [
  { name: 'topic', short: 't', value: 'FILTER', about: 'may be given again; wildcards + and #' },
  { name: 'qos', short: 'q', value: '0|1|2', about: 'highest QoS of the messages; default 0' },
  { name: 'unsubscribe', short: 'U', value: 'FILTER', about: 'ends a subscription of a persistent session' },
  { name: 'filter-out', short: 'T', value: 'FILTER', about: 'hides its messages; may be given again' },
  { name: 'R', short: 'R', about: 'hides retained messages' },
  { name: 'retained-only', about: 'prints retained messages, and ends with the first other one' },
  { name: 'remove-retained', about: 'clears each retained message that comes and is not hidden' },
  { name: 'random-filter', value: 'PERCENT', about: 'prints this part of the messages, chosen by chance' },
  { name: 'count', short: 'C', value: 'N', about: 'ends after N printed messages' },
  { name: 'timeout', short: 'W', value: 'SEC', about: 'ends after this time, with exit code 27' },
  { name: 'E', short: 'E', about: 'ends as soon as it has subscribed' },
] as const

type Line = CommandLine<(typeof subscriptionOptions)[number]['name'] | OutputOptionName>

export const command = defineCommand({
  name: 'sub',
  about: 'subscribes, and prints what comes, until SIGINT, SIGTERM, -C or -W.',
  usage: ['[-h HOST] -t FILTER [-t FILTER]... [OPTION]...'],
  groups: [
    { title: 'Subscription', options: subscriptionOptions },
    { title: 'Output', options: outputOptions },
    ...connectionGroups,
  ],
  paragraphs: [
    'FORMAT: %t topic, %p payload, %x and %X payload in hex, %l its length in bytes, %q QoS, %r retained (0 or 1), %d DUP, perhaps ' +
      'sent before (0 or 1), %m Packet Identifier, %I time in ISO 8601, %U Unix time, %j JSON, %J JSON with a payload that is JSON itself, %% a percent sign. A width ' +
      'may stand before the letter, as in %-20t, %05l and %.10t. @ and a letter of strftime: a part of the time, as in @H:@M:@S; @N ' +
      'nanoseconds, @@ an at sign. \\n \\t \\r \\0 \\a \\e \\v \\\\: characters.',
    'A message at QoS 1 or 2 is acknowledged once it is printed. After a lost connection the command connects again, with no limit. If the server refuses ' +
      'a filter, the command ends with 77, even if other filters are granted. A terminal shows control characters in messages as \\xNN, except with --raw.',
    environmentText,
  ],
  examples: [
    "mqtt311 sub -h ::1 -t 'lamp/#' -v",
    "mqtt311 sub -L mqtts://broker.example -t '#' --json | jq .payload",
    "mqtt311 sub -t 'photo/+' -C 1 --raw > photo.jpg",
    "mqtt311 sub -t 'door/#' -q 1 -c -i hall -F '@H:@M:@S  %-20t %p' -W 60",
  ],
  async run(line) {
    requireNoPositionals(line)
    const printer = choosePrinter(line)
    const count = line.integer('count', 1, Number.MAX_SAFE_INTEGER)
    const timeoutMs = line.milliseconds('timeout')
    const connection = await readConnection(line)
    const selection = readSelection(line, connection.topics)
    requireFiltersWithin(connection.options.profile, selection.filters, selection.qos)
    await startReporting(line)
    await startCapture(line)
    const reader = new MessageReader(printer, count)
    const client = {
      ...connection.options,
      // With -C one message at a time, so that no message after the last one is acknowledged.
      receiveWindow: count === undefined ? undefined : 1,
      onMessage: (message: Message) => takeMessage(message, reader, selection),
    }
    try {
      await runConversation({ client, timeoutMs }, (connected) => {
        reader.client = connected
        // In a resumed session the last message of -C may come before SUBACK.
        return Promise.race([reader.finished, subscribe(connected, selection)])
      })
    } catch (error) {
      // SIGINT is the normal end of `sub`. With -C it comes too early, so it is a failure.
      if (!isOrderedEnd(error) || count !== undefined) throw error
    }
    return exitCode('done')
  },
})

/** Which messages the server sends, and which of them are printed. */
interface Selection {
  readonly filters: readonly string[]
  readonly unsubscribe: readonly string[]
  readonly qos: QoS
  readonly hidden: readonly string[]
  readonly retained: 'shown' | 'hidden' | 'alone'
  readonly removal: 'none' | 'removes retained'
  /** Per cent of the messages. */
  readonly share: number
  readonly until: 'subscribed' | 'interrupted'
}

function readSelection(line: Line, filters: readonly string[]): Selection {
  requireConsistent(line)
  const [unsubscribe, hidden] = [line.texts('unsubscribe'), line.texts('filter-out')]
  for (const filter of [...filters, ...unsubscribe, ...hidden]) validateTopicFilter(filter)
  if (filters.length === 0 && unsubscribe.length === 0) {
    throw new UsageError('the Topic Filter is missing: give it by -t, in quotes if it has # in it')
  }
  return {
    filters: [...new Set(filters)],
    unsubscribe,
    qos: readQos(line, 'qos'),
    hidden,
    retained: line.has('R') ? 'hidden' : line.has('retained-only') ? 'alone' : 'shown',
    removal: line.has('remove-retained') ? 'removes retained' : 'none',
    share: readShare(line),
    until: line.has('E') ? 'subscribed' : 'interrupted',
  }
}

/** @throws UsageError if one option leaves another nothing to do */
function requireConsistent(line: Line): void {
  if (line.has('R') && line.has('retained-only')) throw new UsageError('-R and --retained-only exclude each other')
  if (line.has('R') && line.has('remove-retained'))
    throw new UsageError('--remove-retained clears only what is not hidden, and -R hides it: leave out -R')
  const ofMessages = (['count', 'retained-only', 'remove-retained'] as const).find((name) => line.has(name))
  if (line.has('E') && ofMessages !== undefined)
    throw new UsageError(`-E waits for no message, and --${ofMessages} does: give one of them`)
}

function readShare(line: Line): number {
  const text = line.text('random-filter')
  if (text === undefined) return 100
  const share = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (share >= 0.1 && share <= 100) return share
  throw new UsageError(`--random-filter takes per cent from 0.1 to 100, not ${outline(text)}`)
}

async function takeMessage(message: Message, reader: MessageReader, selection: Selection): Promise<void> {
  const isCleared = selection.removal === 'removes retained' && message.retain && !reader.isOver
  const isHidden = selection.hidden.some((filter) => topicMatches(filter, message.topic))
  // Sent before the message is printed, because the last message ends the client.
  const cleared =
    isCleared && !isHidden ? reader.client?.publish(message.topic, '', { qos: 1, retain: true }) : undefined
  await reader.take(message, isHidden ? 'hidden' : fateOf(message, selection))
  await cleared
}

function fateOf({ retain }: Message, { retained, share }: Selection): Fate {
  if (!retain && retained === 'alone') return 'last'
  if (retain && retained === 'hidden') return 'hidden'
  return Math.random() * 100 < share ? 'printed' : 'hidden'
}

async function subscribe(client: MqttClient, { filters, unsubscribe, qos, until }: Selection): Promise<void> {
  if (unsubscribe.length > 0) await client.unsubscribe(unsubscribe)
  if (filters.length > 0) await client.subscribe(filters, { qos })
  if (until === 'interrupted') await rejectWhenRefused(client)
}

/** Rejects when the server refuses a subscription on a later connection. */
function rejectWhenRefused(client: MqttClient): Promise<never> {
  return new Promise((_, reject) => {
    client.once('refused', ({ filters }) => reject(new SubscribeRefusedError(filters)))
  })
}
