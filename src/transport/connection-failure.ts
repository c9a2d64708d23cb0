/**
 * What the operating system, the resolver and OpenSSL say about a connection, told to people: one ConnectionLostError
 * with a reason to decide by, a sentence with the host and the port, and the original as `cause`.
 */
import { ConnectionLostError, isMqttError, type LossReason } from '../errors.js'
import { describeEndpoint, type Endpoint } from './endpoint.js'

/** How far the connection had come when it failed. */
export type FailurePhase = 'opening' | 'securing' | 'open'

interface Diagnosis {
  readonly reason: LossReason
  /** Follows `host:port`, and makes a sentence with it. */
  readonly says: string
}

const refused: Diagnosis = { reason: 'refused', says: 'refused the connection: nothing listens there' }
const unreachable: Diagnosis = { reason: 'unreachable', says: 'cannot be reached from this network' }
const timedOut: Diagnosis = { reason: 'timed-out', says: 'did not answer in time' }
const reset: Diagnosis = { reason: 'reset', says: 'broke the connection off' }
const nameNotFound: Diagnosis = { reason: 'name-not-found', says: 'has a name that cannot be resolved' }
const expired: Diagnosis = { reason: 'certificate-expired', says: 'has a certificate that has expired' }
const notYetValid: Diagnosis = {
  reason: 'certificate-expired',
  says: 'has a certificate that is not valid yet: is the clock of this machine right?',
}
const untrusted: Diagnosis = {
  reason: 'certificate-untrusted',
  says: 'has a certificate from an issuer that is not trusted here: pass its root certificate in tls.ca',
}
/** The same, with the root that is missing. */
function untrustedBecauseOf(issuer: string | undefined): Diagnosis {
  if (issuer === undefined) return untrusted
  const says = `has a certificate from ${JSON.stringify(issuer)}, an issuer that is not trusted here: pass its root certificate in tls.ca`
  return { reason: untrusted.reason, says }
}

const rejected: Diagnosis = { reason: 'certificate-untrusted', says: 'has a certificate that cannot be accepted' }
const wrongName: Diagnosis = {
  reason: 'certificate-name',
  says: 'has a certificate for another name: connect by a name in the certificate, or set tls.servername',
}
const notTls: Diagnosis = { reason: 'tls', says: 'does not answer in TLS: this looks like a plain TCP port' }
const versions: Diagnosis = { reason: 'tls', says: 'and this client have no version of TLS in common' }
const certificateWanted: Diagnosis = {
  reason: 'tls',
  says: 'wants a client certificate: pass tls.cert and tls.key',
}
const certificateRefused: Diagnosis = { reason: 'tls', says: 'does not accept the client certificate' }

const diagnoses: ReadonlyMap<string, Diagnosis> = new Map([
  ['ECONNREFUSED', refused],
  ['EHOSTUNREACH', unreachable],
  ['ENETUNREACH', unreachable],
  ['EHOSTDOWN', unreachable],
  ['ENETDOWN', unreachable],
  ['EADDRNOTAVAIL', unreachable],
  ['ETIMEDOUT', timedOut],
  ['ECONNRESET', reset],
  ['ECONNABORTED', reset],
  ['EPIPE', reset],
  ['ENOTFOUND', nameNotFound],
  ['EAI_AGAIN', { reason: 'name-not-found', says: 'has a name that no resolver answers for at the moment' }],
  ['ENODATA', nameNotFound],
  ['CERT_HAS_EXPIRED', expired],
  ['CERT_NOT_YET_VALID', notYetValid],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', untrusted],
  ['UNABLE_TO_GET_ISSUER_CERT', untrusted],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', untrusted],
  ['SELF_SIGNED_CERT_IN_CHAIN', untrusted],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', untrusted],
  ['CERT_UNTRUSTED', untrusted],
  ['CERT_REVOKED', rejected],
  ['CERT_REJECTED', rejected],
  ['CERT_SIGNATURE_FAILURE', rejected],
  ['CERT_CHAIN_TOO_LONG', rejected],
  ['PATH_LENGTH_EXCEEDED', rejected],
  ['INVALID_CA', rejected],
  ['INVALID_PURPOSE', rejected],
  ['HOSTNAME_MISMATCH', wrongName],
  ['ERR_TLS_CERT_ALTNAME_INVALID', wrongName],
  ['ERR_SSL_WRONG_VERSION_NUMBER', notTls],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', notTls],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', versions],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', versions],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', certificateWanted],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', certificateRefused],
])

