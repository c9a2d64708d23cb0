/** From a device to the options of a client that connects it. */

import type { ConnectionOptions } from 'node:tls'
import type {
  ClientOptions,
  Message,
  MessageHandler,
  ReconnectOptions,
  ServerOptions,
  ServerProfile,
} from '../client/client-options.js'
import { UsageError } from '../errors.js'
import { type CredentialSource, credentialSource } from './connect-credentials.js'
import { type Device, requireDevice } from './device.js'
import { type Endpoint, type EndpointAddress, endpointAddress, type Region } from './endpoint.js'
import { parseIdentity } from './platform-answer.js'
import { aliyunProfile } from './platform-profile.js'
import { aliyunRoots } from './roots.js'
import { describe } from './signature.js'

/** What the device decides, and so nobody else may. */
type DeviceOption = 'clientId' | 'username' | 'password' | 'credentials'

/** Any option of a client, but for what the device decides. What is given here has precedence over the preset. */
export interface AliyunOptions extends Omit<ClientOptions, DeviceOption> {
  /** Default `cn-shanghai`. */
  readonly region?: Region | undefined
  /** Default `'ipv6'`, for a certificate device `'x509'`. Instead of it, `url`, `host`, `servers` or `stream` may be given. */
  readonly endpoint?: Endpoint | undefined
}

/** The platform refuses less than 30; the documentation advises more than 300. */
const keepAliveSeconds = 360

/** Where the platform tells a device with a certificate who it is. Nobody subscribes to it. */
export const identityTopic = '/ext/auth/identity/response'

/**
 * The options for a device on Alibaba Cloud IoT Platform: `await connect(aliyun({ productKey, deviceName, deviceSecret }))`.
 *
 * - `credentials` signs anew for each attempt. The stored session belongs to the id before the `|`.
 * - TLS from version 1.2 with the platform's roots (`aliyunRoots()`), and IPv6 for the endpoints `'ipv6'` and `'product'`; `family: 0`
 *   lets IPv4 in again. The preset never switches verification off, and it connects without TLS only for a device with `secureMode: 3`.
 * - Keep Alive 360 seconds; outside 30 to 1,200 the platform refuses the connection, so it is refused here.
 * - At most 5 attempts to connect a minute, and every limit of `aliyunProfile`, each of which `profile` can replace.
 *
 * The platform ignores the QoS of a SUBSCRIBE: messages come with the QoS of their publisher. It may say that there is no
 * session although there was one. Two connections of one device throw each other out.
 *
 * Nothing of what is returned shows a secret in `util.inspect`.
 *
 * @throws UsageError for what the platform would refuse or misread
 */
export function aliyun(device: Device, options: AliyunOptions = {}): ClientOptions {
  const { region = 'cn-shanghai', endpoint, handlers, reconnect, ...client } = options
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
    ...where(device, options, endpoint, region),
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

/** Which server, and whether over TLS: the preset's choice, unless the caller has made one. */
function where(device: Device, options: AliyunOptions, endpoint: Endpoint | undefined, region: Region) {
  const elsewhere = (['url', 'host', 'servers', 'stream'] as const).find((name) => options[name] !== undefined)
  if (elsewhere !== undefined && endpoint !== undefined) {
    throw new UsageError(`endpoint and ${elsewhere} both say where the server is: give one of them`)
  }
  if (elsewhere === 'stream') return {}
  const tls = tlsOf(device, options)
  if (elsewhere !== undefined) return { tls }
  const kind = endpoint ?? (device.cert === undefined ? 'ipv6' : 'x509')
  const address = endpointAddress(kind, region, device.productKey)
  const port = options.port ?? address.port
  requireKnownRoot({ ...address, port }, options.tls)
  return { host: address.host, port, tls, ...familyOf(options.family ?? address.family) }
}

function familyOf(family: ClientOptions['family']) {
  return family === undefined ? {} : { family }
}

/**
 * TLS with the platform's roots, unless the device asked for plain TCP by its secure mode. Each secret and each list of
 * certificates is a getter: what is not read is neither loaded nor shown.
 */
function tlsOf(device: Device, options: AliyunOptions): ConnectionOptions | false {
  const { tls } = options
  if (device.secureMode === 3) {
    if (tls !== undefined && tls !== false) {
      throw new UsageError('secureMode 3 announces plain TCP, but tls is given: leave one of them out')
    }
    return false
  }
  if (tls === false || plainServerOf(options) !== undefined) {
    throw new UsageError(
      'secureMode 2 announces TLS, but the connection would go without it: use mqtts:// and tls, or ask for plain TCP by secureMode 3 of a device with a secret',
    )
  }
  const given = typeof tls === 'object' ? tls : {}
  const { ca } = given
  if (device.cert === undefined) {
    return {
      ...given,
      get ca() {
        return ca ?? aliyunRoots()
      },
    }
  }
  return {
    ...given,
    get ca() {
      return ca ?? aliyunRoots()
    },
    get cert() {
      return device.cert
    },
    get key() {
      return device.key
    },
  }
}

/** The first server that the caller named and that is not to be spoken to over TLS. */
function plainServerOf({ url, servers = [] }: AliyunOptions): string | ServerOptions | undefined {
  const all = url === undefined ? servers : [url, ...servers]
  return all.find((server) => (typeof server === 'string' ? /^mqtt:/i.test(server) : server.tls === false))
}

/** Port 8883 would fail to verify at every attempt; better to say what is missing than to try. */
function requireKnownRoot({ host, port }: EndpointAddress, tls: AliyunOptions['tls']): void {
  const ownRoots = typeof tls === 'object' && (tls.ca !== undefined || tls.secureContext !== undefined)
  if (port !== 8883 || ownRoots || !host.endsWith('.aliyuncs.com')) return
  throw new UsageError(
    'port 8883 of the platform shows a certificate of the private "Aliyun IoT Root CA", which is not among aliyunRoots(): ' +
      'pass it as tls: { ca: [...aliyunRoots(), pem] }, or use port 1883 or 443',
  )
}

/** JavaScript can pass what the types leave out. */
function requireNoIdentity(options: object): void {
  for (const name of ['clientId', 'username', 'password', 'credentials'] satisfies DeviceOption[]) {
    if (Reflect.get(options, name) === undefined) continue
    throw new UsageError(`${name} is made from the device at every attempt: give it with the device, or leave it out`)
  }
}

/** A session that is kept needs a name that stays; without names of its own a device shows another id from the second connection on. */
function requireSessionName(device: Device, { cleanSession, store }: AliyunOptions): void {
  if (device.cert === undefined || device.productKey !== undefined || device.clientId !== undefined) return
  if (cleanSession !== false && store === undefined) return
  throw new UsageError(
    'a session that is kept needs a name: give the device a clientId, or connect once to learn its productKey and deviceName and give those',
  )
}

/** The route by which a device with a certificate is told its names; a handler of the caller's for the same topic is called too. */
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
