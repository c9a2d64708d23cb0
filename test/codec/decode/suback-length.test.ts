import { type ControlPacket, encodePacket, isMqttError, PacketDecoder } from 'mqtt311/codec'
import { expect, it, vi } from 'vitest'
import { decodeInPieces } from '../stream.js'

const suback = (codes: number): ControlPacket => ({ type: 'suback', packetId: 1, returnCodes: new Uint8Array(codes) })

function decodeLimited(bytes: Uint8Array, size: number, max: number) {
  return decodeInPieces(bytes, size, new PacketDecoder({ maxReturnCodes: () => max }))
}

it('a SUBACK of 16 MiB that no SUBSCRIBE needs is refused from its fixed header, with nothing taken into memory [MQTT-3.8.4-5]', () => {
  const header = Buffer.of(0x90, 0x80, 0x80, 0x80, 0x08)
  const allocate = [vi.spyOn(Buffer, 'allocUnsafe'), vi.spyOn(Buffer, 'allocUnsafeSlow')]
  for (const size of [1, 5]) {
    const { error } = decodeLimited(header, size, 40_000)
    expect(error).toMatchObject({ fault: 'packet-too-large', statement: 'MQTT-3.8.4-5', offset: 1, streamOffset: 1 })
    expect(error?.message).toContain('16777214 Return Codes, where no unanswered SUBSCRIBE needs more than 40000,')
  }
  const taken = allocate.flatMap(({ mock }) => mock.calls).reduce((sum, [bytes]) => sum + bytes, 0)
  expect(taken).toBeLessThan(200)
})

it.each([1_023, 5_000])(
  'a SUBACK of %i Return Codes is taken if as many were asked for, and one more is refused',
  (asked) => {
    for (const size of [1, 1_000_000]) {
      expect(decodeLimited(encodePacket(suback(asked)), size, asked).packets).toEqual([suback(asked)])
      expect(decodeLimited(encodePacket(suback(asked + 1)), size, asked).error).toMatchObject({
        fault: 'packet-too-large',
      })
    }
  },
)

it('up to 1 KiB a SUBACK is taken whatever was asked for, and nobody is asked', () => {
  const maxReturnCodes = vi.fn(() => 0)
  const decoder = new PacketDecoder({ maxReturnCodes })
  expect(decoder.decode(encodePacket(suback(1_022)))).toEqual([suback(1_022)])
  expect(maxReturnCodes).not.toHaveBeenCalled()
  expect(() => decoder.decode(encodePacket(suback(1_023)))).toThrow('no unanswered SUBSCRIBE needs more than 1022,')
})

it('other packets have no such limit', () => {
  const packet = { type: 'publish', topic: 'a', payload: Buffer.alloc(5_000), retain: false, qos: 0 } as const
  expect(decodeLimited(encodePacket(packet), 100, 0).packets).toEqual([packet])
})

it('by default a SUBACK may have any number of Return Codes', () => {
  expect(new PacketDecoder().decode(encodePacket(suback(5_000)))).toEqual([suback(5_000)])
})

it.each([1_022, '', null])('maxReturnCodes: %j is a UsageError', (maxReturnCodes) => {
  let thrown: unknown
  try {
    Reflect.construct(PacketDecoder, [{ maxReturnCodes }])
  } catch (error) {
    thrown = error
  }
  expect(isMqttError(thrown) && thrown.code).toBe('MQTT_USAGE')
})
