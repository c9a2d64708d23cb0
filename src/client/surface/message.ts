import { isUtf8 } from 'node:buffer'
import { type InspectOptions, inspect } from 'node:util'
import type { PublishPacket, QoS } from '../../codec/control-packet.js'
import { receivedTopicFault } from '../../codec/topic.js'
import type { Message } from './client-surface.js'

/** `util.inspect` shows at most this many characters of a payload: enough to recognise a message in a log. */
const shownCharacters = 64

/** An Application Message, made from its PUBLISH. The methods are on the prototype, so a message has only its five fields. */
export class ReceivedMessage implements Message {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: QoS
  readonly retain: boolean
  readonly dup: boolean

  constructor(packet: PublishPacket<Buffer>) {
    this.topic = packet.topic
    this.payload = packet.payload
    this.qos = packet.qos
    this.retain = packet.retain
    this.dup = packet.qos === 0 ? false : packet.dup
  }

  get topicFault(): string | undefined {
    return receivedTopicFault(this.topic)
  }

  text(): string {
    return this.payload.toString('utf8')
  }

  json<T = unknown>(): T {
    return JSON.parse(this.text())
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    const { topic, topicFault, payload, qos, retain, dup } = this
    const fault = topicFault === undefined ? {} : { topicFault }
    const shown = isUtf8(payload) ? payload.toString('utf8') : payload
    return `Message ${inspect({ topic, ...fault, payload: shown, qos, retain, dup }, { ...options, maxStringLength: shownCharacters, breakLength: Infinity })}`
  }
}
