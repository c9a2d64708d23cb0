import { connect, type MqttClient } from 'mqtt311'

/** Lives as long as the execution environment: a later call finds it connected. */
let client: MqttClient | undefined

async function connected(): Promise<MqttClient> {
  if (client !== undefined && client.state !== 'closed') {
    // Between two calls the process was frozen, and the connection may be dead without a sign: what is published now must not wait
    // for Keep Alive. With a connection that lives this costs one PINGREQ, and the call waits for nothing.
    client.reconnect()
    return client
  }
  // No clientId: several environments run at once, and each gets a random one. A fixed one would make them cut each other off.
  client = await connect(process.env.MQTT_URL ?? 'mqtt://[::1]', { connectTimeoutMs: 5_000 })
  return client
}

export async function handler(order: { readonly id: string }): Promise<{ readonly statusCode: number }> {
  const open = await connected()
  // Without await, the environment is frozen before the message has left. The signal ends before the time-out of the function.
  await open.publish(`orders/${order.id}`, JSON.stringify(order), { qos: 1, signal: AbortSignal.timeout(8_000) })
  return { statusCode: 202 }
}
