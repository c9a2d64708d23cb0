/**
 * The state that all TLS connections of one client share: the options of the caller, one SecureContext, and the TLS
 * sessions. Parsing the certificates and the root store again at every attempt would cost milliseconds and memory. With a
 * session, a reconnection skips the expensive half of the handshake.
 *
 * Each endpoint has its own session: a resumed handshake does not check the name in the certificate again, so a session
 * with one server must not be used for another one. A newer session replaces the older one (TLS 1.3 sends several tickets,
 * and each is for one use). If the handshake fails, the session is dropped, because the server may have lost its keys; the
 * next handshake is then a full one. If the client gets other certificates, every session is dropped: a resumed handshake shows
 * the server no certificate, so the server would go on with the old one.
 */
import type { ConnectionOptions, PeerCertificate, SecureContext } from 'node:tls'
import { ConnectionLostError, UsageError } from '../errors.js'
import { codeOf, isError } from '../realms/foreign-values.js'
import type { Endpoint } from './endpoint.js'

interface KeptSession {
  readonly endpoint: Endpoint
  readonly session: Buffer
}

/** What a program may renew from one attempt to the next. */
export type Certificates = Pick<ConnectionOptions, 'cert' | 'key' | 'pfx' | 'passphrase' | 'ca'>

const noOptions: ConnectionOptions = {}
const none: readonly never[] = []

export class TlsSettings {
  readonly #options: ConnectionOptions
  /** The newest session of each endpoint. There are few endpoints, so a list is enough. */
  #sessions: readonly KeptSession[] = none
  #context: SecureContext | undefined
  /** A digest of the certificates in the context; undefined if they are those of the options. A copy of them would keep a secret. */
  #renewed: string | undefined

