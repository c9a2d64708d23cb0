/** The port of a test server: on the loopback interface, `[::1]` first, over TCP or TLS. */
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { ConnectionLostError } from '../errors.js'
import { codeOf } from '../realms/foreign-values.js'

/** IPv6 first. */
export const loopback: readonly string[] = ['::1', '127.0.0.1']

export interface ListenOptions {
  /** Addresses, the best first: the next one is taken only if this machine does not have the one before. */
  readonly hosts: readonly string[]
  /** 0: any free port. */
  readonly port: number
  /** The options of `tls.createServer`; undefined: plain TCP. */
  readonly tls: tls.TlsOptions | undefined
}

export class Listener {
  readonly #server: net.Server
  /** All open TCP sockets, also those whose TLS handshake is not complete. */
  readonly #sockets: Set<net.Socket>
  readonly host: string
  readonly port: number

  private constructor(server: net.Server, sockets: Set<net.Socket>, host: string, port: number) {
    this.#server = server
    this.#sockets = sockets
    this.host = host
    this.port = port
  }

  static async listen(options: ListenOptions, onStream: (stream: net.Socket) => void): Promise<Listener> {
    const { hosts, port, tls: secure } = options
    const settings = { noDelay: true, allowHalfOpen: true }
    const server =
      secure === undefined
        ? net.createServer(settings, onStream)
        : tls.createServer({ ...settings, ...secure }, onStream)
    const sockets = new Set<net.Socket>()
    server.on('connection', (socket: net.Socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
    })
    // A client that does not trust the certificate ends the handshake, and reports the reason to its own program.
    server.on('tlsClientError', () => {})
    const bound = await bind(server, hosts, port)
    return new Listener(server, sockets, bound.host, bound.port)
  }

  /** Frees the port, and cuts every connection. */
  async close(): Promise<void> {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await once(this.#server, 'close')
  }
}

/** Listens on the first of the addresses that this machine has. */
async function bind(
  server: net.Server,
  [host, ...others]: readonly string[],
  port: number,
): Promise<{ readonly host: string; readonly port: number }> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    if (others.length > 0 && isMissingAddress(cause)) return bind(server, others, port)
    throw new ConnectionLostError(`the server cannot listen on ${host}, port ${port}`, { reason: 'other', cause })
  }
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a server over TCP has an address')
  return { host: address.address, port: address.port }
}

function isMissingAddress(error: unknown): boolean {
  return /^(EADDRNOTAVAIL|EAFNOSUPPORT)$/.test(codeOf(error))
}
