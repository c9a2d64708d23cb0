import { type ControlPacket, encodePacket, isMqttError, PacketDecoder } from 'mqtt311/codec'
import { describe, expect, it } from 'vitest'
import { cell, expandHex, readVectors } from '../../../fixtures/vectors/vector-file.js'
import { decodeInPieces, decodePieces } from '../stream.js'

const rows = readVectors('malformed.csv')
const received = rows.filter((row) => cell(row, 'category').startsWith('decode-'))
const refused = received.filter((row) => cell(row, 'fault') !== '')
const accepted = received.filter((row) => cell(row, 'fault') === '')

const before: ControlPacket = { type: 'publish', topic: 't', payload: Buffer.from('before'), retain: false, qos: 0 }
const beforeBytes = encodePacket(before)
const tail = encodePacket({ type: 'pingresp' })

describe('vectors that a decoder refuses', () => {
  it('are all there, each with its fault', () => {
    expect(rows.length).toBeGreaterThan(350)
    expect(refused.length).toBeGreaterThan(200)
    // `received by the wrong side` is a fault for the engine, discouraged characters are none, and neither is the end
    // of nothing.
    expect(accepted.map((row) => cell(row, 'name').replace(/-.*/, '')).sort()).toEqual(
      ['direction', 'direction', 'direction', 'direction', 'eof', ...new Array<string>(11).fill('discouraged')].sort(),
    )
  })

  describe.each(refused.map((row) => [cell(row, 'name'), cell(row, 'statement'), row] as const))(
    '%s [%s]',
    (_, statement, row) => {
      const bytes = expandHex(cell(row, 'hex'))
      const offset = Number(cell(row, 'offset'))
      const fault = cell(row, 'fault')
      const error = { name: 'MalformedPacketError', code: 'MQTT_MALFORMED_PACKET', fault, statement, offset }

      it('is refused when fed whole', () => {
        const outcome = decodePieces([bytes])
        expect(outcome.packets).toEqual([])
        expect(outcome.error).toMatchObject({ ...error, streamOffset: offset })
      })

      it('is refused for the same reason when fed byte by byte', () => {
        expect(decodeInPieces(bytes, 1)).toEqual(decodePieces([bytes]))
      })

      it('is refused behind a valid packet, which has been handed over, and nothing behind it is', () => {
        // At the end of the stream there is nothing behind.
        const ends = fault === 'unexpected-end'
        const stream = Buffer.concat([beforeBytes, bytes, ends ? Buffer.alloc(0) : tail])
        for (const size of [stream.length, 1, 3]) {
          const outcome = decodeInPieces(stream, size)
          expect(outcome.packets).toEqual([before])
          expect(outcome.error).toMatchObject({ ...error, streamOffset: beforeBytes.length + offset })
        }
      })

      it('leaves the decoder unusable', () => {
        const decoder = new PacketDecoder()
        const { error: first } = decodePieces([bytes], decoder)
        for (const again of [() => decoder.decode(tail), () => decoder.end()]) {
          let thrown: unknown
          try {
            again()
          } catch (caught) {
            thrown = caught
          }
          expect(thrown).toBe(first)
          expect(isMqttError(thrown)).toBe(true)
        }
      })
    },
  )
})

describe('vectors that are refused elsewhere, or not at all', () => {
  it.each(accepted.map((row) => ({ name: cell(row, 'name'), row })))('$name is decoded', ({ row }) => {
    const bytes = expandHex(cell(row, 'hex'))
    const whole = decodePieces([bytes])
    expect(whole.error).toBeUndefined()
    expect(whole.packets).toHaveLength(bytes.length > 0 ? 1 : 0)
    for (const packet of whole.packets) expect(encodePacket(packet)).toEqual(bytes)
    expect(decodeInPieces(bytes, 1)).toEqual(whole)
  })

  const elsewhere = rows.filter(
    (row) => cell(row, 'layer') !== 'transport' && ['state', 'accept'].includes(cell(row, 'category')),
  )
  it.each(elsewhere.map((row) => ({ name: cell(row, 'name'), row })))('$name is well-formed', ({ row }) => {
    const bytes = expandHex(cell(row, 'hex'))
    const { packets, error } = decodePieces([bytes])
    expect(error).toBeUndefined()
    expect(Buffer.concat(packets.map(encodePacket)).equals(bytes)).toBe(true)
  })
})
