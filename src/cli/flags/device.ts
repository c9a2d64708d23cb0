/** Reads a device of Alibaba Cloud IoT Platform from the command line or the environment. */
import type { ConnectionOptions } from 'node:tls'
import type { IdentifiedCertificateDevice, SecretDevice, TokenDevice } from '../../aliyun/device.js'
import { type Endpoint, type Region, regions } from '../../aliyun/endpoint.js'
import { type SignMethod, signMethods } from '../../aliyun/signature.js'
import { UsageError } from '../../errors.js'
import { type CommandLine, requireOne } from '../command-line.js'
import type { DeviceOptionName, EndpointOptionName, SignatureOptionName } from './connection-flags.js'
import { readSecret } from './input-file.js'

/** The named device with its secret. @throws UsageError */
export async function readDevice(line: CommandLine<SignatureOptionName | 'id'>): Promise<SecretDevice> {
  const { DEVICE_SECRET } = process.env
  requireOne(line, 'device-secret', 'device-secret-file')
  const file = line.text('device-secret-file')
  const secret =
    file === undefined ? (line.text('device-secret') ?? DEVICE_SECRET) : await readSecret(file, '--device-secret-file')
  return {
    ...readDeviceNames(line),
    deviceSecret: required(secret, 'DeviceSecret', '--device-secret-file', 'DEVICE_SECRET'),
    clientId: line.text('id'),
    signMethod: readSignMethod(line),
    timestamp: line.text('timestamp') === 'none' ? false : line.text('timestamp'),
    secureMode: line.choice('secure-mode', ['2', '3']) === '3' ? 3 : 2,
  }
}

/**
 * The named device with the proof of who it is: a secret, a token, or the certificate of --cert. A typed option is preferred
 * to the environment. @throws UsageError
 */
export async function readConnectingDevice(
  line: CommandLine<DeviceOptionName | 'id'>,
  { cert, key }: Pick<ConnectionOptions, 'cert' | 'key'>,
): Promise<SecretDevice | TokenDevice | IdentifiedCertificateDevice> {
  const { DEVICE_SECRET, DEVICE_TOKEN } = process.env
  const tokenFile = line.text('device-token-file')
  const hasTypedSecret = line.has('device-secret') || line.has('device-secret-file')
  if (tokenFile !== undefined && hasTypedSecret) {
    throw new UsageError('a secret and a token both prove who the device is: give one of them')
  }
  if (hasTypedSecret) return readDevice(line)
  if (tokenFile !== undefined) return tokenDevice(line, await readSecret(tokenFile, '--device-token-file'))
  if (cert !== undefined && key !== undefined) {
    requireNothingSigned(line)
    return { ...readDeviceNames(line), cert, key, clientId: line.text('id') }
  }
  return DEVICE_TOKEN && !DEVICE_SECRET ? tokenDevice(line, DEVICE_TOKEN) : readDevice(line)
}

function tokenDevice(line: CommandLine<DeviceOptionName | 'id'>, deviceToken: string): TokenDevice {
  requireNothingSigned(line)
  const { MQTT_CLIENT_ID } = process.env
  const clientId = line.text('id') ?? MQTT_CLIENT_ID
  return {
    ...readDeviceNames(line),
    clientId: required(clientId, 'client id that came with the token', '-i', 'MQTT_CLIENT_ID'),
    deviceToken,
  }
}

function requireNothingSigned(line: CommandLine<SignatureOptionName>): void {
  const name = (['sign-method', 'timestamp', 'secure-mode'] as const).find((option) => line.has(option))
  if (name === undefined) return
  throw new UsageError(`--${name} is for a device with a secret: one with a token or a certificate signs nothing`)
}

export function readDeviceNames(line: CommandLine<'product-key' | 'device-name'>) {
  const { PRODUCT_KEY, DEVICE_NAME } = process.env
  return {
    productKey: required(line.text('product-key') ?? PRODUCT_KEY, 'ProductKey', '--product-key', 'PRODUCT_KEY'),
    deviceName: required(line.text('device-name') ?? DEVICE_NAME, 'DeviceName', '--device-name', 'DEVICE_NAME'),
  }
}

export function readSignMethod(line: CommandLine<'sign-method'>): SignMethod | undefined {
  return line.choice('sign-method', signMethods)
}

export function required(text: string | undefined, name: string, flag: string, variable: string): string {
  if (text !== undefined && text !== '') return text
  throw new UsageError(`the ${name} is missing: give ${flag}, or set ${variable}`)
}

/** The kinds of a device that signs: the host of `x509` takes no signature. */
export const signedEndpoints = ['ipv6', 'product'] as const

/** The host of the platform; if both are undefined, the preset chooses it. */
export function readEndpoint(
  line: CommandLine<EndpointOptionName>,
  kinds: readonly ('ipv6' | 'product' | 'x509')[] = [...signedEndpoints, 'x509'],
): {
  readonly region: Region | undefined
  readonly endpoint: Endpoint | undefined
} {
  const instanceId = line.text('instance-id')
  const kind = line.choice('endpoint', kinds)
  if (instanceId !== undefined && kind !== undefined) {
    throw new UsageError('--endpoint and --instance-id both say where the platform is: give one of them')
  }
  return {
    region: line.choice('region', regions),
    endpoint: instanceId === undefined ? kind : { instanceId },
  }
}
