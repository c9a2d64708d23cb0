import { connect, MqttClient } from 'mqtt311'

export async function main(): Promise<void> {
  const stop = new AbortController()
  const client = new MqttClient({ url: 'mqtt://localhost', signal: stop.signal })
  await client.connect({ signal: AbortSignal.timeout(1_000) })
  await client.publish('a', 'b', { qos: 1, signal: stop.signal })
  await client.subscribe('a/#', { signal: stop.signal }, () => {})
  await client.messages('b/#', { signal: stop.signal })
  await connect('mqtt://localhost', { signal: undefined })
  stop.abort()
}
