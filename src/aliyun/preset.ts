/** Makes the options of a client from a device. */

import type {
  ClientOptions,
  Message,
  MessageHandler,
  ReconnectOptions,
  ServerProfile,
} from '../client/options/client-options.js'
import { kindOf, outline } from '../codec/field-checks.js'
import { UsageError } from '../errors.js'
import { isRecord } from '../option-names.js'
import { type CredentialSource, credentialSource } from './credentials.js'
import { type ConnectionChoice, connectionOptions } from './destination.js'
import { type Device, requireDevice } from './device.js'
import { parseIdentity } from './platform-answer.js'
import { aliyunProfile } from './platform-profile.js'

/** The options that are made from the device, so the caller may not set them. */
type DeviceOption = 'clientId' | 'username' | 'password' | 'credentials'

/**
 * All options of a client, except those that are made from the device. An option given here replaces that of the preset. The
 * preset has its own defaults for `tls`, `family`, `keepAlive`, `profile` and `reconnect.maxAttemptsPerMinute`: see `aliyun`.
 */
export interface AliyunOptions extends Omit<ClientOptions, DeviceOption>, ConnectionChoice {}

/** The platform refuses less than 30 seconds; its documentation advises more than 300. */
const keepAliveSeconds = 360

/** On this topic the platform sends the names of a device with a certificate. It needs no subscription. */
const identityTopic = '/ext/auth/identity/response'

/**
 * Makes the options of a client for a device on Alibaba Cloud IoT Platform.
 *
 * - `credentials` makes a new signature for each attempt. The stored session belongs to the id before the `|`.
 * - TLS 1.2 or later with the roots of the platform (`aliyunRoots()`). IPv6 for the endpoints `'ipv6'` and `'product'`;
 *   `family: 0` also allows IPv4. The preset never switches verification off, and connects without TLS only for a device
 *   with `secureMode: 3`.
 * - Keep Alive of 360 seconds. The platform refuses less than 30 and more than 1,200, so this function refuses them too.
 * - At most 5 attempts to connect a minute, and all other limits of `aliyunProfile`. `profile` replaces them.
 *
 * The platform ignores the QoS of a SUBSCRIBE: messages have the QoS of their publisher. The platform may report no
 * session although there was one. A second connection of the same device ends the first one.
 *
 * If the platform refuses the connection (ConnectionRefusedError), the Return Code has the reason:
 *
 * - 2, a malformed client id or a Keep Alive out of range: impossible with this preset. The client does not try again.
 * - 3, unavailable, for example in a storm of reconnections: passes without your help, so the client tries again; for the
 *   very first connection only with `reconnect.retryInitial`.
 * - 4, a wrong secret, name or method: compare them with the console. The client tries again only if the device has been
 *   online, or with `reconnect.retryInitial`.
 * - 5, not authorised: the device is disabled or deleted, or it belongs to another instance or region: compare the
 *   endpoint. The client tries again in the same cases.
 *
 * `util.inspect` of the result shows no secret.
 *
 * @example
 * ```ts
 * import { connect } from 'mqtt311'
 * import { aliyun } from 'mqtt311/aliyun'
 *
 * const { PRODUCT_KEY: productKey = '', DEVICE_NAME: deviceName = '', DEVICE_SECRET: deviceSecret = '' } = process.env
 * const client = await connect(aliyun({ productKey, deviceName, deviceSecret }, { endpoint: 'product' }))
 * ```
 * @throws UsageError if the platform would refuse or misread a value
 */
export function aliyun(device: Device, options: AliyunOptions = {}): ClientOptions {
  // Only the type is checked here: the client checks the names of the options.
  if (!isRecord(options)) throw new UsageError(`the options of aliyun() have to be an object, not ${kindOf(options)}`)
  const { region: _region, endpoint: _endpoint, handlers, reconnect, ...client } = options
  const source = credentialSource(requireDevice(device))
  // Called now, so that a fault of the device is reported here and not at the first attempt.
  source.credentials()
  requireNoIdentity(options)
  requireSessionName(device, options)
  const profile = client.profile ?? aliyunProfile
  const keepAlive = client.keepAlive ?? keepAliveSeconds
  const range = profile.keepAlive
  if (range !== undefined && !(keepAlive >= range.min && keepAlive <= range.max)) {
    throw new UsageError(
      `keepAlive must be ${range.min} to ${range.max} seconds, not ${outline(keepAlive)}: ${profile.name} refuses other connections`,
    )
  }
  return {
    ...client,
    ...connectionOptions(device, options),
    keepAlive,
    profile,
    credentials: renewedCredentials(device, source, options.tls),
    reconnect: reconnect === false ? false : { ...reconnect, maxAttemptsPerMinute: attemptsOf(reconnect, profile) },
    handlers: { ...handlers, ...identityHandler(device, source, handlers) },
  }
}

/** The credentials, with the certificate and the key if functions give them. */
function renewedCredentials(
  { cert, key }: Device,
  source: CredentialSource,
  tls: AliyunOptions['tls'],
): NonNullable<ClientOptions['credentials']> {
  if (typeof cert !== 'function' && typeof key !== 'function') return () => source.credentials()
  const passphrase = typeof tls === 'object' ? tls.passphrase : undefined
  return async (attempt) => {
    const [givenCert, givenKey] = await Promise.all([
      typeof cert === 'function' ? cert(attempt) : cert,
      typeof key === 'function' ? key(attempt) : key,
    ])
    return { ...source.credentials(), tls: { cert: givenCert, key: givenKey, passphrase } }
  }
}

function attemptsOf(reconnect: ReconnectOptions | undefined, profile: ServerProfile): number {
  return reconnect?.maxAttemptsPerMinute ?? profile.connectsPerMinute ?? Infinity
}

/** The types leave these options out, but JavaScript can pass them. */
function requireNoIdentity(options: object): void {
  for (const name of ['clientId', 'username', 'password', 'credentials'] satisfies DeviceOption[]) {
    if (Reflect.get(options, name) === undefined) continue
    throw new UsageError(`${name} is made from the device at every attempt: give it with the device, or leave it out`)
  }
}

/**
 * A persistent session needs a name that does not change. The id of a device that does not know its names changes when it
 * learns them, so from the second connection on.
 */
function requireSessionName(device: Device, { cleanSession, store }: AliyunOptions): void {
  if (device.cert === undefined || device.productKey !== undefined || device.clientId !== undefined) return
  if (cleanSession !== false && store === undefined) return
  throw new UsageError(
    'a persistent session needs a name: give the device a clientId, or connect once to learn its productKey and deviceName and give those',
  )
}

/**
 * The handler that gets the names of a device with a certificate. If the caller has a handler for the same topic, it is
 * called too.
 */
function identityHandler(
  device: Device,
  source: CredentialSource,
  handlers: AliyunOptions['handlers'],
): Record<string, MessageHandler> {
  const { onIdentity } = device
  if (onIdentity === undefined) return {}
  return {
    async [identityTopic](message: Message) {
      const identity = parseIdentity(identityTopic, message.text())
      source.learn(identity)
      await onIdentity(identity)
      await handlers?.[identityTopic]?.(message)
    },
  }
}
