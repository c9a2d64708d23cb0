/** The emulator is tried with a client that is not ours: a misunderstanding of ours would be in both. */
import type { ConnectionOptions } from 'node:tls'
import mqtt, { type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt'
import { onTestFinished } from 'vitest'
import { type Platform, type PlatformOptions, startPlatform } from '../../fixtures/platform/index.js'
import { signConnect } from '../../src/aliyun/index.js'
import { checkIPv6Identity } from '../../src/transport/tls-context.js'

export const lamp = { productKey: 'a1Pk', deviceName: 'lamp', deviceSecret: 'the secret of the lamp' }

export const topic = '/a1Pk/lamp/user/get'

export async function platformWith(options: PlatformOptions = {}): Promise<Platform> {
  const platform = await startPlatform({ devices: [lamp], ...options })
  onTestFinished(() => platform[Symbol.asyncDispose]())
  return platform
}

/** A client that is connecting. It never tries twice. */
export function foreign(platform: Platform, options: IClientOptions): MqttClient {
  const { host, port, ca } = platform
  const protocol = platform.url.startsWith('mqtts') ? 'mqtts' : 'mqtt'
  const all: IClientOptions & Pick<ConnectionOptions, 'checkServerIdentity'> = {
    host,
    port,
    ca,
    protocol,
    // Some releases of Node refuse the certificate of every IPv6 address.
    checkServerIdentity: checkIPv6Identity,
    keepalive: 60,
    reconnectPeriod: 0,
    protocolVersion: 4,
    ...options,
  }
  const client = mqtt.connect(all)
  client.on('error', () => {})
  onTestFinished(async () => void (await client.endAsync(true)))
  return client
}

/** Resolves with the CONNACK that accepts; rejects with the error that refuses. */
export function connected(client: MqttClient): Promise<IConnackPacket> {
  return new Promise((resolve, reject) => {
    client.once('connect', resolve)
    client.once('error', reject)
  })
}

export async function online(platform: Platform, options: IClientOptions = {}): Promise<MqttClient> {
  const client = foreign(platform, { ...signConnect(lamp), ...options })
  await connected(client)
  return client
}

/** The Return Code of a refusal. */
export async function refusal(platform: Platform, options: IClientOptions): Promise<unknown> {
  return connected(foreign(platform, options)).then(() => 0, returnCodeOf)
}

export function returnCodeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : error
}

export function closed(client: MqttClient): Promise<void> {
  return new Promise((resolve) => client.once('close', () => resolve()))
}

interface Arrival {
  readonly topic: string
  readonly text: string
  readonly qos: number
}

export function nextMessage(client: MqttClient): Promise<Arrival> {
  return new Promise((resolve, reject) => {
    client.once('message', (arrivedOn, payload, { qos }) => resolve({ topic: arrivedOn, text: String(payload), qos }))
    client.once('error', reject)
  })
}
