import { connect } from 'mqtt311'

export async function main(): Promise<void> {
  const client = await connect('mqtt://localhost')
  process.once('SIGTERM', () => client.end({ timeoutMs: 2_000 }))
  client.on('online', ({ sessionPresent }) => console.log('online', sessionPresent))
  client.on('offline', ({ error, retryInMs }) => console.warn(error.message, retryInMs.toFixed()))
  client.on('refused', ({ filters }) => console.warn(filters.join()))
  client.once('close', ({ error }) => console.log(error?.message))
  await client.closed
}
