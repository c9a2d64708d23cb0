/**
 * Faults put in on purpose: what the runs must find. None of them touches the files of the client. They change the packets on their way
 * to the rules, or a method of the client on its way to the program.
 */
import type { ControlPacket } from '../../../src/codec/control-packet.js'
import { ClosedError, UsageError } from '../../../src/errors.js'
import type { Filters, Message, MessageHandler, MqttClient, SubscribeOptions } from '../../../src/index.js'
import type { PlantedFault } from './client-run.js'
import type { FuzzedClient } from './program.js'

type Packet = ControlPacket<Buffer>

function onWire(change: (packet: Packet) => readonly Packet[]): () => PlantedFault {
  return () => ({ wire: change })
}

function inClient(change: (client: MqttClient) => Partial<FuzzedClient>): () => PlantedFault {
  return () => ({ client: (client) => ({ ...methodsOf(client), ...change(client) }) })
}

function methodsOf(client: MqttClient): FuzzedClient {
  return {
    connect: client.connect.bind(client),
    publish: client.publish.bind(client),
    subscribe: client.subscribe.bind(client),
    messages: client.messages.bind(client),
    unsubscribe: client.unsubscribe.bind(client),
    handle: client.handle.bind(client),
    ping: client.ping.bind(client),
    end: client.end.bind(client),
    destroy: client.destroy.bind(client),
  }
}

/** Holds back every second acknowledgement of this type, so that it leaves behind the next one. */
function swapped(type: 'puback' | 'pubrec'): () => PlantedFault {
  return () => {
    let held: Packet | undefined
    return {
      wire: (packet) => {
        if (packet.type !== type) return [packet]
        const earlier = held
        held = earlier === undefined ? packet : undefined
        return earlier === undefined ? [] : [packet, earlier]
      },
    }
  }
}

const escaping = (handler: MessageHandler) => (message: Message) => {
  try {
    return handler(message)
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
    return undefined
  }
}

const never = <T>() => new Promise<T>(() => {})

/** By what is wrong: the fault, and what the runs say of it. */
export const plantedFaults: readonly (readonly [what: string, fault: () => PlantedFault, report: RegExp])[] = [
  [
    'sends PUBREL before PUBREC',
    onWire((packet) =>
      packet.type === 'publish' && packet.qos === 2
        ? [packet, { type: 'pubrel', packetId: packet.packetId }]
        : [packet],
    ),
    /PUBREL \d+ without a PUBREC/,
  ],
  [
    'uses a Packet Identifier that is in use',
    onWire((packet) => (packet.type === 'subscribe' ? [{ ...packet, packetId: 1 }] : [packet])),
    /identifier 1 for a request is in use/,
  ],
  ['acknowledges out of order at QoS 1', swapped('puback'), /PUBACK \d+ for no PUBLISH, or out of order/],
  ['acknowledges out of order at QoS 2', swapped('pubrec'), /PUBREC \d+ for no PUBLISH, or out of order/],
  [
    'sends a second CONNECT',
    onWire((packet) => (packet.type === 'connect' ? [packet, packet] : [packet])),
    /CONNECT on a connection that is connecting/,
  ],
  [
    'does not wait for CONNACK',
    onWire((packet) => (packet.type === 'connect' ? [packet, { type: 'pingreq' }] : [packet])),
    /PINGREQ on a connection that is connecting/,
  ],
  [
    'sends after DISCONNECT',
    onWire((packet) => (packet.type === 'disconnect' ? [packet, { type: 'pingreq' }] : [packet])),
    /PINGREQ on a connection that is disconnected/,
  ],
  [
    'never sets DUP',
    onWire((packet) => (packet.type === 'publish' && packet.qos > 0 ? [{ ...packet, dup: false }] : [packet])),
    /has DUP false at its sending 2/,
  ],
  [
    'sends another payload than was published',
    onWire((packet) => (packet.type === 'publish' ? [{ ...packet, payload: Buffer.alloc(3) }] : [packet])),
    /is not what was published/,
  ],
  [
    'sends more filters in a SUBSCRIBE than the profile allows',
    onWire((packet) => {
      if (packet.type !== 'subscribe') return [packet]
      const [first] = packet.subscriptions
      return [{ ...packet, subscriptions: first === undefined ? [] : [first, first, first] }]
    }),
    /3 filters in one packet, against the profile/,
  ],
  [
    'takes a call that is wrong',
    inClient((client) => ({ ping: (options) => client.ping(options).catch(() => 1) })),
    /a wrong call of ping \(\d+\) resolves/,
  ],
  [
    'never settles a publish that is aborted',
    inClient((client) => ({
      publish: (topic, payload, options) =>
        client.publish(topic, payload, options).catch((error: unknown) => {
          if (options?.signal?.aborted) return never<void>()
          throw error
        }),
    })),
    /never settled: \d+ publish/,
  ],
  [
    'says that a publish has arrived when it has not',
    inClient((client) => ({
      publish: (topic, payload, options) =>
        client.publish(topic, payload, options).catch((error: unknown) => {
          if (error instanceof UsageError || error instanceof ClosedError) throw error
        }),
    })),
    /resolves, and the server has not acknowledged it/,
  ],
  [
    'lets the exception of a handler escape',
    inClient((client) => ({
      subscribe: (filters: Filters, options?: SubscribeOptions | MessageHandler, handler?: MessageHandler) =>
        typeof options === 'function'
          ? client.subscribe(filters, escaping(options))
          : client.subscribe(filters, options, handler && escaping(handler)),
    })),
    /an uncaught exception/,
  ],
  [
    'gives a message to a handler twice',
    inClient((client) => ({
      handle: (filter, handler) =>
        client.handle(filter, (message) => {
          handler(message)
          return handler(message)
        }),
    })),
    /a handler gets message \d+ 2 times/,
  ],
  [
    'rejects end()',
    inClient((client) => ({ end: (options) => client.end(options).then(() => Promise.reject(new ClosedError('no'))) })),
    /end\(\) rejects/,
  ],
]
