import { UsageError } from '../errors.js'
import { MqttClient } from './mqtt-client.js'
import type { ClientOptions } from './options/client-options.js'

/**
 * Makes a client and connects it: `new MqttClient(options)`, then `connect()`.
 *
 * @throws what both of them throw, as a rejection
 */
export async function connect(url: string, options?: ClientOptions): Promise<MqttClient>
export async function connect(options: ClientOptions): Promise<MqttClient>
export async function connect(urlOrOptions: string | ClientOptions, options: ClientOptions = {}): Promise<MqttClient> {
  const client = new MqttClient(typeof urlOrOptions === 'string' ? withUrl(urlOrOptions, options) : urlOrOptions)
  await client.connect()
  return client
}

function withUrl(url: string, options: ClientOptions): ClientOptions {
  if (options.url !== undefined)
    throw new UsageError('the url is given twice: as the first argument and in the options')
  return { ...options, url }
}
