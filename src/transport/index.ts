/** The only network I/O of the package: opens connections, and describes their failures. */
export type { AddressFamily } from './address-lookup.js'
export { isCertificateFailure, isNotYetValid } from './connection-failure.js'
export { describeEndpoint } from './endpoint.js'
export { openSocket } from './socket-transport.js'
export { type OpenStream, openStream } from './stream-transport.js'
export { type Certificates, TlsSettings } from './tls-context.js'
export type { OpenTransport, Peer, Transport, TransportEvents } from './transport.js'
