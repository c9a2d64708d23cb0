/** Where a client connects to: servers by name or address, or a function that opens another kind of byte stream. */
import type { ConnectionOptions } from 'node:tls'
import { kindOf, outline } from '../../codec/field-checks.js'
import { UsageError } from '../../errors.js'
import { isRecord } from '../../option-names.js'
import { type ServerAddress, serverAddresses } from '../../transport/endpoint.js'
import { type Checks, callable, flag, group, oneOf, only, twoBytes } from './checks.js'
import type { ClientOptions, ServerOptions } from './client-options.js'

/** How a client opens a byte stream to a server. */
export type NetworkSettings =
  | ServersSettings
  | { readonly kind: 'stream'; readonly open: NonNullable<ClientOptions['stream']> }

interface ServersSettings {
  readonly kind: 'servers'
  /** In the order of the attempts. The user name and the password of a server come from its URL. */
  readonly servers: readonly [ServerAddress, ...ServerAddress[]]
  readonly family: 0 | 4 | 6
  readonly localAddress: string | undefined
  readonly tls: boolean | ConnectionOptions | undefined
}

/** The options that `stream` replaces. */
const networkOptions = ['url', 'host', 'port', 'family', 'localAddress', 'servers', 'tls'] as const

export const networkChecks: Checks<Pick<ClientOptions, (typeof networkOptions)[number] | 'stream'>> = {
  url: secretText,
  host: secretText,
  port: twoBytes,
  family: oneOf([0, 4, 6]),
  localAddress: only<string>('an address of this machine, IPv4 or IPv6', (value) => addressFamily(value) !== 0),
  servers: checkedServers,
  tls: checkedTls,
  stream: callable,
}

const serverChecks: Checks<ServerOptions> = { host: checkedHost, port: twoBytes, tls: flag }

/** Reads the checked options that say where to connect to. @throws UsageError */
export function parseNetwork(options: ClientOptions): NetworkSettings {
  const { stream, localAddress, tls } = options
  if (stream === undefined) {
    const family = familyOf(options)
    return sharedIfPlain({ kind: 'servers', servers: serverAddresses(options), family, localAddress, tls })
  }
  const beside = networkOptions.find((name) => options[name] !== undefined)
  if (beside === undefined) return { kind: 'stream', open: stream }
  throw new UsageError(`${beside} cannot be used beside stream, which replaces the network: leave one of them out`)
}

/** An address of this machine reaches only addresses of its own family. */
function familyOf({ family = 0, localAddress }: ClientOptions): 0 | 4 | 6 {
  if (localAddress === undefined) return family
  const own = addressFamily(localAddress) === 6 ? 6 : 4
  if (family === 0 || family === own) return own
  throw new UsageError(`localAddress is an IPv${own} address, but family is ${family}: leave family out`)
}

function addressFamily(address: string): number {
  return process.getBuiltinModule('node:net').isIP(address)
}

/** The latest settings that were plain. */
let latest: ServersSettings | undefined

/**
 * Clients of the same server share their settings (see `SharedSettings`) if these are plain: one server, no login in its URL, and no
 * object for `tls`. Other settings may hold secrets or objects of one client, which must not stay in memory after that client.
 */
function sharedIfPlain(settings: ServersSettings): ServersSettings {
  const [{ username, password }, ...others] = settings.servers
  const plain = others.length === 0 && username === undefined && password === undefined
  if (!plain || typeof settings.tls === 'object') return settings
  if (latest === undefined || !isSamePlace(latest, settings)) latest = settings
  return latest
}

/** Compares settings with one server each. */
function isSamePlace(one: ServersSettings, other: ServersSettings): boolean {
  const [{ endpoint }] = one.servers
  const { host, port, tls } = other.servers[0].endpoint
  const sameServer = endpoint.host === host && endpoint.port === port && endpoint.tls === tls
  const sameFamily = one.family === other.family && one.localAddress === other.localAddress
  return sameServer && sameFamily && one.tls === other.tls
}

/** Checks for a string. The error shows only the type of a wrong value, because the value may hold a password. */
function secretText(name: string, value: string | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw new UsageError(`${name} has to be a string, not ${kindOf(value)}`)
}

function checkedServers(name: string, value: ClientOptions['servers']): ClientOptions['servers'] {
  if (value !== undefined && !Array.isArray(value)) {
    throw new UsageError(`${name} has to be an array of URLs or objects, not ${kindOf(value)}`)
  }
  return value?.map((server, index) =>
    typeof server === 'string' ? server : group(`${name}[${index}]`, server, serverChecks),
  )
}

function checkedHost(name: string, value: string): string {
  if (typeof value === 'string') return value
  throw new UsageError(`${name} has to be a string, not ${outline(value)}`)
}

function checkedTls(name: string, value: ClientOptions['tls']): ClientOptions['tls'] {
  if (value === undefined || typeof value === 'boolean') return value
  if (isRecord(value)) return { ...value }
  throw new UsageError(`${name} has to be true, false or an object of options for tls.connect, not ${outline(value)}`)
}
