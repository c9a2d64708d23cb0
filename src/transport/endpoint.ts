/**
 * The address of a server, from a URL (`mqtt://`, `mqtts://`) or from `host`, `port` and `tls`.
 *
 * URLs are parsed here and not by `new URL`. `new URL` refuses the zone of a link-local IPv6 address
 * (`mqtt://[fe80::1%eth0]`), and accepts parts that have no meaning for MQTT. Error messages of this file repeat only the
 * scheme and the host: any other part of the URL, even a port of digits, may be a piece of a password.
 */
import { domainToASCII } from 'node:url'
import { UsageError } from '../errors.js'

/**
 * One server. `host` is a name or an address. An IPv6 address has no brackets, and keeps its zone. If `port` is 0, `host` is the path of a
 * local socket.
 */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly tls: boolean
}

/** An endpoint, and the credentials in its URL, percent-decoded. */
export interface ServerAddress {
  readonly endpoint: Endpoint
  readonly username: string | undefined
  readonly password: string | undefined
}

/** A server in the list `servers`: a URL, or its parts. */
export type Server =
  | string
  | { readonly host: string; readonly port?: number | undefined; readonly tls?: boolean | undefined }

/** The options of a client that name its servers. */
export interface AddressOptions {
  readonly url?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly tls?: boolean | object | undefined
  readonly servers?: readonly Server[] | undefined
}

/** The ports that IANA has registered for MQTT and for MQTT over TLS (section 4.2). */
const defaultPort = (tls: boolean): number => (tls ? 8883 : 1883)

/** All servers that the options name, in the same order; at least one. Throws UsageError. */
export function serverAddresses(options: AddressOptions): readonly [ServerAddress, ...ServerAddress[]] {
  const [first, ...others] = namedServers(options).map((server) => readServer(server, options.tls))
  if (first === undefined) throw new UsageError('servers is empty: name at least one server')
  const addresses = [first, ...others] as const
  const isPlain = ({ endpoint }: ServerAddress) => !endpoint.tls
  // `tls: true` asks for TLS on every server. Options in `tls` are only for the servers with TLS.
  if (options.tls === true ? addresses.some(isPlain) : typeof options.tls === 'object' && addresses.every(isPlain)) {
    throw new UsageError(
      `tls is given, but the address of ${describeEndpoint(first.endpoint)} asks for a connection without TLS: ` +
        'write mqtts://, or leave tls out',
    )
  }
  return addresses
}

function namedServers({ url, host, port, servers }: AddressOptions): readonly Server[] {
  const named = [url, host, servers].filter((value) => value !== undefined)
  if (named.length === 0) throw new UsageError('no server is named: give url (mqtt:// or mqtts://), host or servers')
  if (named.length > 1) throw new UsageError('the server is named twice: give one of url, host and servers')
  if (host !== undefined) return [{ host, port }]
  if (port !== undefined) throw new UsageError('port goes with host only: write it into the URL')
  return url === undefined ? (servers ?? []) : [url]
}

function readServer(server: Server, tls: AddressOptions['tls']): ServerAddress {
  if (typeof server === 'string') {
    const address = parseServerUrl(server)
    if (tls === false && address.endpoint.tls) {
      throw new UsageError('the URL says mqtts://, but tls is false: write mqtt://, or leave tls out')
    }
    return address
  }
  const secure = server.tls ?? (tls !== undefined && tls !== false)
  const endpoint = { host: readHost(server.host), port: readPort(server.port ?? defaultPort(secure)), tls: secure }
  return { endpoint, username: undefined, password: undefined }
}

