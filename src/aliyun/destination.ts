/** Chooses the server of a device, and whether the connection uses TLS. */

import type { ConnectionOptions } from 'node:tls'
import type { ClientOptions, ServerOptions } from '../client/options/client-options.js'
import { UsageError } from '../errors.js'
import { isRecord } from '../option-names.js'
import { parseServerUrl } from '../transport/endpoint.js'
import type { CertificateDevice, SecretDevice, TokenDevice } from './device.js'
import { type Endpoint, endpointAddress, platformPort, type Region, warnOfTestEndpoint } from './endpoint.js'
import { aliyunRoots } from './roots.js'

/** The options of a client that choose its server. */
type Destination = Pick<ClientOptions, 'url' | 'host' | 'port' | 'family' | 'servers' | 'stream' | 'tls'>

type NamedServers = Pick<ClientOptions, 'url' | 'host' | 'port' | 'servers'>

export interface ConnectionChoice extends Destination {
  /** Default `cn-shanghai`. */
  readonly region?: Region | undefined
  /**
   * Default `'ipv6'`, for a device with a certificate `'x509'`. Give `url`, `host`, `servers` or `stream` instead for another
   * server.
   */
  readonly endpoint?: Endpoint | undefined
}

type Connection = Pick<ClientOptions, 'url' | 'host' | 'port' | 'servers' | 'family' | 'tls'>

/** The members of a device that decide about its server and its certificate. */
type ConnectingDevice =
  | Pick<SecretDevice, 'productKey' | 'secureMode' | 'cert' | 'key'>
  | Pick<TokenDevice, 'productKey' | 'secureMode' | 'cert' | 'key'>
  | Pick<CertificateDevice, 'productKey' | 'secureMode' | 'cert' | 'key'>

/** The options for the server and TLS: those of the platform, unless the caller has chosen another server. @throws UsageError */
export function connectionOptions(device: ConnectingDevice, options: ConnectionChoice): Connection {
  const { endpoint, region = 'cn-shanghai' } = options
  const given = (['url', 'host', 'servers', 'stream'] as const).find((name) => options[name] !== undefined)
  if (given !== undefined && endpoint !== undefined) {
    throw new UsageError(`endpoint and ${given} both say where the server is: give one of them`)
  }
  if (given === 'stream') return {}
  const tls = tlsOf(device, options)
  if (given !== undefined) {
    const named = namedOnPlatformPort(options)
    if (serversOf(named).some(isPlatformOn8883)) requireKnownRoot(options.tls)
    return { ...named, tls }
  }
  const kind = endpoint ?? (device.cert === undefined ? 'ipv6' : 'x509')
  if (kind === 'ipv6' && device.secureMode === 3) {
    throw new UsageError('the endpoint "ipv6" speaks TLS, and secureMode 3 announces plain TCP: leave secureMode out')
  }
  const address = endpointAddress(kind, region, device.productKey)
  if (kind === 'ipv6') warnOfTestEndpoint()
  const port = options.port ?? address.port
  if (isPlatformOn8883({ host: address.host, port })) requireKnownRoot(options.tls)
  return { host: address.host, port, tls, ...familyOf(options.family ?? address.family) }
}

function familyOf(family: ClientOptions['family']) {
  return family === undefined ? {} : { family }
}

/**
 * TLS with the roots of the platform, unless the device asks for plain TCP by `secureMode: 3`. Certificates and keys are
 * getters: so they are loaded only when needed, and `util.inspect` does not show them.
 */
function tlsOf(device: ConnectingDevice, options: ConnectionChoice): ConnectionOptions | false {
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
  const { ca, cert, key } = given
  return {
    ...given,
    get ca() {
      return ca ?? aliyunRoots()
    },
    get cert() {
      return typeof device.cert === 'function' ? undefined : (device.cert ?? cert)
    },
    get key() {
      return typeof device.key === 'function' ? undefined : (device.key ?? key)
    },
  }
}

/** The first server of the caller that is named without TLS. */
function plainServerOf(options: NamedServers): string | ServerOptions | undefined {
  return serversOf(options).find((server) =>
    typeof server === 'string' ? /^(mqtt|unix):/i.test(server) : server.tls === false,
  )
}

/** All servers that the caller names. */
function serversOf({ url, host, port, servers }: NamedServers): readonly (string | ServerOptions)[] {
  const named = host === undefined ? [] : [{ host, port }]
  // The client refuses a server that is none.
  const listed = Array.isArray(servers) ? servers.filter(Boolean) : []
  return [...(url === undefined ? [] : [url]), ...named, ...listed]
}

/** Both documents of the platform name port 1883 for TLS too, where a client takes 8883 if no port is given. */
function namedOnPlatformPort({ url, host, port, servers }: NamedServers): NamedServers {
  if (url !== undefined) return { url: typeof url === 'string' ? urlOnPlatformPort(url) : url }
  if (host !== undefined) return { host, port: port ?? (isPlatform(host) ? platformPort : undefined) }
  if (!Array.isArray(servers)) return { servers }
  const onPlatformPort = (server: string | ServerOptions) => {
    if (typeof server === 'string') return urlOnPlatformPort(server)
    return isRecord(server) && server.port === undefined && isPlatform(server.host)
      ? { ...server, port: platformPort }
      : server
  }
  return { servers: servers.map(onPlatformPort) }
}

function urlOnPlatformPort(url: string): string {
  return isPlatformOn8883(url) && !/:8883\/?$/.test(url) ? url.replace(/\/?$/, `:${platformPort}`) : url
}

function isPlatformOn8883(server: string | ServerOptions): boolean {
  const { host, port } = typeof server === 'string' ? parseServerUrl(server).endpoint : server
  return port === 8883 && isPlatform(host)
}

/** A name may end in a dot. */
function isPlatform(host: string): boolean {
  return /\.aliyuncs\.com\.?$/i.test(host)
}

/** Without its root, port 8883 would fail at every attempt, so this error names the missing root before the first one. */
function requireKnownRoot(tls: ConnectionChoice['tls']): void {
  if (typeof tls === 'object' && (tls.ca !== undefined || tls.secureContext !== undefined)) return
  throw new UsageError(
    'port 8883 of the platform shows a certificate of the private "Aliyun IoT Root CA", which is not among aliyunRoots(): ' +
      'pass it as tls: { ca: [...aliyunRoots(), pem] }, or use port 1883 or 443',
  )
}
