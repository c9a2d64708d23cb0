/** What a decoder with `strict: false` reads, and that nothing else is read. */

import fc from 'fast-check'
import { type DecodedPacket, encodePacket, type PacketAnomaly, PacketDecoder, UsageError } from 'mqtt311/codec'
import { describe, expect, it } from 'vitest'
import { cell, expandHex, type Row, readVectors } from '../../../fixtures/vectors/vector-file.js'
import { decodeInPieces, malformedBy } from '../stream.js'

interface Told {
  readonly anomaly: PacketAnomaly
  readonly packet: DecodedPacket<false>
  readonly bytes: string
}

interface Read {
  readonly packets: readonly DecodedPacket<false>[]
  readonly told: readonly Told[]
}

function read(bytes: Uint8Array, size = bytes.length, from?: 'server' | 'client'): Read {
  const packets: DecodedPacket<false>[] = []
  const told: Told[] = []
  const decoder = new PacketDecoder({
    strict: false,
    from,
    onAnomaly: (anomaly, packet, its) => told.push({ anomaly, packet, bytes: Buffer.from(its).toString('hex') }),
  })
  for (let start = 0; start < bytes.length; start += size) {
    decoder.decode(bytes.subarray(start, start + size), (packet) => packets.push(packet))
  }
  decoder.end()
  return { packets, told }
}

/** The packet as the file has it. */
function plain(packet: DecodedPacket<false>): unknown {
  if (packet.type === 'suback') return { ...packet, returnCodes: [...packet.returnCodes] }
  if (packet.type !== 'publish' && packet.type !== 'unnamed-publish') return packet
  const { payload, ...rest } = packet
  const payloadHex = payload.toString('hex')
  if (rest.type === 'publish') return { ...rest, payloadHex }
  const { topicBytes, ...unnamed } = rest
  return { ...unnamed, topicHex: topicBytes.toString('hex'), payloadHex }
}

const rows = readVectors('readings.csv')
const anomaliesOf = (row: Row) => cell(row, 'anomalies').split(' ')
const tail = encodePacket({ type: 'pingresp' })

describe('vectors that a strict decoder refuses and a lenient one reads', () => {
  describe.each(rows.map((row) => [cell(row, 'name'), cell(row, 'statement'), row] as const))(
    '%s [%s]',
    (_, statement, row) => {
      const bytes = expandHex(cell(row, 'hex'))
      const offset = Number(cell(row, 'offset'))

      it('is refused by a strict decoder, and by a decoder without options', () => {
        const refusal = { fault: cell(row, 'strict'), statement, offset }
        for (const size of [bytes.length, 1]) {
          expect(decodeInPieces(bytes, size).error).toMatchObject(refusal)
          expect(decodeInPieces(bytes, size, new PacketDecoder({ strict: true })).error).toMatchObject(refusal)
        }
      })

      it('is read otherwise, and told before it is handed over', () => {
        const { packets, told } = read(bytes)
        expect(packets.map(plain)).toEqual([JSON.parse(cell(row, 'read_as'))])
        expect(told.map(({ anomaly }) => anomaly.anomaly)).toEqual(anomaliesOf(row))
        for (const one of told) expect(one).toMatchObject({ packet: packets[0], bytes: bytes.toString('hex') })
        const [first] = cell(row, 'strict') === 'dup' ? told.slice(-1) : told
        expect(first?.anomaly).toMatchObject({ statement, offset, streamOffset: offset })
      })

      it('is read in the same way wherever it is cut, between other packets', () => {
        const stream = Buffer.concat([tail, bytes, tail, bytes])
        const whole = read(stream)
        expect(whole.packets).toHaveLength(4)
        expect(whole.told).toHaveLength(2 * anomaliesOf(row).length)
        const [first] = cell(row, 'strict') === 'dup' ? whole.told.slice(-1) : whole.told.slice(anomaliesOf(row).length)
        expect(first?.anomaly.streamOffset).toBe(2 * tail.length + bytes.length + offset)
        for (const size of [1, 2, 3, bytes.length, stream.length - 1]) expect(read(stream, size)).toEqual(whole)
      })
    },
  )

  it('have the bytes that servers were seen to send', () => {
    const seen = rows.map((row) => cell(row, 'seen_from')).filter((server) => server !== '')
    expect(seen).toEqual(['RabbitMQ 3.10.8', 'ActiveMQ 5.17.2', 'ejabberd 23.01'])
  })
})

