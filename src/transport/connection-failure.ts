/**
 * Turns an error of the operating system, the resolver or OpenSSL into a ConnectionLostError. The new error has a `reason`
 * for programs, a sentence with the host and the port for people, and the original error as `cause`.
 */

import { ConnectionLostError, isMqttError, type LossReason } from '../errors.js'
import { codeOf, reasonOf, textOf } from '../realms/foreign-values.js'
import { describeEndpoint, type Endpoint } from './endpoint.js'

/** The step at which the connection failed. */
export type FailurePhase = 'opening' | 'securing' | 'open'

interface Diagnosis {
  readonly reason: LossReason
  /** The rest of a sentence that begins with `host:port`. */
  readonly says: string
  /** The codes of the operating system, the resolver or OpenSSL for this failure. */
  readonly codes?: readonly string[]
}

const reset: Diagnosis = {
  reason: 'reset',
  says: 'broke the connection off',
  codes: ['ECONNRESET', 'ECONNABORTED', 'EPIPE'],
}
const untrustedIssuer = 'an issuer that is not trusted here: pass its root certificate in tls.ca'
const untrusted: Diagnosis = {
  reason: 'certificate-untrusted',
  says: `has a certificate from ${untrustedIssuer}`,
  codes: [
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_ISSUER_CERT',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'CERT_UNTRUSTED',
  ],
}
const certificateRefused: Diagnosis = {
  reason: 'tls',
  says: 'does not accept the client certificate',
  codes: ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'],
}

const notYetValid = 'CERT_NOT_YET_VALID'

const diagnoses: readonly Diagnosis[] = [
  reset,
  untrusted,
  certificateRefused,
  { reason: 'refused', says: 'refused the connection: nothing listens there', codes: ['ECONNREFUSED'] },
  { reason: 'refused', says: 'is no local socket: no server has made it', codes: ['ENOENT', 'ENOTSOCK'] },
  {
    reason: 'unreachable',
    says: 'cannot be reached from this network',
    codes: ['EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN', 'EADDRNOTAVAIL'],
  },
  { reason: 'timed-out', says: 'did not answer in time', codes: ['ETIMEDOUT'] },
  { reason: 'name-not-found', says: 'has a name that cannot be resolved', codes: ['ENOTFOUND', 'ENODATA'] },
  { reason: 'name-not-found', says: 'has a name that no resolver answers for now', codes: ['EAI_AGAIN'] },
  { reason: 'certificate-expired', says: 'has a certificate that has expired', codes: ['CERT_HAS_EXPIRED'] },
  {
    reason: 'certificate-expired',
    says: 'has a certificate that is not valid yet: is the clock of this machine right?',
    codes: [notYetValid],
  },
  {
    reason: 'certificate-untrusted',
    says: 'has a certificate that cannot be accepted',
    codes: [
      'CERT_REVOKED',
      'CERT_REJECTED',
      'CERT_SIGNATURE_FAILURE',
      'CERT_CHAIN_TOO_LONG',
      'PATH_LENGTH_EXCEEDED',
      'INVALID_CA',
      'INVALID_PURPOSE',
    ],
  },
  {
    reason: 'certificate-name',
    says: 'has a certificate for another name: connect by a name in the certificate, or set tls.servername',
    codes: ['HOSTNAME_MISMATCH', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  },
  {
    reason: 'tls',
    says: 'does not answer in TLS: this looks like a plain TCP port',
    codes: ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'],
  },
  {
    reason: 'tls',
    says: 'and this client have no version of TLS in common',
    codes: ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
  },
  {
    reason: 'tls',
    says: 'wants a client certificate: pass tls.cert and tls.key',
    // OpenSSL has the first code, and BoringSSL, which Bun uses, the second.
    codes: ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'ERR_SSL_TLSV1_ALERT_CERTIFICATE_REQUIRED'],
  },
]

/** The operating system cannot know through which interface to reach it. */
const withoutZone: Diagnosis = {
  reason: 'unreachable',
  says: 'is a link-local address, which needs the interface behind a percent sign: fe80::1%eth0',
}
const isLinkLocalWithoutZone = ({ host }: Endpoint) => /^fe[89ab][0-9a-f]:[^%]*$/i.test(host)

const known = (code: string) => diagnoses.find(({ codes }) => codes?.includes(code))

function diagnose(code: string, phase: FailurePhase): Diagnosis {
  const diagnosis = known(code) ?? diagnoseAlert(code)
  if (phase !== 'securing') {
    return (
      diagnosis ?? { reason: 'other', says: phase === 'open' ? 'lost the connection' : 'could not be connected to' }
    )
  }
  if (diagnosis === reset) return { reason: 'reset', says: 'closed the connection in the middle of the TLS handshake' }
  return diagnosis ?? { reason: 'tls', says: 'was refused in the TLS handshake' }
}

