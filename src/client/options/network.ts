/** Where a client connects to: servers by name or address, or a function that opens any other pipe of bytes. */
import type { ConnectionOptions } from 'node:tls'
import { quote } from '../../codec/field-checks.js'
import { UsageError } from '../../errors.js'
import { isRecord } from '../../option-names.js'
import { type ServerAddress, serverAddresses } from '../../transport/endpoint.js'
import { type Checks, callable, flag, group, oneOf, twoBytes } from './checks.js'
import type { ClientOptions, ServerOptions } from './client-options.js'

/** How a byte stream to a server is opened. */
export type NetworkSettings =
  | ServersSettings
  | { readonly kind: 'stream'; readonly open: NonNullable<ClientOptions['stream']> }

interface ServersSettings {
  readonly kind: 'servers'
  /** In the order in which they are tried. A user name or password is the one of the URL. */
  readonly servers: readonly [ServerAddress, ...ServerAddress[]]
  readonly family: 0 | 4 | 6
  readonly tls: boolean | ConnectionOptions | undefined
}

/** What a client with a `stream` has no use for. */
const networkOptions = ['url', 'host', 'port', 'family', 'servers', 'tls'] as const

export const networkChecks: Checks<Pick<ClientOptions, (typeof networkOptions)[number] | 'stream'>> = {
  url: unshownText,
  host: unshownText,
  port: twoBytes,
  family: oneOf([0, 4, 6]),
  servers: checkedServers,
  tls: checkedTls,
  stream: callable,
}

const serverChecks: Checks<ServerOptions> = { host: checkedHost, port: twoBytes, tls: flag }

/** Reads the checked options that say where to connect to. @throws UsageError */
export function parseNetwork(options: ClientOptions): NetworkSettings {
  const { stream, family = 0, tls } = options
  if (stream === undefined) return shared({ kind: 'servers', servers: serverAddresses(options), family, tls })
  const beside = networkOptions.find((name) => options[name] !== undefined)
  if (beside === undefined) return { kind: 'stream', open: stream }
  throw new UsageError(`${beside} cannot be used beside stream, which stands in for the network: leave one of them out`)
}

/** Those of the client that was made last, if they are plain. */
let latest: ServersSettings | undefined

/**
 * Clients that go to the same place share what says so (see `SharedSettings`): those with one server, no login in its URL and no
 * options of TLS, since nothing of a client that is over may be kept.
 */
function shared(settings: ServersSettings): ServersSettings {
  const [{ username, password }, ...others] = settings.servers
  const plain = others.length === 0 && username === undefined && password === undefined
  if (!plain || typeof settings.tls === 'object') return settings
  if (latest === undefined || !isSamePlace(latest, settings)) latest = settings
  return latest
}

/** Of two that have one server each. */
function isSamePlace(one: ServersSettings, other: ServersSettings): boolean {
  const [{ endpoint }] = one.servers
  const { host, port, tls } = other.servers[0].endpoint
  const sameServer = endpoint.host === host && endpoint.port === port && endpoint.tls === tls
  return sameServer && one.family === other.family && one.tls === other.tls
}

/** The value may be a URL with a password in the wrong place, so only its type is shown. */
function unshownText(name: string, value: string | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw new UsageError(`${name} has to be a string, not ${typeof value}`)
}

function checkedServers(name: string, value: ClientOptions['servers']): ClientOptions['servers'] {
  if (value !== undefined && !Array.isArray(value)) {
    throw new UsageError(`${name} has to be an array of URLs or objects, not ${typeof value}`)
  }
  return value?.map((server, index) =>
    typeof server === 'string' ? server : group(`${name}[${index}]`, server, serverChecks),
  )
}

function checkedHost(name: string, value: string): string {
  if (typeof value === 'string') return value
  throw new UsageError(`${name} has to be a string, not ${quote(value)}`)
}

function checkedTls(name: string, value: ClientOptions['tls']): ClientOptions['tls'] {
  if (value === undefined || typeof value === 'boolean') return value
  if (isRecord(value)) return { ...value }
  throw new UsageError(`${name} has to be true, false or an object of options for tls.connect, not ${quote(value)}`)
}
