import { createPrivateKey } from 'node:crypto'
import type { ConnectionOptions } from 'node:tls'
import { describe, expect, it } from 'vitest'
import * as material from '../../fixtures/tls/index.js'
import { openSocket, TlsSettings } from '../../src/transport/index.js'
import { listenTls, watch } from './loopback.js'

const { ca, client, sha1, shortKey } = material

function connectTo(port: number, options: ConnectionOptions) {
  return watch(openSocket({ endpoint: { host: '::1', port, tls: true }, tls: new TlsSettings(options) }))
}

/** The message of an attempt with these options, which no server sees. */
async function refusalOf(options: ConnectionOptions): Promise<string> {
  const cause = await connectTo(1, options).closed
  expect(cause).toMatchObject({ code: 'MQTT_USAGE' })
  return cause?.message ?? ''
}

describe('a path where PEM should be', () => {
  it.each(['ca', 'cert', 'key'] as const)(
    'in tls.%s is said to look like a path, and is not repeated',
    async (name) => {
      for (const value of ['/etc/secret/file.pem', ['/etc/secret/file.pem']]) {
        const message = await refusalOf({ [name]: value })
        expect(message).toContain(`tls.${name} has no PEM in it; it looks like a path`)
        expect(message).not.toContain('secret')
      }
    },
  )
})

/** Found by trying: without its passphrase, the padding of what is decrypted is right by chance. */
const seeminglyDecrypted = `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhGdSeC8yag2AICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEAtCZlsO3q3TtDwtTAWADC0EgZDa
sJ/2wtCckmdNn/EhB4My72chunbOz1xIL+aKwVjq4I1vNt0yUiw+doQpdG/0LuEH
a0/d0u9K7yTUp+Pu1X3rdpg1GMFJ8CPix/0/IpXUlOpssKtxH3ll++WaeYTNQ/6F
0tzbzDOexjTOIc5YeW7TOACiTIQAzvKJVEiwdyg8xQEU4PD3D6C4+HKjTrCqoak=
-----END ENCRYPTED PRIVATE KEY-----
`

/** PBE-MD5-DES, whose passphrase is `the-secret`. */
const inOldCipher = `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGwMBsGCSqGSIb3DQEFAzAOBAgKfsj7jngvKgICCAAEgZDuKs0EHZXrg0p7Rlph
3kOAabQqvYhgeHLsYfou6OBgC3xX6UF2lrxwARRp+7xcnW2WPBShuPPzV/59mb2W
mfBGKDqquupFiqI8bwZqy1ZgyH6czyBOracV1m1dygm89Vq/nY7ZNLRnJbe0nSlA
HmIOP1xl6KGajMHje1cYiLPugOVsdbruNKb++HhZ1rMsJfg=
-----END ENCRYPTED PRIVATE KEY-----
`

describe('a passphrase', () => {
  const key = createPrivateKey(client.key).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'the-secret',
  })

  it('that is missing is said to be missing', async () => {
    expect(await refusalOf({ cert: client.cert, key })).toContain('tls.key is encrypted, and tls.passphrase is missing')
  })

  it('that is missing is said to be missing if OpenSSL takes the key for decrypted, as it does with one of 256', async () => {
    expect(await refusalOf({ key: seeminglyDecrypted })).toContain(
      'tls.key is encrypted, and tls.passphrase is missing',
    )
    const among = [{ pem: Buffer.from(seeminglyDecrypted) }]
    expect(await refusalOf({ key: among })).toContain('tls.key is encrypted, and tls.passphrase is missing')
  })

  it('is not blamed for a key in a cipher that OpenSSL no longer has', async () => {
    const message = await refusalOf({ key: inOldCipher, passphrase: 'the-secret' })
    expect(message).toContain('unsupported')
    expect(message).not.toContain('passphrase')
  })

  it('is not missed where a key has no passphrase', async () => {
    const key = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'
    expect(await refusalOf({ key })).not.toContain('passphrase')
  })

  it('that is wrong is said to be wrong, and is not repeated', async () => {
    const message = await refusalOf({ cert: client.cert, key, passphrase: 'a-guess' })
    expect(message).toContain('tls.key is encrypted, and tls.passphrase is wrong')
    expect(message).not.toMatch(/a-guess|the-secret/)
  })

  it('that stands beside its key is not said to be missing when it is wrong', async () => {
    const keys = [{ pem: key, passphrase: 'a-guess' }]
    expect(await refusalOf({ cert: client.cert, key: keys })).toContain(
      'tls.key is encrypted, and tls.passphrase is wrong',
    )
  })

  it('that is right opens the connection', async () => {
    const { port } = await listenTls()
    await connectTo(port, { ca, cert: client.cert, key, passphrase: 'the-secret' }).peer
  })
})

describe('a certificate of the server that is too weak', () => {
  it('is refused with its weakness, and with what lowers the bar', async () => {
    const { port } = await listenTls({ ...sha1, ciphers: 'DEFAULT@SECLEVEL=0' })
    const cause = await connectTo(port, { ca: sha1.ca }).closed
    expect(cause).toMatchObject({
      reason: 'certificate-untrusted',
      message: expect.stringMatching(/signed by a weak digest, such as SHA-1 .*have it renewed; .*DEFAULT@SECLEVEL=0/),
    })
  })

  it('is accepted with what the error says', async () => {
    const weak = { ca: sha1.ca, ciphers: 'DEFAULT@SECLEVEL=0' }
    const { port } = await listenTls({ ...sha1, ciphers: weak.ciphers })
    await connectTo(port, weak).peer
  })

  it('because its key is short is said to be so: with the bar of Node 24 on every release', async () => {
    const { port } = await listenTls({ ...shortKey, ciphers: 'DEFAULT@SECLEVEL=0' })
    const cause = await connectTo(port, { ca: shortKey.cert, ciphers: 'DEFAULT@SECLEVEL=2' }).closed
    expect(cause).toMatchObject({
      reason: 'certificate-untrusted',
      message: expect.stringMatching(
        /has a key that is too short, such as RSA with 1024 bits .*have it renewed; .*DEFAULT@SECLEVEL=0/,
      ),
    })
    await connectTo(port, { ca: shortKey.cert, ciphers: 'DEFAULT@SECLEVEL=0' }).peer
  })
})
