/**
 * Writes what the emulator of the platform sees, a line for each event: when, which device, in which direction, what, and what
 * became of it. The lines name the reasons that the real platform never tells. ✗ marks what the platform refuses, drops or ends.
 */

import { payloadText, quote } from '../../explain/listing/quoted-text.js'
import type {
  ConnectSeen,
  DeliverySeen,
  DeviceNames,
  EndSeen,
  PlatformEvent,
  PublishSeen,
  SubscribeSeen,
} from '../platform/events.js'
import { limits } from '../platform/limits.js'
import { clockTime } from './time-format.js'

/** Columns for a topic, a payload or a name. */
const topicColumns = 128
const payloadColumns = 60
const nameColumns = 64

const up = '──▶'
const down = '◀──'
const unanswered = ' ✗ not answered'

export function platformLine(now: Date, event: PlatformEvent): string {
  return `${clockTime(now)}  ${whose(event)}  ${what(event)}`
}

/** As `--device` has it. */
function whose(event: PlatformEvent): string {
  const device = event.type === 'connect' ? event.admitted?.device : event.device
  if (device !== undefined) return shownDevice(device)
  if (event.type !== 'connect' || event.username === undefined) return 'a client'
  return `user name ${quote(event.username, nameColumns)}`
}

function shownDevice({ productKey, deviceName }: DeviceNames): string {
  // The quotes only mark where a text ends, and these two end at the slash and the space.
  return quote(`${productKey}/${deviceName}`, 2 * nameColumns).slice(1, -1)
}

function what(event: PlatformEvent): string {
  switch (event.type) {
    case 'connect':
      return `${up} CONNECT ${connectText(event)}`
    case 'publish':
      return `${up} PUBLISH ${messageText(event)}${fateText(event)}`
    case 'subscribe':
      return `${up} SUBSCRIBE ${filtersText(event)}`
    case 'unsubscribe':
      return `${up} UNSUBSCRIBE ${event.filters.map((filter) => quote(filter, topicColumns)).join(', ')}`
    case 'delivery':
      return `${down} PUBLISH ${deliveryText(event)}`
    case 'pingreq':
      return `${up} PINGREQ${event.answered ? '' : unanswered}`
    case 'puback':
    case 'disconnect':
      return `${up} ${event.type.toUpperCase()}`
    case 'end':
      return endText(event)
  }
}

function connectText({ clientId, keepAlive, cleanSession, tls, returnCode, reason, admitted }: ConnectSeen): string {
  const session = cleanSession ? 'clean session' : 'persistent session'
  const way = tls === undefined ? 'plain TCP' : tls.version
  const shown = `client id ${quote(clientId, topicColumns)}, Keep Alive ${keepAlive} s, ${session}, ${way}`
  if (returnCode === undefined) return `✗ not answered: ${shown}`
  // A reason may have text from the network.
  if (admitted === undefined) return `✗ refused with Return Code ${returnCode}: ${escaped(reason ?? '')}; ${shown}`
  return `accepted${admitted.as === 'registration' ? ' as a registration' : ''}: ${shown}`
}

/** Text that may hold anything, without quotes around it and without an end. */
function escaped(text: string): string {
  return quote(text.replaceAll('"', "'"), Number.POSITIVE_INFINITY).slice(1, -1)
}

function messageText({ topic, qos, payload }: PublishSeen | DeliverySeen): string {
  const size = `${payload.length} ${payload.length === 1 ? 'byte' : 'bytes'}`
  return `${quote(topic, topicColumns)}, QoS ${qos}, ${size}${payloadNote(topic, payload)}`
}

function payloadNote(topic: string, payload: Buffer): string {
  if (payload.length === 0) return ''
  if (topic === '/ext/register' || topic === '/ext/regnwl') return ', not shown: a secret'
  const text = payloadText(payload)
  return text === undefined ? ', binary' : `: ${quote(text, payloadColumns)}`
}

function fateText({ fate, qos }: PublishSeen): string {
  switch (fate) {
    case 'taken':
      return ''
    case 'unanswered':
      return unanswered
    case 'dropped':
      return ` ✗ dropped in silence: more than ${limits.publishesPerSecond[qos === 0 ? 0 : 1]} a second at QoS ${qos}`
    case 'refused':
      return ' ✗ refused'
  }
}

function filtersText({ filters, granted, reasons }: SubscribeSeen): string {
  if (granted === undefined)
    return `${filters.map(({ filter, qos }) => `${quote(filter, topicColumns)}, QoS ${qos}`).join('; ')}${unanswered}`
  return filters
    .map(({ filter, qos }, index) => {
      const reason = reasons.get(filter)
      const promised = `QoS ${granted[index]} granted${qos === granted[index] ? '' : `, ${qos} was asked for`}`
      return `${quote(filter, topicColumns)}, ${reason === undefined ? promised : `✗ refused: ${reason}`}`
    })
    .join('; ')
}

function deliveryText(event: DeliverySeen): string {
  return `${messageText(event)}${event.withheld === undefined ? '' : ` ✗ dropped in silence: ${event.withheld}`}`
}

function endText({ by, reason }: EndSeen): string {
  const mark = by === 'closed' || by === 'ordered' || by === 'deadline' ? '' : '✗ '
  return `${mark}the connection ends: ${escaped(reason)}`
}
