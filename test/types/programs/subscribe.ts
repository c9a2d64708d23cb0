import { connect, type Message, type MessageHandler, type MqttClient, type QoS } from 'mqtt311'

const handler: MessageHandler = async (message: Message) => {
  const { topic, payload, qos, retain, dup } = message
  const bytes: Buffer = payload
  const level: QoS = qos
  const flags: boolean[] = [retain, dup]
  const data = message.json<{ celsius: number }>()
  console.log(topic, bytes.length, level, flags, data.celsius.toFixed(1), message.text())
}

export async function main(): Promise<void> {
  const client: MqttClient = await connect({ host: '::1', port: 1883, family: 6 })
  const plain = await client.subscribe('a/#', handler)
  const withOptions = await client.subscribe(['b/+', { filter: 'c/#', qos: 2 }], { qos: 1 }, handler)
  const routed = await client.subscribe('d')
  using route = client.handle('d', (message) => console.log(message.text()))
  for (const { filter, qos } of [...plain.granted, ...withOptions.granted, ...routed.granted]) {
    const granted: QoS = qos
    console.log(filter, granted, route)
  }
  await withOptions.unsubscribe()
  await client.unsubscribe(['a/#', 'd'])
}
