import { describe, expect, it } from 'vitest'
import { crc32c, viewOf } from '../../src/store/file/checksum.js'

describe('CRC-32C', () => {
  // The vectors of RFC 3720, appendix B.4, and the check value of the polynomial.
  const vectors: readonly [string, Buffer, number][] = [
    ['nothing', Buffer.alloc(0), 0],
    ['"123456789"', Buffer.from('123456789'), 0xe3069283],
    ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
    ['32 times 0xff', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, byte) => byte)), 0x46dd794e],
    ['31 to 0', Buffer.from(Array.from({ length: 32 }, (_, byte) => 31 - byte)), 0x113fdb5c],
  ]
  it.each(vectors)('of %s is what the others compute', (_name, bytes, checksum) => {
    expect(crc32c(viewOf(bytes), 0, bytes.length)).toBe(checksum)
  })

  it('is the same in one go and in pieces cut anywhere', () => {
    const bytes = Buffer.from('an odd number of bytes, and some more')
    const whole = crc32c(viewOf(bytes), 0, bytes.length)
    for (let cut = 0; cut <= bytes.length; cut++) {
      const first = crc32c(viewOf(bytes), 0, cut)
      expect(crc32c(viewOf(bytes), cut, bytes.length, first)).toBe(whole)
    }
  })
})
