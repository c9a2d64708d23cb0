/**
 * Which root a server's certificate would have needed. Node gives an error code for a chain that does not verify, and has
 * thrown the chain away by then; so it is taken at the last moment, when Node destroys the socket for it. To take it at
 * every handshake would cost a third of a millisecond.
 */
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'

/** A longer name is cut: it is whatever the server has sent. */
const nameLengthMax = 100

/** The certificates of servers that were not accepted, by their sockets. */
const refused = new WeakMap<TLSSocket, DetailedPeerCertificate>()

/** Watches a handshake. Should a release of Node end the socket in another way than by `destroy`, there is no name. */
export function watchRoot(socket: TLSSocket): void {
  socket.destroy = destroyWatched
}

/** One for all sockets, so that a connection that is open owns nothing for this. */
function destroyWatched(this: TLSSocket, error?: Error): TLSSocket {
  if (error !== undefined && !this.authorized && !refused.has(this)) {
    // The type of Node does not say so, but a socket that has lost its handle has no certificate.
    const leaf: DetailedPeerCertificate | null = this.getPeerCertificate(true)
    if (leaf !== null) refused.set(this, leaf)
  }
  return process.getBuiltinModule('node:tls').TLSSocket.prototype.destroy.call(this, error)
}

/** The issuer of the last certificate that the server has shown: a chain ends before its root, or with it. */
export function lastIssuer(socket: TLSSocket): string | undefined {
  let last = refused.get(socket)
  if (last === undefined) return undefined
  while (hasIssuer(last) && last.issuerCertificate !== last) last = last.issuerCertificate
  const name: unknown = last.issuer?.CN ?? last.issuer?.O
  return typeof name === 'string' ? name.slice(0, nameLengthMax) : undefined
}

/** The type of Node promises an issuer to every certificate; the last of a chain has none unless it is its own. */
function hasIssuer(certificate: DetailedPeerCertificate): boolean {
  return 'issuerCertificate' in certificate && certificate.issuerCertificate !== undefined
}
