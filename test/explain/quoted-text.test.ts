import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { escapeText, payloadText, quote } from '../../src/explain/listing/quoted-text.js'
import { anyCharacter } from '../codec/any-character.js'

describe('quoted text', () => {
  it('names line breaks and tabs, and gives other controls their number', () => {
    expect(quote('a\r\n\tb\u0000\u007f\u0085')).toBe('"a\\r\\n\\tb\\u{0}\\u{7f}\\u{85}"')
  })

  it('escapes what is invisible or turns the direction of writing', () => {
    expect(quote('\u200b\u202e\u2028\ufeff\u00a0\ufdd0\ud800')).toBe(
      '"\\u{200b}\\u{202e}\\u{2028}\\u{feff}\\u{a0}\\u{fdd0}\\u{d800}"',
    )
  })

  it('keeps accents on letters, two at most, and none on anything else', () => {
    expect(quote('e\u0301\u0302\u0303')).toBe('"e\u0301\u0302\\u{303}"')
    expect(quote('/\u0301')).toBe('"/\\u{301}"')
  })

  it('escapes its own quotes and the backslash, and leaves JSON readable', () => {
    expect(quote('a\\')).toBe('"a\\\\"')
    expect(quote('{"t": 1}')).toBe(`'{"t": 1}'`)
    expect(quote(`"it's"`)).toBe(`"\\"it's\\""`)
  })

  it('is cut between characters, never inside an escape', () => {
    expect(quote('ab\u001b', 7)).toBe('"ab"…')
    expect(quote('温度', 3)).toBe('"温"…')
    expect(quote('abc', 3)).toBe('"abc"')
  })

  it('holds no control character, and escaping it once more changes nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter }), (text) => {
        const escaped = escapeText(text)
        expect(escaped).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
        expect(escapeText(escaped)).toBe(escaped)
      }),
    )
  })
})

describe('the text of a payload', () => {
  it('may hold line breaks and tabs, and U+FEFF is kept [MQTT-1.5.3-3]', () => {
    expect(payloadText(Buffer.from('\ufeffa\tb\r\n'))).toBe('\ufeffa\tb\r\n')
  })

  it('is none where other control characters or ill-formed UTF-8 show that it is binary', () => {
    expect(payloadText(Buffer.of(0x61, 0x00))).toBeUndefined()
    expect(payloadText(Buffer.of(0x61, 0xff))).toBeUndefined()
  })
})
