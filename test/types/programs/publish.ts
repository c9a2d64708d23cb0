import { connect } from 'mqtt311'

export async function main(): Promise<void> {
  const client = await connect('mqtt://[::1]:1883')
  await client.publish('greenhouse/1/light', 'on')
  await client.publish('greenhouse/1/light', Buffer.from([1]), { qos: 1, retain: true })
  await client.publish('greenhouse/1/light', new Uint8Array([1]), { qos: 2, until: 'stored' })
  // @ts-expect-error there is no QoS 3 [MQTT-3.3.1-4]
  await client.publish('greenhouse/1/light', 'on', { qos: 3 })
  // @ts-expect-error a payload is text or bytes, and nothing is made into text silently
  await client.publish('greenhouse/1/light', 42)
  await client.end()
}
