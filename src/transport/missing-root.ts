/**
 * Which root a server's certificate would have needed. Node gives an error code for a chain that does not verify, and has
 * thrown the chain away by then; so it is taken at the last moment, when Node destroys the socket for it. To take it at
 * every handshake would cost a third of a millisecond.
 */
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'

/** A longer name is cut: it is whatever the server has sent. */
const nameLengthMax = 100

/** Watches a handshake; the function that it returns names the issuer where the chain ends, if one was seen. */
export function missingRoot(socket: TLSSocket): () => string | undefined {
  let leaf: DetailedPeerCertificate | null = null
  const { destroy } = socket
  // Should a release of Node end the socket in another way, the message is without the name.
  socket.destroy = (error) => {
    if (error !== undefined && !socket.authorized) leaf ??= socket.getPeerCertificate(true)
    return destroy.call(socket, error)
  }
  return () => (leaf === null ? undefined : lastIssuer(leaf))
}

/** The issuer of the last certificate that the server has shown: a chain ends before its root, or with it. */
function lastIssuer(leaf: DetailedPeerCertificate): string | undefined {
  let last = leaf
  while (hasIssuer(last) && last.issuerCertificate !== last) last = last.issuerCertificate
  const name: unknown = last.issuer?.CN ?? last.issuer?.O
  return typeof name === 'string' ? name.slice(0, nameLengthMax) : undefined
}

/** The type of Node promises an issuer to every certificate; the last of a chain has none unless it is its own. */
function hasIssuer(certificate: DetailedPeerCertificate): boolean {
  return 'issuerCertificate' in certificate && certificate.issuerCertificate !== undefined
}
