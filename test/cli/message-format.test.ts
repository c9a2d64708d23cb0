import { describe, expect, it } from 'vitest'
import { compileFormat, Unprintable } from '../../src/cli/print/message-format.js'
import { jsonLine } from '../../src/cli/print/message-json.js'
import type { Message } from '../../src/client/options/client-options.js'

function message(topic: string, payload: string | Uint8Array, change: Partial<Message> = {}): Message {
  const bytes = Buffer.from(payload)
  return {
    topic,
    payload: bytes,
    qos: 1,
    retain: false,
    dup: false,
    text: () => bytes.toString(),
    json: () => JSON.parse(bytes.toString()),
    ...change,
  }
}

const asItIs = { topic: (m: Message) => m.topic, payload: (m: Message) => m.payload }

/** In the time zone of this machine, whichever that is. */
const now = new Date(2026, 0, 2, 3, 4, 5, 67)

function shown(format: string, given: Message): string {
  const bytes = compileFormat(format, asItIs, jsonLine)(given, now)
  return bytes instanceof Unprintable ? bytes.reason : Buffer.from(bytes).toString('latin1')
}

describe('a format', () => {
  it.each([
    ['%t: %p', 'lamp/1: on'],
    ['%l %q %r %d', '2 1 0 0'],
    ['%2q|%-3r|%05d|', '1|0|0|'],
    ['%m|%3m|%03m|', '0|  0|000|'],
    ['%x %X', '6f6e 6F6E'],
    ['100%%, @@, \\\\', '100%, @, \\'],
    ['%10t|', '    lamp/1|'],
    ['%-10t|', 'lamp/1    |'],
    ['%-010t|', 'lamp/1    |'],
    ['%010t|', '    lamp/1|'],
    ['%.4t|', 'lamp|'],
    ['%6.4t|', '  lamp|'],
    ['%.13I|%013.4I|', '2026-01-02T03|         2026|'],
    ['%05l', '00002'],
    ['%4p|%-4p|', '  on|on  |'],
    ['%08x', '00006f6e'],
    ['@Y-@m-@d @H:@M:@S.@N', '2026-01-02 03:04:05.067000000'],
    ['@F @T', '2026-01-02 03:04:05'],
    ['@a @A @b @B @h', 'Fri Friday Jan January Jan'],
    ['@c|@D|@x|@X', 'Fri Jan  2 03:04:05 2026|01/02/26|01/02/26|03:04:05'],
    ['@e|@j|@u|@w|@y', ' 2|002|5|5|26'],
    ['@I|@p|@r|@R', '03|AM|03:04:05 AM|03:04'],
    ['@n@t', '\n\t'],
    ['%3p', ' on'],
    ['%1p|%1x|%-3X|%2X', 'on|6f6e|6F6E|6F6E'],
    ['%3%|%-3%|', '%|%|'],
    ['%.1p|%.1x', 'on|6f6e'],
    ['\\n\\t\\r\\0\\a\\e\\v', '\n\t\r\0\x07\x1b\v'],
    ['', ''],
  ])('%j shows %j', (format, text) => {
    expect(shown(format, message('lamp/1', 'on'))).toBe(text)
  })

  it('shows 0 for a Packet Identifier that is not known', () => {
    expect([shown('%m', message('a', 'x')), shown('%m', message('a', ''))]).toEqual(['0', '0'])
  })

  it('shows the last day of a leap year, at night', () => {
    const format = compileFormat('@j @I @p @u @A @y', asItIs, jsonLine)
    expect(format(message('a', ''), new Date(2000, 11, 31, 23, 59, 59))).toEqual(Buffer.from('366 11 PM 7 Sunday 00'))
    expect(format(message('a', ''), new Date(2000, 6, 1, 0, 0, 0))).toEqual(Buffer.from('183 12 AM 6 Saturday 00'))
  })

  it('names the time zone', () => {
    expect(shown('@z @Z', message('a', ''))).toMatch(/^[+-]\d{4} \S+$/)
  })

  it('shows what is retained, and what may be a repetition', () => {
    expect(shown('%r%d', message('a', '', { retain: true, dup: true }))).toBe('11')
  })

  it('leaves the bytes of a payload as they are', () => {
    expect(shown('%p', message('a', Uint8Array.of(0, 255, 10)))).toBe('\x00\xff\n')
  })

  it('shows the time in ISO 8601 and in seconds since 1970', () => {
    const utc = Math.floor(now.getTime() / 1000)
    expect(shown('%U %30U @s', message('a', ''))).toBe(`${utc}.067000000 ${utc}.067000000 ${utc}`)
    const iso = shown('%I', message('a', ''))
    expect(iso).toMatch(/^2026-01-02T03:04:05[+-]\d{4}$/)
    expect(Date.parse(iso)).toBe(utc * 1000)
  })

  it('%J puts the payload in as it is, and takes nothing but JSON', () => {
    const line = shown('%J', message('a', '{"on": 1.0}'))
    expect(line).toContain('"payload":{"on": 1.0}}')
    expect(JSON.parse(line)).toMatchObject({ topic: 'a', payload: { on: 1 } })
    expect(shown('%J', message('a', 'on'))).toBe('the payload on "a" is no JSON')
  })

  it('shows topics and payloads as it is told to', () => {
    const format = compileFormat('%t %p', { topic: () => 'T', payload: () => Buffer.from('P') }, jsonLine)
    expect(format(message('a', 'b'), now)).toEqual(Buffer.from('T P'))
  })
})

describe('a line of JSON', () => {
  it('has null for a payload without bytes, as mosquitto_sub has it', () => {
    expect(JSON.parse(jsonLine(message('a', ''), now))).toMatchObject({ payload: null, payloadlen: 0 })
  })

  it('holds no control character of any kind', () => {
    const line = jsonLine(message('a\u009b', '\u001b[31m\u0085\u007f'), now)
    expect(line).not.toMatch(/\p{Cc}/u)
    expect(JSON.parse(line)).toMatchObject({ topic: 'a\u009b', payload: '\u001b[31m\u0085\u007f' })
    const given = shown('%J', message('a', '{"on": "\u009b31m"}'))
    expect(given).toContain('"payload":{"on": "\\u009b31m"}}')
  })
})
