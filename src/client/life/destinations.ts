import { describeEndpoint, type OpenTransport, openSocket, openStream, TlsSettings } from '../../transport/index.js'
import type { ServerLogin } from '../options/identity.js'
import type { NetworkSettings } from '../options/network.js'

/** Where one attempt goes to. */
export interface Destination {
  /** User name and password of the server's URL. */
  readonly login: ServerLogin | undefined
  /** The server, for people; undefined with the option `stream`. */
  readonly host: string | undefined
  readonly open: OpenTransport
}

/** Opens streams to the servers of a client, each attempt to the next in turn. What TLS needs, its sessions included, they share. */
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

  next(): Destination {
    const settings = this.#settings
    if (settings.kind === 'stream') {
      return { login: undefined, host: undefined, open: openStream(settings.open) }
    }
    const { servers, family } = settings
    const server = servers[this.#attempts % servers.length] ?? servers[0]
    this.#attempts += 1
    const { endpoint, username, password } = server
    return {
      login: { username, password },
      host: describeEndpoint(endpoint),
      open: openSocket({ endpoint, family, tls: endpoint.tls ? this.#tls : undefined }),
    }
  }
}