/** Reads `mqtt://` and `mqtts://` URLs: `scheme://[user[:password]@]host[:port]`, and `unix:path`. Throws UsageError. */
export function parseServerUrl(url: string): ServerAddress {
  const path = /^unix:(?:\/\/(?=\/))?(.*)$/is.exec(url)?.[1]
  if (path !== undefined) return localSocket(path)
  const parts = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/is.exec(url)
  if (parts === null) throw new UsageError('a server URL starts with mqtt:// or mqtts:// (or unix:)')
  const [, given = '', authority = '', remainder = ''] = parts
  const scheme = given.toLowerCase()
  if (scheme !== 'mqtt' && scheme !== 'mqtts') throw new UsageError(unknownScheme(scheme))
  if (remainder.includes('@')) {
    throw new UsageError("the user name and the password of a URL must have '/', '?', '#' and '@' percent-encoded")
  }
  if (remainder !== '' && remainder !== '/') {
    throw new UsageError(`a path, query or fragment has no meaning in an ${scheme}:// URL: leave it out`)
  }

  // The last '@' is the end of the credentials; the first ':' in the credentials is the end of the user name.
  const [, username, password, place = ''] = /^(?:([^:]*)(?::(.*))?@)?(.*)$/s.exec(authority) ?? []
  const tls = scheme === 'mqtts'
  const [host, port = defaultPort(tls)] = splitPort(place)
  const endpoint = { host: readHost(host), port: readPort(port), tls }
  return { endpoint, username: percentDecode(username), password: percentDecode(password) }
}

/** The path stands as it is, without any decoding; `unix:/run/a.sock` and `unix:///run/a.sock` mean the same. */
function localSocket(path: string): ServerAddress {
  if (path === '') throw new UsageError('unix: is the path of a local socket, as in unix:/run/mosquitto.sock')
  return { endpoint: { host: path, port: 0, tls: false }, username: undefined, password: undefined }
}

function unknownScheme(scheme: string): string {
  switch (scheme) {
    case 'ws':
    case 'wss':
      return `${scheme}:// is not built in: pass the option stream, which opens the WebSocket as a Duplex`
    case 'tcp':
      return 'tcp:// is written mqtt:// here'
    case 'ssl':
    case 'tls':
      return `${scheme}:// is written mqtts:// here`
    default:
      return `${scheme}:// is not known: use mqtt:// or mqtts://`
  }
}

/** Splits `host`, `host:port`, `[v6]` or `[v6]:port`; the host of IPv6 keeps its brackets. */
function splitPort(text: string): readonly [host: string, port: string | undefined] {
  const bracket = text.startsWith('[') ? text.indexOf(']') + 1 : 0
  const colon = text.indexOf(':', bracket)
  if (bracket > 0 && bracket !== text.length && colon !== bracket) {
    throw new UsageError("only ':' and a port may follow the ']' of an IPv6 address")
  }
  if (bracket === 0 && colon !== text.lastIndexOf(':')) {
    throw new UsageError('an IPv6 address in a URL needs brackets: mqtt://[::1]:1883')
  }
  return colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)]
}

function readPort(port: string | number): number {
  const number = /^[0-9]+$/.test(`${port}`) ? Number(port) : 0
  if (number >= 1 && number <= 65_535) return number
  throw new UsageError(`a port is a whole number from 1 to 65535${typeof port === 'number' ? `, not ${port}` : ''}`)
}

function readHost(text: string): string {
  if (text === '') throw new UsageError('the host is empty: write mqtt://host, or mqtt://[::1] for an IPv6 address')
  const bare = /^\[(.*)\]$/.exec(text)?.[1]
  if (bare !== undefined || text.includes(':')) return readIPv6(bare ?? text)
  const name = /^[\p{ASCII}]*$/u.test(text) ? text : domainToASCII(text)
  if (/^[a-z0-9._-]+$/i.test(name)) return name
  throw new UsageError('the host holds a character that no host name has: it is a name or an address, without a scheme')
}

/** The zone of an address may have the form of a URL (`%25eth0`, RFC 6874) or the usual form (`%eth0`). */
function readIPv6(text: string): string {
  const address = text.replace(/%25(?=.)/, '%')
  if (process.getBuiltinModule('node:net').isIPv6(address)) return address
  throw new UsageError(
    'the host is no IPv6 address (a host without brackets has no colon: give the port apart, and a URL as url)',
  )
}

function percentDecode(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    throw new UsageError("the user name or password of the URL is not percent-encoded: write '%' as %25")
  }
}

/** `host:port` for people; an IPv6 address gets brackets. A local socket is `unix:path`. */
export function describeEndpoint({ host, port }: Pick<Endpoint, 'host' | 'port'>): string {
  if (port === 0) return `unix:${host}`
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
