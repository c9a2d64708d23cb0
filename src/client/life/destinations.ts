import { UsageError } from '../../errors.js'
import {
  type Certificates,
  describeEndpoint,
  type OpenTransport,
  openSocket,
  openStream,
  TlsSettings,
} from '../../transport/index.js'
import type { ServerLogin } from '../options/identity.js'
import type { NetworkSettings } from '../options/network.js'

/** The server, or the stream, of one attempt. */
export interface Destination {
  /** The user name and the password in the URL of the server. */
  readonly login: ServerLogin | undefined
  /** The server as text, for the event `attempt`; undefined with the option `stream`. */
  readonly host: string | undefined
  readonly open: OpenTransport
}

/** Opens the streams to the servers of a client: each attempt takes the next server. All servers share the settings and sessions of TLS. */
export class Network {
  readonly #settings: NetworkSettings
  /** Undefined if no server has TLS. */
  readonly #tls: TlsSettings | undefined
  #attempts = 0

  constructor(settings: NetworkSettings) {
    this.#settings = settings
    if (settings.kind === 'servers' && settings.servers.some(({ endpoint }) => endpoint.tls))
      this.#tls = new TlsSettings(settings.tls)
  }

  /** Takes the certificates that `credentials` returned. @throws UsageError, ConnectionLostError */
  renew(certificates: Certificates | undefined): void {
    if (this.#tls !== undefined) return this.#tls.renew(certificates)
    if (certificates === undefined) return
    const isStream = this.#settings.kind === 'stream'
    const reason = isStream ? 'the option stream opens the connection' : 'no server has TLS'
    const advice = isStream ? 'use them in stream' : 'write mqtts://, or leave tls out'
    throw new UsageError(`credentials returned certificates in tls, but ${reason}: ${advice}`)
  }

  /** The server for the next attempt. `failedAttempts` is the number of attempts since the client was last online. */
  next(failedAttempts: number): Destination {
    const settings = this.#settings
    if (settings.kind === 'stream') {
      return { login: undefined, host: undefined, open: openStream(settings.open) }
    }
    const { servers, family, localAddress } = settings
    const server = servers[this.#attempts % servers.length] ?? servers[0]
    this.#attempts += 1
    const { endpoint, username, password } = server
    return {
      login: { username, password },
      host: describeEndpoint(endpoint),
      open: openSocket({ endpoint, family, localAddress, failedAttempts, tls: endpoint.tls ? this.#tls : undefined }),
    }
  }
}
