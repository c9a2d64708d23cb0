import type { PeerCertificate } from 'node:tls'

/**
 * Whether the certificate is for an IPv6 address that was connected to. Node's own check is asked first. It fails for
 * every IPv6 address in some releases (22.23 and 24.17 among them: nodejs/node#64144), and an address with a zone it
 * compares as it stands, though no certificate can know the zone. Then OpenSSL compares the bare address with the IP
 * addresses in the certificate; nothing else in the certificate counts.
 */
export function checkIPv6Identity(address: string, certificate: PeerCertificate): Error | undefined {
  const refusal = process.getBuiltinModule('node:tls').checkServerIdentity(address, certificate)
  if (refusal === undefined || !process.getBuiltinModule('node:net').isIPv6(address)) return refusal
  const { X509Certificate } = process.getBuiltinModule('node:crypto')
  const [bare = ''] = address.split('%')
  return new X509Certificate(certificate.raw).checkIP(bare) === undefined ? refusal : undefined
}
