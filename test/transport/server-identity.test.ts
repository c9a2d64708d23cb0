import { expect, it } from 'vitest'
import { checkIPv6Identity } from '../../src/transport/tls-context.js'

it('a server without a certificate is refused for an IPv6 address, and nothing is thrown', () => {
  expect(Reflect.apply(checkIPv6Identity, undefined, ['::1', {}])).toBeInstanceOf(Error)
})