/** OpenSSL has a code for each TLS alert of the peer, but the spelling of the codes changes between releases. */
function diagnoseAlert(code: string): Diagnosis | undefined {
  if (/ALERT.*CERTIFICATE/.test(code)) return certificateRefused
  if (!/^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|EPROTO$)/.test(code)) return undefined
  return { reason: 'tls', says: 'and this client could not agree in the TLS handshake' }
}

/**
 * OpenSSL refuses certificates below its security level, which grows with its releases. Node has no code for that, but the text of
 * OpenSSL says which weakness it was.
 */
function diagnoseWeakness(error: unknown): Diagnosis | undefined {
  const [text, what] = /^(?:CA|EE) .*(key|digest).* too weak$/.exec(textOf(error, 'message')) ?? []
  if (text === undefined) return undefined
  const weakness =
    what === 'key'
      ? 'has a key that is too short, such as RSA with 1024 bits'
      : 'is signed by a weak digest, such as SHA-1'
  const advice = "have it renewed; until then tls.ciphers 'DEFAULT@SECLEVEL=0' lowers the bar for all of TLS"
  return {
    reason: 'certificate-untrusted',
    says: `shows a certificate that is too weak: it or its issuer ${weakness} (OpenSSL: ${text}): ${advice}`,
  }
}

/**
 * Describes the error of a socket. `lastIssuer` is the issuer of the last certificate in the chain of the server. A
 * ConnectionLostError is returned unchanged.
 */
export function connectionFailure(
  error: unknown,
  endpoint: Endpoint,
  phase: FailurePhase,
  lastIssuer?: string,
): ConnectionLostError {
  if (error instanceof ConnectionLostError) return error
  if (isOfAddresses(error)) return everyAddressFailed(error, endpoint, phase)
  const code = codeOf(error)
  const hasNoZone = code === 'EINVAL' && isLinkLocalWithoutZone(endpoint)
  const diagnosis = hasNoZone ? withoutZone : (diagnoseWeakness(error) ?? diagnose(code, phase))
  const says =
    diagnosis === untrusted && lastIssuer !== undefined
      ? `has a certificate from ${JSON.stringify(lastIssuer)}, ${untrustedIssuer}`
      : diagnosis.says
  // The address shows which address of the name was used, and its family.
  const address = textOf(error, 'address')
  const detail = [code, address === endpoint.host ? '' : address].filter((part) => part !== '').join(' ')
  const sentence = `${describeEndpoint(endpoint)} ${says}`
  const { reason } = diagnosis
  return new ConnectionLostError(detail === '' ? sentence : `${sentence} (${detail})`, { reason, cause: error })
}

/** The most certain reason first: an address that refuses exists, an unreachable one may not. */
const reasonsByCertainty: readonly LossReason[] = ['refused', 'reset', 'timed-out', 'unreachable']

interface ErrorOfAddresses {
  /** The error of each address. */
  readonly errors: readonly unknown[]
}

function isOfAddresses(error: unknown): error is ErrorOfAddresses {
  return (
    typeof error === 'object' &&
    error !== null &&
    'errors' in error &&
    Array.isArray(error.errors) &&
    error.errors.length > 0
  )
}

/** A name with several addresses fails when each of them has failed. */
function everyAddressFailed(error: ErrorOfAddresses, endpoint: Endpoint, phase: FailurePhase): ConnectionLostError {
  const attempts = error.errors.map((attempt: unknown) => {
    const code = codeOf(attempt)
    return { code, address: textOf(attempt, 'address'), reason: diagnose(code, phase).reason }
  })
  const tried = attempts.map(({ address, code, reason }) => `${address || 'an address'} (${code || reason})`).join(', ')
  const reason = reasonsByCertainty.find((one) => attempts.some((attempt) => attempt.reason === one)) ?? 'other'
  return new ConnectionLostError(
    `${describeEndpoint(endpoint)} could not be connected to at any of its addresses: ${tried}`,
    { reason, cause: error },
  )
}

/** True if the certificate of the server was not accepted. Waiting does not help then; a person has to act. */
export function isCertificateFailure(error: unknown): boolean {
  return error instanceof ConnectionLostError && error.reason.startsWith('certificate-')
}

/** True if the certificate of the server is not valid yet, which waiting, or a right clock, heals. */
export function isNotYetValid(error: unknown): boolean {
  return error instanceof ConnectionLostError && codeOf(error.cause) === notYetValid
}

/** Describes the error of a byte pipe that the caller made. An error of this package is returned unchanged. */
export function streamFailure(error: unknown): Error {
  if (isMqttError(error)) return error
  const code = codeOf(error)
  const reason = known(code)?.reason ?? 'other'
  const own = reasonOf(error)
  const text = `the byte pipe of the option stream failed${own}${own.includes(code) ? '' : ` (${code})`}`
  return new ConnectionLostError(text, { reason, cause: error })
}
