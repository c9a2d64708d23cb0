/**
 * What listens to a socket. Node calls listeners with their socket as `this`, so one of each kind serves all sockets of the process, and
 * a connection owns none.
 */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** Who is told what happens to a socket. */
export interface SocketOwner {
  /** TCP is connected. */
  onConnect(): void
  /** The handshake of TLS is done. */
  onReady(): void
  /** The server gave a session of TLS, to be resumed on a later connection. */
  onSession(session: Buffer): void
  onDrain(): void
  onEnd(): void
  onError(error: Error): void
  onClose(): void
}

/** Leads from a socket to its owner. */
const owner = Symbol('owner')

interface Owned {
  readonly [owner]: SocketOwner
}

/** Tells the owner everything but sessions. `secured` is the same socket, if it speaks TLS. */
export function listenTo(socket: Socket, secured: TLSSocket | undefined, its: SocketOwner): void {
  Object.assign(socket, { [owner]: its })
  socket.on('drain', onDrain).on('end', onEnd).on('error', onError).on('close', onClose)
  // Before Node's own listener, which starts the handshake of TLS.
  socket.prependOnceListener('connect', onConnect)
  secured?.once('secureConnect', onReady)
}

/**
 * Node asks OpenSSL for sessions when this is called, on the handle of that moment, and takes a new handle for each address that it
 * tries. So it has to be called when TCP is connected, and before Node starts the handshake.
 */
export function listenToSessions(secured: TLSSocket): void {
  secured.on('session', onSession)
}

function onConnect(this: Owned): void {
  this[owner].onConnect()
}

function onSession(this: Owned, session: Buffer): void {
  this[owner].onSession(session)
}

function onReady(this: Owned): void {
  this[owner].onReady()
}

function onDrain(this: Owned): void {
  this[owner].onDrain()
}

function onEnd(this: Owned): void {
  this[owner].onEnd()
}

function onError(this: Owned, error: Error): void {
  this[owner].onError(error)
}

function onClose(this: Owned): void {
  this[owner].onClose()
}
