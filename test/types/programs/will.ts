import { type ClientOptions, MqttClient } from 'mqtt311'

const options: ClientOptions = {
  url: 'mqtt://localhost',
  clientId: 'pump-7',
  keepAlive: 30,
  will: { topic: 'pumps/7/state', payload: 'lost', qos: 1, retain: true },
}

export async function main(): Promise<void> {
  const client = new MqttClient(options)
  const { sessionPresent } = await client.connect()
  const present: boolean = sessionPresent
  console.log(present, client.state)
  // @ts-expect-error a will has a topic [MQTT-3.1.2-9]
  new MqttClient({ url: 'mqtt://localhost', will: { payload: 'lost' } })
  client.destroy()
}
