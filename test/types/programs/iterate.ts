import { connect } from 'mqtt311'

export async function main(): Promise<number> {
  const client = await connect('mqtts://broker.example')
  let sum = 0
  for await (const { topic, payload } of await client.messages('meters/+/kwh', { qos: 1, limit: 16 })) {
    if (topic.endsWith('/stop')) break
    sum += Number(payload.toString())
  }
  return sum
}
