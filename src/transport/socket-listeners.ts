/**
 * The listeners of sockets. Node calls a listener with its socket as `this`, so one listener of each kind serves all sockets
 * of the process, and a connection needs no memory for listeners.
 */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** Gets the events of a socket. */
export interface SocketOwner {
  /** TCP is connected. */
  onConnect(): void
  /** The handshake of TLS is done. */
  onReady(): void
  /** The server has sent a TLS session, which a later connection can resume. */
  onSession(session: Buffer): void
  onDrain(): void
  onEnd(): void
  onError(error: Error): void
  onClose(): void
}

/** The member of a socket that refers to its owner. */
const owner = Symbol('owner')

interface Owned {
  readonly [owner]: SocketOwner
}

/** Passes all events but sessions to the owner. `secured` is the same socket if it uses TLS. */
export function listenTo(socket: Socket, secured: TLSSocket | undefined, socketOwner: SocketOwner): void {
  Object.assign(socket, { [owner]: socketOwner })
  socket.on('drain', onDrain).on('end', onEnd).on('error', onError).on('close', onClose)
  // Must run before the listener of Node, which starts the TLS handshake.
  socket.prependOnceListener('connect', onConnect)
  secured?.once('secureConnect', onReady)
}

/**
 * Call this when TCP is connected, before Node starts the handshake. This call makes Node ask OpenSSL for sessions, on the
 * present handle of the socket only, and Node makes a new handle for each address that it tries.
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