describe('a decoder that is not strict', () => {
  it('refuses all else that a strict one refuses, in the same way', () => {
    const read: string[] = []
    const refused = readVectors('malformed.csv').filter(
      (row) => cell(row, 'category').startsWith('decode-') && cell(row, 'fault') !== '',
    )
    for (const row of refused) {
      const bytes = expandHex(cell(row, 'hex'))
      const error = malformedBy(() => {
        const decoder = new PacketDecoder({ strict: false })
        decoder.decode(bytes)
        decoder.end()
      })
      if (error === undefined) read.push(cell(row, 'name'))
      else expect(error).toMatchObject({ fault: cell(row, 'fault'), statement: cell(row, 'statement') })
    }
    const isRead = (row: Row) => {
      const [first = 0, ...rest] = expandHex(cell(row, 'hex'))
      const fault = cell(row, 'fault')
      if (first >> 4 === 3) return ['topic-name', 'utf8', 'nul-character', 'dup'].includes(fault)
      return first >> 4 === 9 && fault === 'return-code' && (rest.at(-1) ?? 0) >= 0x80
    }
    expect(read).toEqual(refused.filter(isRead).map((row) => cell(row, 'name')))
    expect(read.length).toBeGreaterThan(20)
  })

  it('reads what a strict one reads in the same way, and any bytes alike in any pieces', () => {
    const short = readVectors('golden.csv').filter((row) => expandHex(cell(row, 'hex')).length < 100)
    const mutated = fc
      .tuple(fc.constantFrom(...rows, ...short), fc.nat(), fc.nat(255), fc.integer({ min: 1, max: 9 }))
      .map(([row, place, value, size]) => {
        const bytes = Buffer.concat([expandHex(cell(row, 'hex')), tail])
        bytes[place % bytes.length] = value
        return { bytes, size }
      })
    const outcomeOf = (bytes: Buffer, size: number) => {
      const packets: unknown[] = []
      const decoder = new PacketDecoder({ strict: false })
      const error = malformedBy(() => {
        for (let start = 0; start < bytes.length; start += size) {
          decoder.decode(bytes.subarray(start, start + size), (packet) => packets.push(packet))
        }
        decoder.end()
      })
      return { packets, error }
    }
    fc.assert(
      fc.property(mutated, ({ bytes, size }) => {
        const whole = outcomeOf(bytes, bytes.length)
        expect(outcomeOf(bytes, size)).toEqual(whole)
        const strict = decodeInPieces(bytes, bytes.length)
        expect(whole.packets.slice(0, strict.packets.length)).toEqual(strict.packets)
        if (strict.error === undefined) expect(whole).toEqual(strict)
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['a Topic Name longer than its packet', '3003000578'],
    ['a wildcard before a Packet Identifier 0', '320500012b0000'],
    ['a wildcard before half a Packet Identifier', '320400012b00'],
    ['a will on a Topic Name with a wildcard', '101300044d51545404060000000161 0003612f2b 0001 78'],
    ['a will on a Topic Name that is ill-formed', '101100044d51545404060000000161 0001ff 0001 78'],
    ['a Return Code of 3 behind one of 0x81', '90040001 8103'],
    ['a Return Code of 0x7f', '90030001 7f'],
    ['an ill-formed Topic Filter', '8206 0001 0001ff 00'],
    ['QoS 3 with a wildcard in the name', '360500012b0001'],
    ['CONNACK with Return Code 6', '20020006'],
  ])('refuses %s, and tells no anomaly of it', (_, hex) => {
    const told: PacketAnomaly[] = []
    const decoder = new PacketDecoder({ strict: false, onAnomaly: (anomaly) => told.push(anomaly) })
    expect(malformedBy(() => decoder.decode(Buffer.from(hex.replaceAll(' ', ''), 'hex')))).toBeDefined()
    expect(told).toEqual([])
  })

  it('reads DUP at QoS 0 from either side, and refuses the types of the other side', () => {
    const publish = Buffer.from('380400016178', 'hex')
    for (const from of ['server', 'client'] as const) {
      expect(read(publish, publish.length, from).told).toMatchObject([{ anomaly: { anomaly: 'dup-at-qos-0' } }])
    }
    const decoder = new PacketDecoder({ strict: false, from: 'server' })
    expect(malformedBy(() => decoder.decode(Buffer.of(0xc0, 0)))?.fault).toBe('wrong-sender')
  })

  it('needs nobody to tell', () => {
    expect(new PacketDecoder({ strict: false }).decode(Buffer.from('380400016178', 'hex'))).toHaveLength(1)
  })

  it('teaches no other decoder a Topic Name with a fault', () => {
    const bytes = expandHex('320a0005762f612b62000178')
    read(Buffer.concat([bytes, bytes]))
    expect(decodeInPieces(bytes, bytes.length).error?.fault).toBe('topic-name')
    expect(read(bytes).told).toHaveLength(1)
  })

  it('tells an anomaly of each kind once a packet, however many faults the packet has', () => {
    const codes = Buffer.alloc(10_000, 0x8f)
    const suback = Buffer.concat([Buffer.from('9092 4e 0001'.replaceAll(' ', ''), 'hex'), codes])
    expect(read(suback).told).toMatchObject([{ anomaly: { offset: 5 } }])
  })

  it('makes of what was received a text that no terminal obeys, and not longer than a few lines', () => {
    const name = Buffer.from('760a1b5bff22c3a9', 'hex')
    const publish = (topic: Buffer) => {
      const length = topic.length + 2
      return Buffer.concat([
        Buffer.of(0x30, (length & 0x7f) | 0x80, length >> 7, topic.length >> 8, topic.length & 0xff),
        topic,
      ])
    }
    const padded = Buffer.concat([name, Buffer.alloc(130, 0x61)])
    expect(read(publish(padded)).told[0]?.anomaly.received).toBe(
      `a string that is ill-formed UTF-8: "v\\n\\u001b[\\xff\\"é${'a'.repeat(130)}"`,
    )
    const long = Buffer.concat([Buffer.alloc(1000, 0x61), Buffer.of(0)])
    expect(read(publish(long)).told[0]?.anomaly.received).toBe(`U+0000 in a string: "${'a'.repeat(256)}"...`)
    expect(read(Buffer.from('300500012b7879', 'hex')).told[0]?.anomaly.received).toBe(
      'a Topic Name that has the wildcard "+": "+"',
    )
  })

  it('gives Topic Name and payload their own memory', () => {
    const chunk = expandHex('320b0006762f636166e9000278')
    const [packet] = new PacketDecoder({ strict: false }).decode(chunk)
    chunk.fill(0)
    expect(packet).toMatchObject({ topicBytes: Buffer.from('762f636166e9', 'hex'), payload: Buffer.from('x') })
  })
})

describe('onAnomaly', () => {
  const wildcard = expandHex('320a0005762f612b62000178')

  it('that throws stops the decoder, and the call throws the same', () => {
    const cause = new Error('enough')
    const decoder = new PacketDecoder({
      strict: false,
      onAnomaly: () => {
        throw cause
      },
    })
    const packets: unknown[] = []
    expect(() => decoder.decode(wildcard, (packet) => packets.push(packet))).toThrow(cause)
    expect(packets).toEqual([])
    expect(decoder.decode(wildcard)).toEqual([])
  })

  it('may use another decoder, and not its own', () => {
    const others: unknown[] = []
    const errors: unknown[] = []
    const decoder = new PacketDecoder({
      strict: false,
      onAnomaly: () => {
        others.push(...new PacketDecoder().decode(tail))
        try {
          decoder.decode(tail)
        } catch (error) {
          errors.push(error)
        }
      },
    })
    expect(decoder.decode(Buffer.concat([wildcard, tail]))).toHaveLength(2)
    expect(others).toEqual([{ type: 'pingresp' }])
    expect(errors).toEqual([expect.any(UsageError)])
  })
})

describe('the options of a decoder', () => {
  it.each([0, 1, 'false', null])('are refused where strict is %o', (strict) => {
    expect(() => Reflect.construct(PacketDecoder, [{ strict }])).toThrow(/strict has to be true or false/)
  })

  it('are refused where onAnomaly is no function', () => {
    expect(() => Reflect.construct(PacketDecoder, [{ onAnomaly: 'log' }])).toThrow(/onAnomaly has to be a function/)
  })
})
