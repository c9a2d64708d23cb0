/** Where a client connects to: servers by name or address, or a function that opens any other pipe of bytes. */
import type { ConnectionOptions } from 'node:tls'
import { quote } from '../codec/packet-field.js'
import { UsageError } from '../errors.js'
import { type ServerAddress, serverAddresses } from '../transport/endpoint.js'
import type { ClientOptions, ServerOptions } from './client-options.js'
import { callable, flag, group, integer, isRecord, oneOf } from './option-checks.js'

/** How a byte stream to a server is opened. */
export type NetworkSettings =
  | {
      readonly kind: 'servers'
      /** In the order in which they are tried. A user name or password is the one of the URL. */
      readonly servers: readonly [ServerAddress, ...ServerAddress[]]
      readonly family: 0 | 4 | 6
      readonly tls: boolean | ConnectionOptions | undefined
    }
  | { readonly kind: 'stream'; readonly open: NonNullable<ClientOptions['stream']> }

/** Reads the options that say where to connect to. @throws UsageError */
export function parseNetwork(options: ClientOptions): NetworkSettings {
  const open = callable('stream', options.stream)
  if (open !== undefined) {
    for (const name of ['url', 'host', 'port', 'family', 'servers', 'tls'] as const) {
      if (options[name] === undefined) continue
      throw new UsageError(
        `${name} cannot be used beside stream, which stands in for the network: leave one of them out`,
      )
    }
    return { kind: 'stream', open }
  }
  const { url, host, port, servers, tls } = options
  for (const [name, value] of [
    ['url', url],
    ['host', host],
  ] as const) {
    // The value may be a URL with a password in the wrong place, so only its type is shown.
    if (value !== undefined && typeof value !== 'string')
      throw new UsageError(`${name} has to be a string, not ${typeof value}`)
  }
  if (servers !== undefined && !Array.isArray(servers)) {
    throw new UsageError(`servers has to be an array of URLs or objects, not ${typeof servers}`)
  }
  return {
    kind: 'servers',
    servers: serverAddresses({
      url,
      host,
      port: integer('port', port, 1, 65_535),
      tls: parseTls(tls),
      servers: servers?.map(parseServer),
    }),
    family: oneOf('family', options.family, [0, 4, 6]) ?? 0,
    tls: parseTls(tls),
  }
}

function parseTls(tls: ClientOptions['tls']): boolean | ConnectionOptions | undefined {
  if (tls === undefined || typeof tls === 'boolean') return tls
  if (isRecord(tls)) return { ...tls }
  throw new UsageError(`tls has to be true, false or an object of options for tls.connect, not ${quote(tls)}`)
}

function parseServer(given: string | ServerOptions, index: number): string | ServerOptions {
  if (typeof given === 'string') return given
  const name = `servers[${index}]`
  const server = group(name, given, 'server')
  if (typeof server.host !== 'string')
    throw new UsageError(`${name}.host has to be a string, not ${quote(server.host)}`)
  return {
    host: server.host,
    port: integer(`${name}.port`, server.port, 1, 65_535),
    tls: flag(`${name}.tls`, server.tls),
  }
}
