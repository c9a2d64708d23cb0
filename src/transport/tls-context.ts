/**
 * What all TLS connections of one client have in common: the caller's options, one SecureContext (to parse the
 * certificates and the root store anew at every attempt would cost milliseconds and memory), and the TLS sessions that
 * let a reconnect skip the expensive half of the handshake.
 *
 * A session is kept for each endpoint, because a resumed handshake does not compare the certificate with the name
 * again: what was proven for one server must not be shown to another. A newer session replaces the older one (TLS 1.3
 * sends several tickets, and wants each used once). A session whose handshake fails is dropped, so that a server that
 * has forgotten its keys is met with a full handshake the next time.
 */
import type { ConnectionOptions, PeerCertificate, SecureContext } from 'node:tls'
import { UsageError } from '../errors.js'
import type { Endpoint } from './endpoint.js'

interface KeptSession {
  readonly endpoint: Endpoint
  readonly session: Buffer
}

const noOptions: ConnectionOptions = {}
const none: readonly never[] = []

export class TlsSettings {
  readonly #options: ConnectionOptions
  /** The newest for each endpoint. There are few, so it is no Map. */
  #sessions: readonly KeptSession[] = none
  #context: SecureContext | undefined

  /** Takes the option `tls` of a client. Nothing is loaded and no certificate read before the first connection. */
  constructor(options: boolean | ConnectionOptions | undefined) {
    this.#options = typeof options === 'object' ? present(options) : noOptions
    for (const name of ['host', 'port', 'path', 'socket'] as const) {
      if (this.#options[name] === undefined) continue
      const advice = name === 'host' || name === 'port' ? `give ${name} beside tls` : 'pass the option stream'
      throw new UsageError(`tls.${name} cannot be used, because a client connects more than once: ${advice}`)
    }
  }

  /** The options of `tls.connect` for one attempt: the caller's, and what the caller left open. Throws UsageError. */
  connectionOptions(endpoint: Endpoint): ConnectionOptions {
    const kept = this.#sessions.find((one) => isSame(one.endpoint, endpoint))
    const session = kept?.session ?? this.#options.session
    return {
      // Named here so that the environment (NODE_TLS_REJECT_UNAUTHORIZED) does not switch the verification off.
      rejectUnauthorized: true,
      ...identityOf(endpoint.host),
      ...this.#options,
      ...(session === undefined ? {} : { session }),
      secureContext: this.#secureContext(),
    }
  }

  remember(endpoint: Endpoint, session: Buffer): void {
    this.forget(endpoint)
    this.#sessions = [...this.#sessions, { endpoint, session }]
  }

  forget(endpoint: Endpoint): void {
    this.#sessions = this.#sessions.filter((one) => !isSame(one.endpoint, endpoint))
  }

  #secureContext(): SecureContext {
    this.#context ??= this.#options.secureContext ?? createContext(this.#options)
    return this.#context
  }
}

/** What is undefined is absent: `tls.connect` would take it for a value of the caller's, and trip over it. */
function present(options: ConnectionOptions): ConnectionOptions {
  const copy: ConnectionOptions = { ...options }
  for (const name of Reflect.ownKeys(copy))
    if (Reflect.get(copy, name) === undefined) Reflect.deleteProperty(copy, name)
  const { checkServerIdentity } = copy
  if (checkServerIdentity === undefined) return copy
  return { ...copy, checkServerIdentity: (host, certificate) => verdictOf(checkServerIdentity, host, certificate) }
}

type CheckServerIdentity = NonNullable<ConnectionOptions['checkServerIdentity']>

/** What a check of the caller's throws is its verdict: nobody above it could catch it. */
function verdictOf(check: CheckServerIdentity, host: string, certificate: PeerCertificate): Error | undefined {
  try {
    return check(host, certificate)
  } catch (error) {
    return error instanceof Error ? error : new Error('tls.checkServerIdentity threw', { cause: error })
  }
}

function isSame(one: Endpoint, other: Endpoint): boolean {
  return one.host === other.host && one.port === other.port
}

/** How the server is named to itself (SNI: a name only, RFC 6066, section 3, and without the final dot) and checked. */
function identityOf(host: string): ConnectionOptions {
  switch (process.getBuiltinModule('node:net').isIP(host)) {
    case 0:
      return { servername: host.replace(/\.$/, '') }
    case 6:
      return { checkServerIdentity: checkIPv6Identity }
    default:
      return {}
  }
}

function createContext(options: ConnectionOptions): SecureContext {
  // Node refuses a floor beside `secureProtocol`, which names one version of its own.
  const floor =
    options.minVersion === undefined && options.secureProtocol === undefined ? { minVersion: 'TLSv1.2' as const } : {}
  try {
    return process.getBuiltinModule('node:tls').createSecureContext({ ...options, ...floor })
  } catch (error) {
    throw new UsageError(`the options in tls cannot be used: ${describeRefusal(error)}`)
  }
}

/** Errors of OpenSSL name what is wrong; those of Node's own checks repeat the value, which may be a key or a passphrase. */
function describeRefusal(error: unknown): string {
  if (!(error instanceof Error)) return 'Node refuses them'
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return code.startsWith('ERR_INVALID_ARG') ? `a value has the wrong type (${code})` : error.message
}

/**
 * Whether the certificate is for an IPv6 address that was connected to. Node's own check is asked first; in some releases
 * (22.23 and 24.17 among them, nodejs/node#64144) it refuses every IPv6 address. Then OpenSSL compares the address with
 * the IP addresses in the certificate, and nothing else in the certificate counts. The zone is left out: it has a
 * meaning on this machine only, and no certificate can name it.
 */
export function checkIPv6Identity(address: string, certificate: PeerCertificate): Error | undefined {
  const refusal = process.getBuiltinModule('node:tls').checkServerIdentity(address, certificate)
  if (refusal === undefined || !process.getBuiltinModule('node:net').isIPv6(address)) return refusal
  // Without a certificate there is nothing to compare with.
  if (certificate.raw === undefined) return refusal
  const { X509Certificate } = process.getBuiltinModule('node:crypto')
  const [bare = ''] = address.split('%')
  return new X509Certificate(certificate.raw).checkIP(bare) === undefined ? refusal : undefined
}
