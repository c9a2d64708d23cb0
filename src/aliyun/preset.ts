/** From a device to the options of a client that connects it. */

import type {
  ClientOptions,
  Message,
  MessageHandler,
  ReconnectOptions,
  ServerProfile,
} from '../client/options/client-options.js'
import { kindOf } from '../codec/field-checks.js'
import { UsageError } from '../errors.js'
import { isRecord } from '../option-names.js'
import { type CredentialSource, credentialSource } from './credentials.js'
import { type ConnectionChoice, connectionOptions } from './destination.js'
import { type Device, requireDevice } from './device.js'
import { describe } from './device-text.js'
import { parseIdentity } from './platform-answer.js'
import { aliyunProfile } from './platform-profile.js'

/** What the device decides, and so nobody else may. */
type DeviceOption = 'clientId' | 'username' | 'password' | 'credentials'

/**
 * Any option of a client, but for what the device decides. What is given here has precedence over the preset, which has
 * other defaults than a client for `tls`, `family`, `keepAlive`, `profile` and `reconnect.maxAttemptsPerMinute`: see `aliyun`.
 */
export interface AliyunOptions extends Omit<ClientOptions, DeviceOption>, ConnectionChoice {}

/** The platform refuses less than 30; the documentation advises more than 300. */
const keepAliveSeconds = 360

/** Where the platform tells a device with a certificate who it is. Nobody subscribes to it. */
const identityTopic = '/ext/auth/identity/response'

/**
 * The options of a client for a device on Alibaba Cloud IoT Platform:
 *
 * ```ts
 * const client = await connect(aliyun({ productKey, deviceName, deviceSecret }))
 * ```
 *
 * - `credentials` signs anew for each attempt. The stored session belongs to the id before the `|`.
 * - TLS from version 1.2 with the platform's roots (`aliyunRoots()`), and IPv6 for the endpoints `'ipv6'` and
 *   `'product'`; `family: 0` lets IPv4 in again. The preset never switches verification off, and it connects without
 *   TLS only for a device with `secureMode: 3`.
 * - Keep Alive 360 seconds; outside 30 to 1,200 the platform refuses the connection, so it is refused here.
 * - At most 5 attempts to connect a minute, and every limit of `aliyunProfile`, each of which `profile` can replace.
 *
 * The platform ignores the QoS of a SUBSCRIBE: messages come with the QoS of their publisher. It may say that there
 * is no session although there was one. Two connections of one device throw each other out.
 *
 * When the platform refuses (ConnectionRefusedError), the Return Code says why:
 *
 * - 2, a malformed client id or a Keep Alive out of range: cannot come of this preset. Never tried again.
 * - 3, unavailable, as in a storm of reconnections: heals by itself, so it is tried again; the very first connection only with
 *   `reconnect.retryInitial`.
 * - 4, a wrong secret, name or method: compare them with the console. Tried again only if the device has been online.
 * - 5, not authorised: the device is disabled, or deleted, or belongs to another instance or region: compare the endpoint.
 *   Tried again only if the device has been online.
 *
 * Nothing of what is returned shows a secret in `util.inspect`.
 *
 * @throws UsageError for what the platform would refuse or misread
 */
export function aliyun(device: Device, options: AliyunOptions = {}): ClientOptions {
  // Their names are known to the client, which checks them.
  if (!isRecord(options)) throw new UsageError(`the options of aliyun() have to be an object, not ${kindOf(options)}`)
  const { region: _region, endpoint: _endpoint, handlers, reconnect, ...client } = options
  const source = credentialSource(requireDevice(device))
  // Whatever can be wrong with the device is wrong now already, and not at the first attempt.
  source.credentials()
  requireNoIdentity(options)
  requireSessionName(device, options)
  const profile = client.profile ?? aliyunProfile
  const keepAlive = client.keepAlive ?? keepAliveSeconds
  const range = profile.keepAlive
  if (range !== undefined && !(keepAlive >= range.min && keepAlive <= range.max)) {
    throw new UsageError(
      `keepAlive must be ${range.min} to ${range.max} seconds, not ${describe(keepAlive)}: ${profile.name} refuses other connections`,
    )
  }
  return {
    ...client,
    ...connectionOptions(device, options),
    keepAlive,
    profile,
    credentials: () => source.credentials(),
    reconnect: reconnect === false ? false : { ...reconnect, maxAttemptsPerMinute: attemptsOf(reconnect, profile) },
    handlers: { ...handlers, ...identityHandler(device, source, handlers) },
  }
}

function attemptsOf(reconnect: ReconnectOptions | undefined, profile: ServerProfile): number {
  return reconnect?.maxAttemptsPerMinute ?? profile.connectsPerMinute ?? Number.POSITIVE_INFINITY
}

/** JavaScript can pass what the types leave out. */
function requireNoIdentity(options: object): void {
  for (const name of ['clientId', 'username', 'password', 'credentials'] satisfies DeviceOption[]) {
    if (Reflect.get(options, name) === undefined) continue
    throw new UsageError(`${name} is made from the device at every attempt: give it with the device, or leave it out`)
  }
}

/**
 * A session that is kept needs a name that stays; without names of its own a device shows another id from the second
 * connection on.
 */
function requireSessionName(device: Device, { cleanSession, store }: AliyunOptions): void {
  if (device.cert === undefined || device.productKey !== undefined || device.clientId !== undefined) return
  if (cleanSession !== false && store === undefined) return
  throw new UsageError(
    'a session that is kept needs a name: give the device a clientId, or connect once to learn its productKey and deviceName and give those',
  )
}

/**
 * The route by which a device with a certificate is told its names; a handler of the caller's for the same topic is
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
