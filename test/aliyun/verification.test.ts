import { afterEach, describe, expect, it } from 'vitest'
import { type Platform, type PlatformOptions, startPlatform } from '../../fixtures/platform/index.js'
import { ca, expired, type Identity, server } from '../../fixtures/tls/index.js'
import { type AliyunOptions, aliyun, aliyunProfile, registerDevice } from '../../src/aliyun/index.js'
import { ConnectionLostError } from '../../src/errors.js'
import { connect } from '../../src/index.js'

const lamp = { productKey: 'a1Pk', deviceName: 'lamp', deviceSecret: 'the secret of the lamp' }
const open: AsyncDisposable[] = []

afterEach(async () => {
  for (const resource of open.splice(0).reverse()) await resource[Symbol.asyncDispose]()
})

async function platformWith(options: PlatformOptions): Promise<Platform> {
  const platform = await startPlatform({ devices: [lamp], ...options })
  open.push(platform)
  return platform
}

/** The error of a device that trusts what the preset trusts, or what is given. */
async function failure(tls: Identity | undefined, options: AliyunOptions = {}): Promise<ConnectionLostError> {
  const platform = await platformWith({ tls })
  const endpoint = { host: platform.host, port: platform.port }
  const error = await connect(aliyun(lamp, { endpoint, ...options })).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(platform.seen.connects).toEqual([])
  if (error instanceof ConnectionLostError) return error
  throw new Error('the device was expected to refuse the certificate')
}

describe('a certificate that cannot be verified', () => {
  it.each<[string, Identity | undefined]>([
    ['names the root that was missing when the server sends its own certificate alone', undefined],
    ['names it when the server sends the root along', { ...server, cert: server.cert + ca }],
  ])('%s', async (_, identity) => {
    const error = await failure(identity)
    expect(error.reason).toBe('certificate-untrusted')
    expect(error.message).toContain('a certificate from "mqtt311 fixture root", an issuer that is not trusted here')
    expect(error.message).toContain('pass its root certificate in tls.ca')
  })

  it('says which roots the platform uses on which port, and how to add one', async () => {
    const { message } = await failure(undefined)
    expect(message).toContain('Alibaba Cloud IoT Platform end in GlobalSign R1, R3, R6 or R46 on ports 1883 and 443')
    expect(message).toContain('"Aliyun IoT Root CA" on port 8883: tls: { ca: [...aliyunRoots(), pem] }')
  })

  it('says so in a registration too', async () => {
    const platform = await platformWith({})
    const endpoint = { host: platform.host, port: platform.port }
    const registering = registerDevice({ productKey: 'a1Pk', productSecret: 's', deviceName: 'lamp', endpoint })
    await expect(registering).rejects.toThrow(/"mqtt311 fixture root".*GlobalSign R1/)
  })

  it('says nothing of the platform when the profile is another', async () => {
    const { rootCertificates: _, ...profile } = aliyunProfile
    const { message } = await failure(undefined, { profile })
    expect(message).toContain('"mqtt311 fixture root"')
    expect(message).not.toContain('GlobalSign')
  })

  it('says nothing of roots when these are not what is wrong', async () => {
    const error = await failure(expired, { tls: { ca } })
    expect(error.reason).toBe('certificate-expired')
    expect(error.message).not.toContain('GlobalSign')
  })
})
