import { once } from 'node:events'
import net from 'node:net'
import { onTestFinished } from 'vitest'

/**
 * A TCP relay in front of a server. `pass` forwards, `collect` keeps what the server sends until `release` hands it to
 * the client in one piece, and `reset` breaks new connections off as soon as the client has sent something.
 */
export class Relay {
  readonly port: number
  readonly #server: net.Server
  readonly #sockets: net.Socket[] = []
  #mode: 'pass' | 'collect' | 'reset' = 'pass'
  #collected: Buffer[] = []
  #client: net.Socket | undefined

  private constructor(server: net.Server, port: number, target: number) {
    this.#server = server
    this.port = port
    server.on('connection', (client) => this.#join(client, net.connect({ host: '::1', port: target })))
  }

  static async to(target: number): Promise<Relay> {
    const server = net.createServer({ allowHalfOpen: true }).listen(0, '::1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the relay has no port')
    const relay = new Relay(server, address.port, target)
    onTestFinished(() => relay.#close())
    return relay
  }

  set mode(mode: 'pass' | 'collect' | 'reset') {
    this.#mode = mode
  }

  /** Sends what was collected in one write, and keeps the connection open. */
  release(): void {
    this.#client?.write(Buffer.concat(this.#collected))
    this.#collected = []
  }

  /** Resets the connection of the client. */
  break(): void {
    this.#client?.resetAndDestroy()
  }

  #join(client: net.Socket, server: net.Socket): void {
    this.#client = client
    this.#sockets.push(client, server)
    client.on('error', () => {})
    server.on('error', () => {})
    client.on('data', (chunk) => {
      if (this.#mode === 'reset') client.resetAndDestroy()
      else server.write(chunk)
    })
    server.on('data', (chunk) => {
      if (this.#mode === 'collect') this.#collected.push(chunk)
      else client.write(chunk)
    })
  }

  #close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}