  /** Takes the option `tls` of a client. No module is loaded and no certificate is read before the first connection. */
  constructor(options: boolean | ConnectionOptions | undefined) {
    this.#options = typeof options === 'object' ? prepared(options) : noOptions
    for (const name of ['host', 'port', 'path', 'socket'] as const) {
      if (this.#options[name] === undefined) continue
      const advice = name === 'host' || name === 'port' ? `give ${name} beside tls` : 'pass the option stream'
      throw new UsageError(`tls.${name} cannot be used, because a client connects more than once: ${advice}`)
    }
  }

  /** The options of `tls.connect` for one attempt: our defaults, then the options of the caller. Throws UsageError. */
  connectionOptions(endpoint: Endpoint): ConnectionOptions {
    const kept = this.#sessions.find((one) => isSame(one.endpoint, endpoint))
    const session = kept?.session ?? (this.#renewed === undefined ? this.#options.session : undefined)
    return {
      // Set here, so that the environment (NODE_TLS_REJECT_UNAUTHORIZED) cannot switch the verification off.
      rejectUnauthorized: true,
      ...identityOf(endpoint.host),
      ...this.#options,
      ...(session === undefined ? {} : { session }),
      secureContext: this.#secureContext(),
    }
  }

  /**
   * The certificates for the next attempts, in place of those in the options; undefined for those in the options.
   * @throws ConnectionLostError if OpenSSL refuses them: a pair of files may be read while it is renewed. UsageError
   */
  renew(certificates: Certificates | undefined): void {
    const digest = certificates === undefined ? undefined : digestOf(certificates)
    if (digest === this.#renewed) return
    if (this.#options.secureContext !== undefined) {
      throw new UsageError('credentials returned tls beside the option tls.secureContext: leave one of them out')
    }
    this.#context = certificates === undefined ? undefined : renewedContext(this.#options, certificates)
    this.#renewed = digest
    this.#sessions = none
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

/** Leaves out options that are undefined, because `tls.connect` would use undefined as a value, and fail. */
function prepared(options: ConnectionOptions): ConnectionOptions {
  const copy: ConnectionOptions = { ...options }
  for (const name of Reflect.ownKeys(copy))
    if (Reflect.get(copy, name) === undefined) Reflect.deleteProperty(copy, name)
  const { checkServerIdentity } = copy
  if (checkServerIdentity === undefined) return copy
  return { ...copy, checkServerIdentity: (host, certificate) => identityError(checkServerIdentity, host, certificate) }
}

type CheckServerIdentity = NonNullable<ConnectionOptions['checkServerIdentity']>

/** Returns the error of the caller's check. An exception is returned too, because no code above could catch it. */
function identityError(check: CheckServerIdentity, host: string, certificate: PeerCertificate): Error | undefined {
  try {
    return check(host, certificate)
  } catch (error) {
    return isError(error) ? error : new Error('tls.checkServerIdentity threw', { cause: error })
  }
}

function isSame(one: Endpoint, other: Endpoint): boolean {
  return one.host === other.host && one.port === other.port
}

/** The name for SNI (never an address, and without a final dot: RFC 6066, section 3), or the check for an IPv6 address. */
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

function createContext(options: ConnectionOptions, refused: (error: unknown) => Error = refusedOptions): SecureContext {
  // Node refuses `minVersion` together with `secureProtocol`, which chooses one version.
  const oldestVersion =
    options.minVersion === undefined && options.secureProtocol === undefined ? { minVersion: 'TLSv1.2' as const } : {}
  refusePaths(options)
  try {
    return process.getBuiltinModule('node:tls').createSecureContext({ ...options, ...oldestVersion })
  } catch (error) {
    const mistake = passphraseMistake(error, options)
    throw refused(mistake === undefined ? error : new Error(mistake))
  }
}

/** OpenSSL finds no certificate in a path, and says nothing of it: then no issuer would be trusted. */
function refusePaths(options: ConnectionOptions): void {
  for (const name of ['ca', 'cert', 'key'] as const) {
    const isPath = [options[name]]
      .flat()
      .some((value) => typeof value === 'string' && /^(?!-----BEGIN)[^\n]*[\\/.][^\n]*$/.test(value))
    if (!isPath) continue
    throw new UsageError(`tls.${name} has no PEM in it; it looks like a path: give what is in the file`)
  }
}

/**
 * OpenSSL has one text for a passphrase that is missing and for one that is wrong. Of 256 keys it takes one for decrypted all the same, by
 * chance, and then says that its decoder does not support what it has found. Of a cipher that it no longer has, it speaks otherwise.
 */
function passphraseMistake(error: unknown, { key, pfx, passphrase }: ConnectionOptions): string | undefined {
  if (!isError(error)) return undefined
  const isUndecrypted = /bad decrypt|mac verify failure|interrupted/.test(error.message)
  if (!isUndecrypted && !(error.message.includes('DECODER') && isEncrypted(key))) return undefined
  // Each key, and each pfx, may have a passphrase beside it.
  const given = [key, pfx].flat().some((one) => typeof one === 'object' && 'passphrase' in one)
  const what = key === undefined ? 'tls.pfx' : 'tls.key'
  return `${what} is encrypted, and tls.passphrase is ${passphrase === undefined && !given ? 'missing' : 'wrong'}`
}

function isEncrypted(key: ConnectionOptions['key']): boolean {
  return [key]
    .flat()
    .some((one) => String(typeof one === 'object' && 'pem' in one ? one.pem : one).includes('ENCRYPTED'))
}

/** A certificate, its key and their passphrase belong together, so one of them replaces all of them. */
function renewedContext(options: ConnectionOptions, { ca = options.ca, ...own }: Certificates): SecureContext {
  const { cert, key, pfx, passphrase } = own
  const isOwn = [cert, key, pfx, passphrase].some((value) => value !== undefined)
  return createContext({ ...options, ...(isOwn ? { cert, key, pfx, passphrase } : {}), ca }, (error) =>
    isRefusedValue(error)
      ? refusedOptions(error)
      : new ConnectionLostError(`the tls that credentials returned cannot be used: ${describeRefusal(error)}`, {
          reason: 'credentials',
        }),
  )
}

function digestOf(certificates: Certificates): string {
  const text = JSON.stringify(certificates, (_name, value: unknown) =>
    ArrayBuffer.isView(value) ? Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) : value,
  )
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(text).digest('base64')
}

/** The error for options that Node or OpenSSL refuses. Their own error is no cause of it: it may show a key or a passphrase. */
export function refusedOptions(error: unknown): UsageError {
  return new UsageError(`the options in tls cannot be used: ${describeRefusal(error)}`)
}

/** Whether an error comes from Node's own check of a value, as of what `pskCallback` returns. Such an error shows the value. */
export function isRefusedValue(error: unknown): boolean {
  return /^ERR_(INVALID_ARG|INVALID_RETURN|OUT_OF_RANGE)/.test(codeOf(error))
}

/** A message of OpenSSL is safe to repeat. A message of Node's own checks has the value; only the name at its start is safe. */
function describeRefusal(error: unknown): string {
  if (!isError(error)) return 'Node refuses them'
  const code = codeOf(error)
  if (code === '' || /^ERR_(OSSL|SSL|CRYPTO)_/.test(code)) return error.message
  const [, name = 'a value'] = /^The (?:argument |property )?["']([\w.]{1,40})["']/.exec(error.message) ?? []
  return `${name.replace(/^options\./, 'tls.')} is not what Node takes (${code})`
}

/**
 * Checks that the certificate is for the IPv6 address of the server. The check of Node comes first, but in some releases
 * (such as 22.23 and 24.17, nodejs/node#64144) it refuses every IPv6 address. Then OpenSSL compares the address with the IP
 * addresses in the certificate; names in the certificate do not count. The zone is left out, because it has a meaning only
 * on this machine, and no certificate can have it.
 */
export function checkIPv6Identity(address: string, certificate: PeerCertificate): Error | undefined {
  const refusal = process.getBuiltinModule('node:tls').checkServerIdentity(address, certificate)
  if (refusal === undefined || !process.getBuiltinModule('node:net').isIPv6(address)) return refusal
  // Without a certificate there is nothing to compare.
  if (certificate.raw === undefined) return refusal
  const { X509Certificate } = process.getBuiltinModule('node:crypto')
  const [bare = ''] = address.split('%')
  return new X509Certificate(certificate.raw).checkIP(bare) === undefined ? refusal : undefined
}
