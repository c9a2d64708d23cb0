import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodePacket, PacketDecoder } from '../../src/codec/index.js'
import { MalformedPacketError } from '../../src/errors.js'
import { type Annotation, explain, render } from '../../src/explain/index.js'
import { damagedStream, packetStream } from './control-packets.js'

const anyBytes = fc.oneof(packetStream, damagedStream, fc.uint8Array({ maxLength: 64 }))

function hex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

/** What the decoder says about the same bytes. */
function decodingError(bytes: Uint8Array): MalformedPacketError | undefined {
  const decoder = new PacketDecoder()
  try {
    decoder.decode(bytes)
    decoder.end()
  } catch (error) {
    if (error instanceof MalformedPacketError) return error
    throw error
  }
  return undefined
}

function fields(annotations: readonly Annotation[]): string[] {
  return annotations.map(({ field, value }) => `${field}: ${value}`)
}

function parts(annotation: Annotation | undefined): string[] {
  return (annotation?.parts ?? []).map(({ bits, field, value }) => `${bits} ${field} ${value}`)
}

describe('explain', () => {
  it('covers every byte once, in order and without gaps, whatever the bytes are', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const annotations = explain(bytes)
        const ends = annotations.map(({ offset, length }) => offset + length)
        expect([...annotations.map(({ offset }) => offset), bytes.length]).toEqual([0, ...ends])
        expect(annotations.filter(({ length }) => length <= 0)).toEqual([])
      }),
      { numRuns: 1000 },
    )
  })

  it('finds a fault exactly where the decoder does, and none where the decoder accepts', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const error = decodingError(bytes)
        const faulty = explain(bytes).filter(({ fault }) => fault !== undefined)
        expect(faulty.map(({ fault, faultOffset }) => [fault?.split(' ')[0], faultOffset])).toEqual(
          error === undefined ? [] : [[error.statement, error.streamOffset]],
        )
      }),
      { numRuns: 2000 },
    )
  })

  it('pins a fault to the annotation that holds its byte, or to the last one of a packet in which bytes are missing', () => {
    fc.assert(
      fc.property(damagedStream, (bytes) => {
        const annotations = explain(bytes)
        const index = annotations.findIndex(({ fault }) => fault !== undefined)
        const { offset = 0, length = 0, faultOffset = 0 } = annotations[index] ?? {}
        expect(faultOffset).toBeGreaterThanOrEqual(offset)
        expect(faultOffset).toBeLessThanOrEqual(offset + length)
        if (index !== -1) expect(annotations.length - 1 - index).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('gives each packet a title, and the fields in the order of the standard', () => {
    const annotations = explain(hex('32 08 0003612f62 000a 21 c000'))
    expect(annotations.flatMap(({ title }) => title ?? [])).toEqual([
      'PUBLISH  QoS 1, id 10, topic "a/b", 1 byte',
      'PINGREQ',
    ])
    expect(fields(annotations)).toEqual([
      'Fixed header: PUBLISH',
      'Remaining Length: 8',
      'Length: 3',
      'Topic Name: "a/b"',
      'Packet Identifier: 10',
      'Payload: "!"',
      'Fixed header: PINGREQ',
      'Remaining Length: 0',
    ])
    expect(annotations.map(({ section }) => section)).toEqual([
      '2.2',
      '2.2.3',
      '1.5.3',
      '3.3.2.1',
      '3.3.2.2',
      '3.3.3',
      '2.2',
      '2.2.3',
    ])
  })

  it('explains the flags of PUBLISH bit by bit', () => {
    expect(parts(explain(hex('3d 05 000161 0001'))[0])).toEqual([
      '0011 .... Packet type 3',
      '.... 1... DUP 1',
      '.... .10. QoS 2',
      '.... ...1 RETAIN 1',
    ])
  })

  it('explains the Connect Flags bit by bit', () => {
    const annotations = explain(hex('10 13 00044d515454 04 2e 003c 000161 000177 000178'))
    expect(parts(annotations.find(({ field }) => field === 'Connect Flags'))).toEqual([
      '0... .... User Name Flag 0',
      '.0.. .... Password Flag 0',
      '..1. .... Will Retain 1',
      '...0 1... Will QoS 1',
      '.... .1.. Will Flag 1',
      '.... ..1. Clean Session 1',
      '.... ...0 Reserved 0',
    ])
  })

  it('explains a Remaining Length of several bytes byte by byte', () => {
    const annotation = explain(Buffer.concat([hex('30 c102 000161'), Buffer.alloc(318)]))[1]
    expect(annotation).toMatchObject({ offset: 1, length: 2, value: '321' })
    expect(annotation?.parts?.map(({ bits, value, meaning }) => `${bits} ${value} ${meaning}`)).toEqual([
      '1100 0001 65 × 1',
      '0000 0010 2 × 128',
    ])
  })

  it('shows a payload as text where it is text, and tells its size where it is not', () => {
    const payload = (body: string) => explain(hex(`30 ${body}`)).at(-1)
    expect(payload('07 000161 c2b0430a')).toMatchObject({ value: '"°C\\n"', meaning: '4 bytes' })
    expect(payload('05 000161 00ff')).toMatchObject({ value: '2 bytes', meaning: 'binary', bytes: hex('00ff') })
  })

  it('cuts a long payload, also in the middle of a character, and still knows it as text', () => {
    const bytes = encodePacket({
      type: 'publish',
      qos: 0,
      topic: 'a',
      payload: Buffer.from('温'.repeat(7000)),
      retain: false,
    })
    const { value = '', meaning } = explain(bytes).at(-1) ?? {}
    expect(value).toMatch(/^"温温.*"…$/)
    expect(value.length).toBeLessThan(100)
    expect(meaning).toBe('21,000 bytes')
  })

  it('calls what is behind a fault not looked at, in one piece, without showing it', () => {
    const annotations = explain(hex('c000 36 05 000161 0001 c000'))
    expect(annotations.slice(2)).toMatchObject([
      {
        offset: 2,
        length: 1,
        fault: expect.stringMatching(/^MQTT-3\.3\.1-4 /),
        faultOffset: 2,
        title: 'PUBLISH  malformed',
      },
      { offset: 3, length: 8, field: 'not looked at', section: '4.8' },
    ])
    expect(annotations.at(-1)?.bytes).toBeUndefined()
  })

  it('names the fields of an incomplete packet as far as they go', () => {
    const annotations = explain(hex('32 09 0003612f62 00'))
    expect(annotations[0]?.title).toBe('PUBLISH  incomplete')
    expect(annotations.at(-1)).toMatchObject({
      offset: 7,
      length: 1,
      field: 'Packet Identifier',
      value: '1 of 2 bytes',
      fault: expect.stringMatching(/^4\.2 .* after 8 of 11 bytes$/),
      faultOffset: 8,
    })
  })

  it.each([65_535, 65_536, 65_537, 131_072, 200_000])('says the same of a packet behind %i other bytes', (length) => {
    const payload = Buffer.alloc(length - 7)
    const before = encodePacket({ type: 'publish', topic: 'a', payload, qos: 0, retain: false })
    const [size, suback] = [before.length, hex('90 04 00 01 00 80')]
    for (const packet of [suback, suback.subarray(0, 3), hex('90 03 00 01 03 c0 00'), hex('')]) {
      const placed = explain(Buffer.concat([before, packet])).filter(({ offset }) => offset >= size)
      const moved = explain(packet).map(({ faultOffset, ...annotation }) => ({
        ...annotation,
        offset: annotation.offset + size,
        ...(faultOffset === undefined ? {} : { faultOffset: faultOffset + size }),
      }))
      expect(placed.map(({ bytes, ...rest }) => ({ ...rest, bytes: bytes && [...bytes] }))).toEqual(
        moved.map(({ bytes, ...rest }) => ({ ...rest, bytes: bytes && [...bytes] })),
      )
    }
  })

  it('has nothing to say about no bytes', () => {
    expect(explain(new Uint8Array())).toEqual([])
  })
})

describe('a password', () => {
  const secret = 'hunter2-correct-horse'
  const connect = (password: string) =>
    encodePacket({
      type: 'connect',
      clientId: 'c',
      cleanSession: true,
      keepAlive: 60,
      username: 'u',
      password: Buffer.from(password),
      will: { topic: 'w', payload: Buffer.from('bye'), qos: 0, retain: false },
    })
  const everything = (bytes: Uint8Array) => JSON.stringify(explain(bytes)) + render(explain(bytes))
  const leaks = (text: string) => text.includes('hunter') || text.includes('68 75 6e 74 65 72') || text.includes('"72"')

  it('is told by its length alone', () => {
    const bytes = connect(secret)
    expect(explain(bytes).at(-1)).toMatchObject({ field: 'Password', value: '21 bytes', meaning: 'hidden' })
    expect(leaks(everything(bytes))).toBe(false)
  })

  it('that looks like a signature is told by its digits and its method', () => {
    const last = (password: string) => explain(connect(password)).at(-1)
    expect(last('0A'.repeat(32))).toMatchObject({
      value: '64 upper-case hex digits',
      meaning: '64 bytes like HMAC-SHA256, hidden',
    })
    expect(last('0a'.repeat(20))).toMatchObject({
      value: '40 lower-case hex digits',
      meaning: '40 bytes like HMAC-SHA1, hidden',
    })
    expect(last('0A'.repeat(16))?.meaning).toBe('32 bytes like HMAC-MD5, hidden')
    expect(last('0x'.repeat(20))?.value).toBe('40 bytes')
  })

  it('stays hidden in a CONNECT that is cut anywhere', () => {
    const bytes = connect(secret)
    for (let end = 1; end < bytes.length; end++) expect(leaks(everything(bytes.subarray(0, end)))).toBe(false)
  })

  it('stays hidden in a CONNECT whose flags or lengths are wrong, as long as the packet is malformed', () => {
    const bytes = connect(secret)
    for (let index = 1; index < bytes.length - secret.length; index++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = Buffer.from(bytes)
        damaged.writeUInt8(bytes.readUInt8(index) ^ (1 << bit), index)
        if (decodingError(damaged) !== undefined) expect(leaks(everything(damaged))).toBe(false)
      }
    }
  })
})
