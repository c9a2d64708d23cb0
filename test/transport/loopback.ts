import { once } from 'node:events'
import net from 'node:net'
import os from 'node:os'
import tls from 'node:tls'
import { onTestFinished } from 'vitest'
import { server as goodServer } from '../../fixtures/tls/index.js'
import type { OpenTransport, Peer, Transport, TransportEvents } from '../../src/transport/index.js'

/** A transport under test and what it has told, in order. */
export interface Watched {
  readonly transport: Transport
  readonly peer: Promise<Peer>
  readonly closed: Promise<Error | undefined>
  /** The names of the events, with runs of `received` and of `partlySent` as one. */
  readonly told: string[]
  /** All bytes so far. */
  bytes(): Buffer
  /** Resolves once `length` bytes have come. */
  until(length: number): Promise<Buffer>
  readonly drained: Promise<undefined>
}

interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  return { promise, resolve, reject }
}

type Hooks = { readonly [Name in keyof TransportEvents]?: (transport: Transport, event: unknown) => void }

/** Opens a transport, notes its events, and destroys it when the test is over. */
export function watch(open: OpenTransport, hooks: Hooks = {}): Watched {
  const opened = deferred<Peer>()
  const closed = deferred<Error | undefined>()
  const drained = deferred<undefined>()
  const told: string[] = []
  const chunks: Buffer[] = []
  let length = 0
  let waiting: { readonly length: number; readonly resolve: () => void } | undefined
  const transport = open({
    opened() {
      told.push('opened')
      if (transport.peer === undefined) opened.reject(new Error('opened, but without a peer'))
      else opened.resolve(transport.peer)
      hooks.opened?.(transport, undefined)
    },
    received(chunk) {
      if (told.at(-1) !== 'received') told.push('received')
      chunks.push(Buffer.from(chunk))
      length += chunk.length
      hooks.received?.(transport, chunk)
      if (waiting !== undefined && length >= waiting.length) waiting.resolve()
    },
    mayRest: () => true,
    partlySent() {
      if (told.at(-1) !== 'partlySent') told.push('partlySent')
      hooks.partlySent?.(transport, undefined)
    },
    drained() {
      told.push('drained')
      drained.resolve(undefined)
      hooks.drained?.(transport, undefined)
    },
    closed(cause) {
      told.push('closed')
      closed.resolve(cause)
      opened.reject(cause ?? new Error('closed before it was open'))
      hooks.closed?.(transport, cause)
    },
  })
  // A test that waits for `closed` alone does not look at `peer`.
  opened.promise.catch(() => {})
  onTestFinished(() => transport.destroy())
  const bytes = () => Buffer.concat(chunks)
  const until = async (wanted: number): Promise<Buffer> => {
    if (length < wanted) await new Promise<void>((resolve) => (waiting = { length: wanted, resolve }))
    return bytes()
  }
  return { transport, peer: opened.promise, closed: closed.promise, told, bytes, until, drained: drained.promise }
}

/** A server of the test, and the sockets of its clients in the order in which they came. */
export interface Listening<S extends net.Socket> {
  readonly port: number
  readonly server: net.Server
  /** The next client; on TLS after its handshake. */
  accepted(): Promise<S>
  /** Resets the TCP connections of all clients. */
  reset(): void
}

function listening<S extends net.Socket>(server: net.Server, event: string, port: number): Listening<S> {
  const ready: S[] = []
  const waiting: ((socket: S) => void)[] = []
  const sockets: net.Socket[] = []
  server.on('connection', (socket: net.Socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
  })
  server.on(event, (socket: S) => {
    socket.on('error', () => {})
    const next = waiting.shift()
    if (next === undefined) ready.push(socket)
    else next(socket)
  })
  server.on('tlsClientError', () => {})
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  })
  const accepted = async (): Promise<S> => ready.shift() ?? new Promise<S>((resolve) => waiting.push(resolve))
  const reset = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return { port, server, accepted, reset }
}

export interface Where {
  readonly host?: string
  readonly port?: number
}

async function bind(server: net.Server, { host = '::1', port = 0 }: Where): Promise<number> {
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

export async function listenTcp(where: Where = {}, options: net.ServerOpts = {}): Promise<Listening<net.Socket>> {
  const server = net.createServer(options)
  return listening(server, 'connection', await bind(server, where))
}

export async function listenTls(options: tls.TlsOptions = {}, where: Where = {}): Promise<Listening<tls.TLSSocket>> {
  const server = tls.createServer({ ...goodServer, ...options })
  return listening(server, 'secureConnection', await bind(server, where))
}

/** Everything that a stream gives until its end. */
export async function drain(socket: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** What the process still holds open of the network, once all that is being closed has had its turns to close. */
export async function remainingHandles(): Promise<string[]> {
  const ofNetwork = () => process.getActiveResourcesInfo().filter((name) => /^(TCP|TLS)|ConnectWrap$/.test(name))
  for (let turns = 0; turns < 1_000 && ofNetwork().length > 0; turns++) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  return ofNetwork()
}

/** The name of the loopback interface, as a zone of IPv6 addresses. */
export function loopbackZone(): string {
  const loopback = Object.entries(os.networkInterfaces()).find(([, addresses]) =>
    addresses?.some(({ address }) => address === '::1'),
  )
  if (loopback === undefined) throw new Error('these tests need the address ::1')
  return loopback[0]
}
