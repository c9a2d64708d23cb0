import { connect } from 'mqtt311'

export async function main(): Promise<void> {
  await using client = await connect('mqtt://localhost')
  await using subscription = await client.subscribe('a/#', console.log)
  console.log(subscription.granted.length)
  await client.publish('a/b', 'c')
}