/** OpenSSL gives each alert of the peer a code of its own, spelt differently from one release to the next. */
function diagnoseAlert(code: string): Diagnosis | undefined {
  if (/ALERT.*CERTIFICATE/.test(code)) return certificateRefused
  return /^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|EPROTO$)/.test(code)
    ? { reason: 'tls', says: 'and this client could not agree in the TLS handshake' }
    : undefined
}

function diagnose(code: string, phase: FailurePhase): Diagnosis {
  const known = diagnoses.get(code) ?? diagnoseAlert(code)
  if (known !== undefined) {
    const brokeOff = known === reset && phase === 'securing'
    return brokeOff ? { reason: 'reset', says: 'closed the connection in the middle of the TLS handshake' } : known
  }
  if (phase === 'securing') return { reason: 'tls', says: 'was refused in the TLS handshake' }
  return { reason: 'other', says: phase === 'open' ? 'lost the connection' : 'could not be connected to' }
}

/**
 * Explains the error of a socket; `lastIssuer` is where the chain of the server's certificates ended. An error that is a ConnectionLostError already is returned as
 * it is.
 */
export function connectionFailure(
  error: unknown,
  endpoint: Endpoint,
  phase: FailurePhase,
  lastIssuer?: string,
): ConnectionLostError {
  if (error instanceof ConnectionLostError) return error
  if (error instanceof AggregateError && error.errors.length > 0) return everyAddressFailed(error, endpoint, phase)
  const code = errorCode(error)
  const diagnosis = diagnose(code, phase)
  const { reason, says } = diagnosis === untrusted ? untrustedBecauseOf(lastIssuer) : diagnosis
  // The address tells which of the two families a name has led to.
  const address = errorAddress(error)
  const detail = [code, address === endpoint.host ? '' : address].filter((part) => part !== '').join(' ')
  const sentence = `${describeEndpoint(endpoint)} ${says}`
  return new ConnectionLostError(detail === '' ? sentence : `${sentence} (${detail})`, { reason, cause: error })
}

/** What tells most about the server stands first: an address that refuses is there, one out of reach may be. */
const telling: readonly LossReason[] = ['refused', 'reset', 'timed-out', 'unreachable']

/** A name with several addresses fails when each of them has failed. */
function everyAddressFailed(error: AggregateError, endpoint: Endpoint, phase: FailurePhase): ConnectionLostError {
  const attempts = error.errors.map((attempt: unknown) => {
    const code = errorCode(attempt)
    return { code, address: errorAddress(attempt), reason: diagnose(code, phase).reason }
  })
  const tried = attempts.map(({ address, code, reason }) => `${address || 'an address'} (${code || reason})`).join(', ')
  const reason = telling.find((one) => attempts.some((attempt) => attempt.reason === one)) ?? 'other'
  return new ConnectionLostError(
    `${describeEndpoint(endpoint)} could not be connected to at any of its addresses: ${tried}`,
    { reason, cause: error },
  )
}

/** True when the server's certificate was not accepted: waiting does not cure that, a person has to. */
export function isCertificateFailure(error: unknown): boolean {
  if (!(error instanceof ConnectionLostError)) return false
  return (
    error.reason === 'certificate-expired' ||
    error.reason === 'certificate-untrusted' ||
    error.reason === 'certificate-name'
  )
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

function errorAddress(error: unknown): string {
  return error instanceof Error && 'address' in error && typeof error.address === 'string' ? error.address : ''
}

/** Explains the error of a byte pipe that the caller made. An error of this package is returned as it is. */
export function streamFailure(error: unknown): Error {
  if (isMqttError(error)) return error
  const code = errorCode(error)
  const reason = diagnoses.get(code)?.reason ?? 'other'
  const detail = code === '' ? '' : ` (${code})`
  return new ConnectionLostError(`the byte pipe of the option stream failed${detail}`, { reason, cause: error })
}
