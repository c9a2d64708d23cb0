import { ConnectionLostError } from '../errors.js'
import type { ServerProfile } from './options/server-profile.js'

/** The error, with what the profile says about the roots of its server if one of them seems to be missing here. */
export function withRootCertificates(error: Error, profile: ServerProfile | undefined): Error {
  if (!(error instanceof ConnectionLostError) || error.reason !== 'certificate-untrusted') return error
  if (profile?.rootCertificates === undefined) return error
  const text = `${error.message}; the certificates of ${profile.name} end in ${profile.rootCertificates}`
  return new ConnectionLostError(text, { reason: error.reason, cause: error.cause })
}
