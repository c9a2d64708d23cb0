import { isUtf8 } from 'node:buffer'
import { encodePacket, PacketDecoder } from 'mqtt311/codec'
import { describe, expect, it } from 'vitest'
import { encodedLength, faultIndex, isPlainAscii } from '../../src/codec/utf8.js'
import { malformedBy } from './stream.js'

/** Values on both sides of each border in the table of well-formed sequences. */
const borders = [0x01, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee]
const values = [...borders, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff]

/** The bytes of a character by table 3-6 of the Unicode Standard. */
function sizeOf(character: string): number {
  const codePoint = character.codePointAt(0) ?? 0
  if (codePoint < 0x80) return 1
  if (codePoint < 0x800) return 2
  return codePoint < 0x10000 ? 3 : 4
}

describe('UTF-8 is judged as the platform judges it [MQTT-1.5.3-1]', () => {
  it('for each sequence of up to four bytes from both sides of each border', () => {
    const bytes = new Uint8Array(4)
    const disagreements: string[] = []
    for (const first of values) {
      for (const second of values) {
        for (const third of values) {
          for (const fourth of values) {
            bytes.set([first, second, third, fourth])
            for (let length = 1; length <= 4; length += 1) {
              const sequence = bytes.subarray(0, length)
              if ((faultIndex(bytes, 0, length) === -1) !== isUtf8(sequence)) disagreements.push(`${sequence}`)
            }
          }
        }
      }
    }
    expect(disagreements).toEqual([])
  })

  it('for each code point, which is counted and comes back as it was', () => {
    for (let first = 1; first <= 0x10ffff; first += 0x1000) {
      const codePoints = Array.from({ length: 0x1000 }, (_, index) => first + index)
      const text = codePoints
        .filter((code) => code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) && code !== 0x23 && code !== 0x2b)
        .map((code) => String.fromCodePoint(code))
        .join('')
      if (text === '') continue
      expect(encodedLength(text)).toBe([...text].reduce((sum, character) => sum + sizeOf(character), 0))
      const packet = { type: 'publish', topic: text, payload: Buffer.alloc(0), retain: false, qos: 0 } as const
      const [decoded] = new PacketDecoder().decode(encodePacket(packet))
      expect(decoded?.type === 'publish' && decoded.topic === text).toBe(true)
    }
  })

  it('with each surrogate refused', () => {
    for (let code = 0xd800; code <= 0xdfff; code += 1) {
      expect(encodedLength(String.fromCharCode(code))).toBe('lone-surrogate')
      expect(encodedLength(`a${String.fromCharCode(code)}b`)).toBe('lone-surrogate')
      const bytes = Uint8Array.of(0x61, 0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f))
      expect(faultIndex(bytes, 0, 4)).toBe(1)
    }
  })

  it('with a pair of surrogates taken if it is a high one and a low one, from both sides of each border', () => {
    const surrogates = [0xd800, 0xdbff, 0xdc00, 0xdfff]
    for (const first of surrogates) {
      for (const second of [0xd7ff, ...surrogates, 0xe000]) {
        const isPair = first <= 0xdbff && second >= 0xdc00 && second <= 0xdfff
        expect(encodedLength(String.fromCharCode(first, second))).toBe(isPair ? 4 : 'lone-surrogate')
      }
    }
  })

  it('within its bounds, whatever stands behind them', () => {
    expect(faultIndex(Uint8Array.of(0xff, 0x61, 0xc3, 0xa9, 0xff), 1, 4)).toBe(-1)
    expect(faultIndex(Uint8Array.of(0x61, 0xc3, 0xa9), 0, 2)).toBe(1)
  })
})

describe('U+0000 is refused [MQTT-1.5.3-2]', () => {
  it('wherever it stands', () => {
    expect(faultIndex(Uint8Array.of(0x61, 0xc3, 0xa9, 0), 0, 4)).toBe(3)
    expect(isPlainAscii(Uint8Array.of(0x61, 0), 0, 2)).toBe(false)
    expect(isPlainAscii(Uint8Array.of(0x61, 0x7f, 0), 0, 2)).toBe(true)
    expect(isPlainAscii(Uint8Array.of(0x61, 0x80), 0, 2)).toBe(false)
    for (const text of ['\0', 'a\0', 'é\0', '工\0', '😀\0', `${'a'.repeat(300)}\0`])
      expect(encodedLength(text)).toBe('nul')
  })

  it.each([1, 24, 25, 26, 300])(
    'in a received topic, and so is what is ill-formed, wherever it stands in %i bytes',
    (length) => {
      for (let index = 0; index < length; index += 1) {
        const faults = [0, 0xff].map((byte) => {
          const topic = Buffer.alloc(length, 'a')
          topic[index] = byte
          const packet = encodePacket({
            type: 'publish',
            topic: 'b'.repeat(length),
            payload: topic,
            retain: false,
            qos: 0,
          })
          packet.set(topic, packet.length - 2 * length)
          return malformedBy(() => new PacketDecoder().decode(packet))
        })
        expect(faults.map((fault) => fault?.fault)).toEqual(['nul-character', 'utf8'])
      }
    },
  )

  it('while U+FFFD is a character like any other', () => {
    for (const topic of ['\uFFFD', `${'a'.repeat(40)}\uFFFD`]) {
      const packet = { type: 'publish', topic, payload: Buffer.alloc(0), retain: false, qos: 0 } as const
      expect(new PacketDecoder().decode(encodePacket(packet))).toEqual([packet])
    }
  })
})
