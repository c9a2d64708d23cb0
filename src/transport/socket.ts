/** Makes the socket of a connection, of node:net or node:tls, with the options that MQTT needs. */
import type { NetConnectOpts, OnReadOpts, Socket } from 'node:net'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { type AddressFamily, addressLookup } from './address-lookup.js'
import type { Endpoint } from './endpoint.js'
import type { ReadRests } from './rests/read-rests.js'
import type { TlsSettings } from './tls-context.js'
import type { Peer } from './transport.js'
import { watchRoot } from './untrusted-issuer.js'

export interface SocketOptions {
  readonly endpoint: Endpoint
  /** 0, the default: IPv6 first, then IPv4. 6 or 4: only that family. */
  readonly family?: AddressFamily | undefined
  /** The address of this machine to connect from. Undefined: the operating system chooses. */
  readonly localAddress?: string | undefined
  /** The attempts that have failed since the client was last connected. Default 0. */
  readonly failedAttempts?: number | undefined
  /** The rests of reading; undefined: those of the process. */
  readonly rests?: ReadRests | undefined
  /** All connections of a client share it. Undefined: TCP without TLS. */
  readonly tls: TlsSettings | undefined
}

/** A socket that has begun to connect. */
export interface Dialled {
  readonly socket: Socket
  /** The same socket if it uses TLS. */
  readonly secured: TLSSocket | undefined
}

/**
 * From this number of unsent bytes on, `write` asks the caller to wait. Set here, because the default differs between versions of Node.
 * TLS hands what it has encrypted to the system in a later turn of the event loop, so what one turn writes is unsent until then: with
 * 64 KiB most messages of a busy program waited in the queue, which made a publish at QoS 0 cost 1.5 us of CPU time in place of 0.9.
 */
const unsentTcpBytes = 65_536
const unsentTlsBytes = 262_144

/**
 * The time for one address of a name before the next one is tried. Node gives up a slow attempt and does not let it run
 * on. So with the default of 250 ms IPv6 would never be used on a path with a long round trip.
 */
const attemptTimeoutMs = 1_000

/**
 * After each failed attempt an address gets twice the time, up to 8 s: a path may be slower than the first time allows. Then the times
 * begin again, because the time-out of an attempt is for all addresses, and the first ones may be those that nothing answers on.
 */
const timesForAddress = 4

/** Begins to connect. `onread` gets all bytes in its buffer. Throws the error of Node if Node refuses an option. */
export function dial(options: SocketOptions, onread: OnReadOpts): Dialled {
  const { endpoint, family = 0, localAddress, tls, failedAttempts = 0 } = options
  const local = { path: endpoint.host, highWaterMark: unsentTcpBytes, allowHalfOpen: false, onread }
  if (endpoint.port === 0) return dialTcp(local)
  const secure = tls?.connectionOptions(endpoint)
  const preferred = {
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: attemptTimeoutMs * 2 ** (failedAttempts % timesForAddress),
    highWaterMark: tls === undefined ? unsentTcpBytes : unsentTlsBytes,
    localAddress,
    // A lookup of the caller gets the family from Node; our own lookup has it already.
    ...(secure?.lookup === undefined ? { lookup: addressLookup(family) } : { family }),
  }
  const fixed = { host: endpoint.host, port: endpoint.port, allowHalfOpen: false, onread }
  if (secure === undefined) return dialTcp({ ...preferred, ...fixed })
  return dialTls({ ...preferred, ...secure, ...fixed })
}

function dialTcp(options: NetConnectOpts): Dialled {
  // [MQTT-7.1.2-1] TCP is an ordered, lossless stream of bytes in both directions.
  const socket = process.getBuiltinModule('node:net').connect(options).setNoDelay(true)
  return { socket, secured: undefined }
}

function dialTls(options: ConnectionOptions): Dialled {
  // [MQTT-7.1.2-1] TLS over TCP is such a stream too.
  const socket = process.getBuiltinModule('node:tls').connect(options)
  // tls.connect has no option for this.
  socket.setNoDelay(true)
  watchRoot(socket)
  return { socket, secured: socket }
}

/** The peer of an open socket. Call this only on demand, because the socket then keeps its address in memory. */
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
