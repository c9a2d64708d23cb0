/** What the standard forbids and the types cannot say. Each line below an `@ts-expect-error` would break the statement that it names. */
import { type ClientOptions, type FilterRequest, MqttClient, type PublishOptions } from 'mqtt311'
import { type ConnectPacket, encodePacket } from 'mqtt311/codec'
import type { MessageDraft } from 'mqtt311/protocol'

const payload = Buffer.from('x')
const draft: MessageDraft = { topic: 'a', payload, qos: 1, retain: false }
const plain: ConnectPacket = { type: 'connect', clientId: 'a', cleanSession: true, keepAlive: 60 }

export const packets = [
  // @ts-expect-error at QoS 0 there is no Packet Identifier [MQTT-2.3.1-5]
  encodePacket({ type: 'publish', topic: 'a', payload, retain: false, qos: 0, packetId: 1 }),
  // @ts-expect-error nor is there DUP [MQTT-3.3.1-2]
  encodePacket({ type: 'publish', topic: 'a', payload, retain: false, qos: 0, dup: false }),
  // @ts-expect-error above QoS 0 there is a Packet Identifier [MQTT-2.3.1-1]
  encodePacket({ type: 'publish', topic: 'a', payload, retain: false, qos: 2, dup: false }),
  // @ts-expect-error both QoS bits are never set [MQTT-3.3.1-4]
  encodePacket({ type: 'publish', topic: 'a', payload, retain: false, qos: 3, packetId: 1, dup: false }),
  // @ts-expect-error flags that are constant are not for the caller to choose [MQTT-2.2.2-1]
  encodePacket({ type: 'pubrel', packetId: 1, flags: 0 }),
  // @ts-expect-error and PINGREQ has no body to fill [3.12.1 no body]
  encodePacket({ type: 'pingreq', payload }),
  // @ts-expect-error an acknowledgement holds one identifier, not a Return Code of MQTT 5 [3.4.1 nothing but an identifier]
  encodePacket({ type: 'puback', packetId: 1, returnCode: 0 }),
  // @ts-expect-error a Topic Filter comes with its QoS [MQTT-3.8.3-3]
  encodePacket({ type: 'subscribe', packetId: 1, subscriptions: [{ filter: 'a' }] }),
  // @ts-expect-error which is 0, 1 or 2 [MQTT-3.8.3-4]
  encodePacket({ type: 'subscribe', packetId: 1, subscriptions: [{ filter: 'a', qos: 3 }] }),
  // @ts-expect-error the Client Identifier may be empty, but not absent [MQTT-3.1.3-3]
  encodePacket({ type: 'connect', cleanSession: true, keepAlive: 60 }),
  // @ts-expect-error the protocol name is that of MQTT 3.1.1 [MQTT-3.1.2-1]
  encodePacket({ ...plain, protocolName: 'MQIsdp' }),
  // @ts-expect-error and so is the protocol level [MQTT-3.1.2-2]
  encodePacket({ ...plain, protocolLevel: 3 }),
  // @ts-expect-error without a will there is nothing that could have a Will QoS [MQTT-3.1.2-13]
  encodePacket({ ...plain, willQos: 1 }),
  // @ts-expect-error or be retained [MQTT-3.1.2-15]
  encodePacket({ ...plain, willRetain: true }),
  // @ts-expect-error a will has a topic and a message [MQTT-3.1.2-9]
  encodePacket({ ...plain, will: { qos: 0, retain: false } }),
  // @ts-expect-error a password is bytes [3.1.3 binary fields]
  encodePacket({ ...plain, username: 'u', password: 'secret' }),
]

// @ts-expect-error whether a packet is a redelivery is the engine's to know [MQTT-3.3.1-3]
export const redelivered: MessageDraft = { ...draft, dup: true }

// @ts-expect-error and so no caller can say it [MQTT-3.3.1-3]
export const publishing: PublishOptions = { qos: 1, dup: true }

// @ts-expect-error nor can a caller choose the Packet Identifier [MQTT-2.3.1-2]
export const numbered: PublishOptions = { qos: 1, packetId: 7 }

// @ts-expect-error a subscription asks for QoS 0, 1 or 2 [MQTT-3.8.3-4]
export const requested: FilterRequest = { filter: 'a', qos: 3 }

// @ts-expect-error a will has QoS 0, 1 or 2 [MQTT-3.1.2-14]
export const options: ClientOptions = { url: 'mqtt://localhost', will: { topic: 'w', payload: 'x', qos: 3 } }

export function main(): MqttClient {
  return new MqttClient({ url: 'mqtt://localhost' })
}
