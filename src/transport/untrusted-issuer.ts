/**
 * Finds the missing root certificate of a server. For a chain that does not verify Node gives only an error code, and the
 * chain is lost by then. So the chain is read at the last moment, when Node destroys the socket. Reading it at every
 * handshake would cost a third of a millisecond.
 */
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'

/** A longer name is cut, because the server chooses it. */
const nameLengthMax = 100

/** The certificates that were not accepted, by socket. */
const refused = new WeakMap<TLSSocket, DetailedPeerCertificate>()

/** Watches a handshake. If a release of Node ends the socket without `destroy`, the name is missing in the error. */
export function watchRoot(socket: TLSSocket): void {
  socket.destroy = destroyWatched
}

/** One function for all sockets, so that an open connection needs no memory for it. */
function destroyWatched(this: TLSSocket, error?: Error): TLSSocket {
  if (error !== undefined && !this.authorized && !refused.has(this)) {
    // A socket that has lost its handle has no certificate, although the type of Node has no null.
    const leaf: DetailedPeerCertificate | null = this.getPeerCertificate(true)
    if (leaf !== null) refused.set(this, leaf)
  }
  return process.getBuiltinModule('node:tls').TLSSocket.prototype.destroy.call(this, error)
}

/** The issuer of the last certificate in the chain of the server: the root, because a chain ends before its root or with it. */
export function lastIssuer(socket: TLSSocket): string | undefined {
  let last = refused.get(socket)
  if (last === undefined) return undefined
  while (hasIssuer(last) && last.issuerCertificate !== last) last = last.issuerCertificate
  const name: unknown = last.issuer?.CN ?? last.issuer?.O
  return typeof name === 'string' ? name.slice(0, nameLengthMax) : undefined
}

/** The last certificate of a chain has no issuer unless it is self-signed, although the type of Node always has one. */
function hasIssuer(certificate: DetailedPeerCertificate): boolean {
  return 'issuerCertificate' in certificate && certificate.issuerCertificate !== undefined
}
