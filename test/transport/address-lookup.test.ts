import dns from 'node:dns'
import { afterEach, expect, it, vi } from 'vitest'
import { connect } from '../../src/index.js'

afterEach(() => {
  vi.restoreAllMocks()
})

/** A resolver that knows `known` addresses of every name. */
function resolver(...known: readonly { readonly address: string; readonly family: number }[]): void {
  const answer = (...args: readonly unknown[]) => {
    const [options, callback] = args.length === 2 ? [{}, args[1]] : [args[1], args[2]]
    const wanted = Number(Reflect.get(Object(options), 'family') ?? 0)
    const found = known.filter(({ family }) => wanted === 0 || family === wanted)
    const error = found.length > 0 ? null : Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
    if (typeof callback === 'function') setImmediate(() => Reflect.apply(callback, undefined, [error, found]))
  }
  vi.spyOn(dns, 'lookup').mockImplementation(Object.assign(answer, { __promisify__: dns.lookup.__promisify__ }))
}

const failure = (family: 4 | 6) =>
  connect('mqtt://broker.example', { family, reconnect: false }).then(
    () => undefined,
    (error: unknown) => error,
  )

it.each([
  [6, { address: '192.0.2.1', family: 4 }],
  [4, { address: '2001:db8::1', family: 6 }],
] as const)('a name that has no IPv%i address is told from a name that does not exist', async (family, other) => {
  resolver(other)
  expect(await failure(family)).toMatchObject({
    message: `broker.example has no IPv${family} address: add one, or allow both families with family 0`,
    reason: 'name-not-found',
  })
})

it('a name that does not exist is said to be that', async () => {
  resolver()
  expect(await failure(6)).toMatchObject({
    message: expect.stringContaining('broker.example:1883 has a name that cannot be resolved'),
    reason: 'name-not-found',
  })
})
