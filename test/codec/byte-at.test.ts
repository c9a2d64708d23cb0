import { expect, it } from 'vitest'
import { byteAt } from '../../src/codec/byte-at.js'

it('byteAt gives the byte, a 0 as well, and past the end an error instead of a 0', () => {
  const bytes = Uint8Array.of(7, 0)
  expect([byteAt(bytes, 0), byteAt(bytes, 1)]).toEqual([7, 0])
  expect(() => byteAt(bytes, 2)).toThrow(new RangeError('read at 2, past the end of 2 bytes'))
  expect(() => byteAt(bytes, -1)).toThrow(RangeError)
})
