import type { PeerCertificate } from 'node:tls'

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
