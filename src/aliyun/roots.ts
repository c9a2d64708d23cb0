/**
 * The root certificates of the platform.
 *
 * The documentation names GlobalSign Root CA, "R1", which expires on 2028-01-28. Node no longer has it, so its text is in
 * this file, taken from Debian's ca-certificates. The platform may already use one of GlobalSign's later roots, which Node
 * has: R3, R6 and R46. They are taken from the list of Node, by fingerprint, at the first call. The option `ca` replaces
 * the list of Node. So certificates of all other issuers are refused, and a mistake of another issuer does no harm.
 *
 * The certificate of port 8883 is from a private root of Alibaba Cloud. That root is not here, because it cannot be
 * compared with a public source. Users of that port pass the root from their console.
 */

/** The SHA-256 of the DER encoding of each root that is taken from Node. */
const fingerprints: ReadonlySet<string> = new Set([
  // R3, to 2029-03-18
  'cbb522d7b7f127ad6a0113865bdf1cd4102e7d0759af635a7cf4720dc963c53b',
  // R6, to 2034-12-10
  '2cabeafe37d06ca22aba7391c0033d25982952c453647349763a3ab5ad6ccf69',
  // R46, to 2046-03-20
  '4fa3126d8d3a11d1c4855a4f807cbad6cf919d3a5a88b03bea2c6372d93c40c9',
])

let roots: readonly string[] | undefined

/**
 * The default of `tls.ca` in `aliyun(...)`, in PEM: GlobalSign R1, R3, R6 and R46. To trust one more root:
 * `aliyun(device, { tls: { ca: [...aliyunRoots(), more] } })`. To trust only your own roots, leave these out.
 */
export function aliyunRoots(): string[] {
  roots ??= [globalSignR1, ...laterRoots()]
  return [...roots]
}

/**
 * Loads `node:tls` and hashes its list of about 140 certificates. That takes a millisecond, so it is done only when a
 * connection needs the roots.
 */
function laterRoots(): string[] {
  const { rootCertificates } = process.getBuiltinModule('node:tls')
  const { createHash } = process.getBuiltinModule('node:crypto')
  return rootCertificates.filter((pem) => {
    const der = Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ''), 'base64')
    return fingerprints.has(createHash('sha256').update(der).digest('hex'))
  })
}

/** GlobalSign Root CA (R1), 1998-09-01 to 2028-01-28. */
export const globalSignR1 = `\
-----BEGIN CERTIFICATE-----
MIIDdTCCAl2gAwIBAgILBAAAAAABFUtaw5QwDQYJKoZIhvcNAQEFBQAwVzELMAkG
A1UEBhMCQkUxGTAXBgNVBAoTEEdsb2JhbFNpZ24gbnYtc2ExEDAOBgNVBAsTB1Jv
b3QgQ0ExGzAZBgNVBAMTEkdsb2JhbFNpZ24gUm9vdCBDQTAeFw05ODA5MDExMjAw
MDBaFw0yODAxMjgxMjAwMDBaMFcxCzAJBgNVBAYTAkJFMRkwFwYDVQQKExBHbG9i
YWxTaWduIG52LXNhMRAwDgYDVQQLEwdSb290IENBMRswGQYDVQQDExJHbG9iYWxT
aWduIFJvb3QgQ0EwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQDaDuaZ
jc6j40+Kfvvxi4Mla+pIH/EqsLmVEQS98GPR4mdmzxzdzxtIK+6NiY6arymAZavp
xy0Sy6scTHAHoT0KMM0VjU/43dSMUBUc71DuxC73/OlS8pF94G3VNTCOXkNz8kHp
1Wrjsok6Vjk4bwY8iGlbKk3Fp1S4bInMm/k8yuX9ifUSPJJ4ltbcdG6TRGHRjcdG
snUOhugZitVtbNV4FpWi6cgKOOvyJBNPc1STE4U6G7weNLWLBYy5d4ux2x8gkasJ
U26Qzns3dLlwR5EiUWMWea6xrkEmCMgZK9FGqkjWZCrXgzT/LCrBbBlDSgeF59N8
9iFo7+ryUp9/k5DPAgMBAAGjQjBAMA4GA1UdDwEB/wQEAwIBBjAPBgNVHRMBAf8E
BTADAQH/MB0GA1UdDgQWBBRge2YaRQ2XyolQL30EzTSo//z9SzANBgkqhkiG9w0B
AQUFAAOCAQEA1nPnfE920I2/7LqivjTFKDK1fPxsnCwrvQmeU79rXqoRSLblCKOz
yj1hTdNGCbM+w6DjY1Ub8rrvrTnhQ7k4o+YviiY776BQVvnGCv04zcQLcFGUl5gE
38NflNUVyRRBnMRddWQVDf9VMOyGj/8N7yy5Y0b2qvzfvGn9LhJIZJrglfCm7ymP
AbEVtQwdpf5pLGkkeB6zpxxxYu7KyJesF12KwvhHhm4qxFYxldBniYUr+WymXUad
DKqC5JlR3XC321Y9YeRq4VzW9v493kHMB65jUr9TU/Qr6cf9tveCX4XSQRjbgbME
HMUfpIBvFSDJ3gyICh3WZlXi/EjJKSZp4A==
-----END CERTIFICATE-----
`
