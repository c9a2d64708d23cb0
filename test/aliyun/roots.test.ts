import { X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { expect, it } from 'vitest'
import { aliyunRoots } from '../../src/aliyun/index.js'
import { globalSignR1 } from '../../src/aliyun/roots.js'

const roots = aliyunRoots().map((pem) => new X509Certificate(pem))

it('the root in the source is GlobalSign R1, by the fingerprint that its owner publishes', () => {
  const root = new X509Certificate(globalSignR1)
  expect(root.fingerprint256).toBe(
    'EB:D4:10:40:E4:BB:3E:C7:42:C9:E3:81:D3:1E:F2:A4:1A:48:B6:68:5C:96:E7:CE:F3:C1:DF:6C:D4:33:1C:99',
  )
  expect(root.subject).toContain('CN=GlobalSign Root CA')
  expect(new Date(root.validTo).toISOString()).toBe('2028-01-28T12:00:00.000Z')
})

it('the default roots are GlobalSign R1, R3, R6 and R46, and nobody else', () => {
  expect(roots.map((root) => root.subject.split('\n').sort().join(', '))).toEqual([
    'C=BE, CN=GlobalSign Root CA, O=GlobalSign nv-sa, OU=Root CA',
    'CN=GlobalSign, O=GlobalSign, OU=GlobalSign Root CA - R3',
    'CN=GlobalSign, O=GlobalSign, OU=GlobalSign Root CA - R6',
    'C=BE, CN=GlobalSign Root R46, O=GlobalSign nv-sa',
  ])
  expect(roots.every((root) => root.ca && root.verify(root.publicKey))).toBe(true)
})

it("the later roots are Node's own", () => {
  expect(
    aliyunRoots()
      .slice(1)
      .every((pem) => rootCertificates.includes(pem)),
  ).toBe(true)
})

it('a caller may add to the list without changing it for the next', () => {
  aliyunRoots().push('one more')
  expect(aliyunRoots()).toHaveLength(4)
})
