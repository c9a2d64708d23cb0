import { deepStrictEqual } from 'node:assert'
import { encodePacket, MAX_PACKET_BYTES, PacketDecoder, PacketWriter } from 'mqtt311/codec'
import { describe, expect, it } from 'vitest'
import { cell, expandHex, readVectors } from '../../fixtures/vectors/vector-file.js'
import { decodeInPieces, malformedBy } from './stream.js'
import { packetOf } from './vector-packet.js'

const rows = readVectors('golden.csv')
/** One row is as large as a packet can be; it has a test of its own, which does not build it. */
const practicable = rows.filter((row) => Number(cell(row, 'total_bytes')) < 4_000_000)

const pingresp = Buffer.of(0xd0, 0x00)

describe('golden vectors', () => {
  it('are all there', () => {
    expect(rows).toHaveLength(78)
    expect(practicable).toHaveLength(77)
    expect(new Set(rows.map((row) => packetTypeOf(cell(row, 'hex')))).size).toBe(13)
  })

  describe.each(practicable.map((row) => ({ name: cell(row, 'name'), row })))('$name', ({ row }) => {
    const bytes = expandHex(cell(row, 'hex'))
    const packet = packetOf(cell(row, 'fields'))

    it('has the length that it should have', () => {
      expect(bytes).toHaveLength(Number(cell(row, 'total_bytes')))
    })

    it('is encoded to these bytes', () => {
      expect(encodePacket(packet).equals(bytes)).toBe(true)
    })

    it('is decoded when fed whole', () => {
      deepStrictEqual(new PacketDecoder().decode(bytes), [packet])
    })

    it('is decoded when fed byte by byte', () => {
      const size = bytes.length > 100_000 ? 4099 : 1
      deepStrictEqual(decodeInPieces(bytes, size), { packets: [packet], error: undefined })
    })

    it('is decoded with another packet behind it in the chunk', () => {
      const decoded = new PacketDecoder().decode(Buffer.concat([bytes, pingresp]))
      deepStrictEqual(decoded, [packet, { type: 'pingresp' }])
    })

    it('gives no packet when cut at any byte, and the end of the stream there is refused', () => {
      // Long packets are cut at each byte of their beginning and end, and at some of the others.
      const stride = bytes.length > 2048 ? Math.ceil(bytes.length / 64) : 1
      for (let cut = 1; cut < bytes.length; cut += cut < 32 || cut > bytes.length - 32 ? 1 : stride) {
        const decoder = new PacketDecoder()
        expect(decoder.decode(bytes.subarray(0, cut))).toEqual([])
        const error = malformedBy(() => decoder.end())
        expect(error).toMatchObject({ fault: 'unexpected-end', statement: '4.2', offset: cut, streamOffset: cut })
      }
    })
  })
})

describe('the largest packet of the protocol', () => {
  const row = rows.find((candidate) => !practicable.includes(candidate))
  const header = Buffer.from('30ffffff7f000161', 'hex')

  it('is announced by the header of the vector', () => {
    expect(row && cell(row, 'hex')).toBe(`${header.toString('hex')}{00*268435452}`)
    expect(row && Number(cell(row, 'total_bytes'))).toBe(MAX_PACKET_BYTES)
  })

  it('has its header written without a copy of its payload', () => {
    const writer = new PacketWriter()
    writer.publishHeader('a', 268_435_452, 0, false, false, undefined)
    expect(writer.take()).toEqual(header)
  })

  it('is taken in as it comes, without memory for what has only been announced', () => {
    const decoder = new PacketDecoder()
    expect(decoder.decode(header)).toEqual([])
    expect(decoder.decode(Buffer.alloc(1_000_000))).toEqual([])
    const error = malformedBy(() => decoder.end())
    expect(error).toMatchObject({ fault: 'unexpected-end', offset: 1_000_008 })
    expect(error?.message).toContain('after 1000008 of 268435460 bytes')
  })
})

function packetTypeOf(hex: string): string {
  return hex.charAt(0)
}
