/** A socket of node:net or node:tls for one connection, made with the options that MQTT needs. */
import type { OnReadOpts, Socket, TcpNetConnectOpts } from 'node:net'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { type AddressFamily, addressLookup } from './address-lookup.js'
import type { Endpoint } from './endpoint.js'
import type { TlsSettings } from './tls-context.js'
import type { Peer } from './transport.js'
import { watchRoot } from './untrusted-issuer.js'

export interface SocketOptions {
  readonly endpoint: Endpoint
  /** 0, the default: IPv6 first, then IPv4. 6 or 4: that family only. */
  readonly family?: AddressFamily | undefined
  /** Made once for each client. Undefined: TCP without TLS. */
  readonly tls: TlsSettings | undefined
}

/** A socket that has begun to connect. */
export interface Dialled {
  readonly socket: Socket
  /** The same socket, if it speaks TLS. */
  readonly secured: TLSSocket | undefined
}

/** From here on `write` asks the caller to wait. Named, because Node's own mark differs between its versions. */
const highWaterMark = 65_536

/**
 * How long one address of a name may take before the next is tried. Node gives the slow attempt up instead of racing
 * it, so its default of 250 ms would keep IPv6 from ever being used over a path with a long round trip.
 */
const attemptTimeoutMs = 1_000

/** Begins to connect. `onread` gets all bytes, in its own buffer. Throws what Node's checks of the options throw. */
export function dial({ endpoint, family = 0, tls }: SocketOptions, onread: OnReadOpts): Dialled {
  const secure = tls?.connectionOptions(endpoint)
  const preferred = {
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: attemptTimeoutMs,
    highWaterMark,
    // A lookup of the caller's own is asked as Node asks it; ours knows the family.
    ...(secure?.lookup === undefined ? { lookup: addressLookup(family) } : { family }),
  }
  const fixed = { host: endpoint.host, port: endpoint.port, allowHalfOpen: false, onread }
  if (secure === undefined) return dialTcp({ ...preferred, ...fixed })
  return dialTls({ ...preferred, ...secure, ...fixed })
}

function dialTcp(options: TcpNetConnectOpts): Dialled {
  // [MQTT-7.1.2-1] TCP: an ordered, lossless stream of bytes both ways.
  const socket = process.getBuiltinModule('node:net').connect(options).setNoDelay(true)
  return { socket, secured: undefined }
}

function dialTls(options: ConnectionOptions): Dialled {
  // [MQTT-7.1.2-1] TLS over TCP is one too.
  const socket = process.getBuiltinModule('node:tls').connect(options)
  // tls.connect knows no option for this.
  socket.setNoDelay(true)
  watchRoot(socket)
  return { socket, secured: socket }
}

/** What is known of the peer of an open socket. Only on demand: Node remembers the address of every socket that was asked. */
export function describePeer(socket: Socket, secured: TLSSocket | undefined): Peer {
  const { remoteAddress, remotePort, remoteFamily } = socket
  const family = remoteFamily === undefined ? undefined : remoteFamily === 'IPv6' ? 6 : 4
  return { address: remoteAddress, port: remotePort, family, tls: secured && describeTls(secured) }
}

function describeTls(socket: TLSSocket): Peer['tls'] {
  return {
    version: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().name,
    resumed: socket.isSessionReused(),
  }
}
