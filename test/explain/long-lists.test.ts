import { type ControlPacket, encodePacket } from 'mqtt311/codec'
import { type Annotation, explain, render } from 'mqtt311/explain'
import { describe, expect, it } from 'vitest'

const filter = (index: number) => `f/${String(index).padStart(4, '0')}`
const filters = (count: number) => Array.from({ length: count }, (_, index) => filter(index))

/** Packets with a list of `count` entries, the field of its entries, and the number of annotations for one. */
const lists = [
  {
    name: 'subscribe',
    field: 'Topic Filter',
    each: 3,
    packet: (count: number): ControlPacket => ({
      type: 'subscribe',
      packetId: 1,
      subscriptions: filters(count).map((name) => ({ filter: name, qos: 1 })),
    }),
  },
  {
    name: 'suback',
    field: 'Return Code',
    each: 1,
    packet: (count: number): ControlPacket => ({ type: 'suback', packetId: 1, returnCodes: new Uint8Array(count) }),
  },
  {
    name: 'unsubscribe',
    field: 'Topic Filter',
    each: 2,
    packet: (count: number): ControlPacket => ({ type: 'unsubscribe', packetId: 1, filters: filters(count) }),
  },
] as const

/** Fixed header, Remaining Length, Packet Identifier. */
const before = 3

const summary = ({ field, value, meaning }: Annotation) => `${field}: ${value} ${meaning}`.trimEnd()
const covered = (annotations: readonly Annotation[]) => annotations.reduce((sum, { length }) => sum + length, 0)

function summaries(bytes: Uint8Array): string[] {
  return explain(bytes).map(summary)
}

describe.each(lists)('of the list of $name', ({ field, each, packet }) => {
  it('a hundred entries are named one by one', () => {
    const annotations = explain(encodePacket(packet(100)))
    expect(annotations).toHaveLength(before + 100 * each)
    expect(annotations.filter(({ meaning }) => meaning === 'not listed')).toEqual([])
  })

  it.each([1, 900, 200_000])('the first hundred are named, and %i more are counted', (more) => {
    const bytes = encodePacket(packet(100 + more))
    const annotations = explain(bytes)
    expect(annotations).toHaveLength(before + 100 * each + 1)
    expect(annotations.at(-1)).toMatchObject({
      field,
      value: `${more.toLocaleString('en')} more`,
      meaning: 'not listed',
    })
    expect(covered(annotations)).toBe(bytes.length)
    const listing = render(annotations).split('\n')
    expect(listing.length).toBeLessThan(before + 100 * each + 20)
    expect(listing.at(-1)).toContain('nothing wrong')
  })

  it('every byte is named once, wherever the packet is cut off', () => {
    const bytes = encodePacket(packet(103))
    for (let length = bytes.length - 30; length < bytes.length; length += 1) {
      const annotations = explain(bytes.subarray(0, length))
      expect(covered(annotations)).toBe(length)
      expect(annotations.at(-1)).toMatchObject({ faultOffset: length })
    }
  })
})

describe('in a long list an entry with a fault is named', () => {
  it('in a SUBACK', () => {
    const bytes = encodePacket({ type: 'suback', packetId: 1, returnCodes: new Uint8Array(5_000) })
    bytes[bytes.length - 1_000] = 7
    expect(summaries(bytes).slice(-3)).toEqual([
      'Return Code: 3,900 more not listed',
      'Return Code: 0x07 reserved',
      'not looked at: 999 bytes behind the fault',
    ])
  })

  it('in a SUBSCRIBE', () => {
    const bytes = encodePacket(lists[0].packet(5_000))
    bytes[bytes.indexOf(filter(4_000)) + filter(4_000).length] = 3
    expect(summaries(bytes).slice(-5)).toEqual([
      'Topic Filter: 3,900 more not listed',
      'Length: 6 bytes of Topic Filter',
      'Topic Filter: "f/4000"',
      'Requested QoS: 3 forbidden',
      'not looked at: 8,991 bytes behind the fault',
    ])
  })

  it('in an UNSUBSCRIBE', () => {
    const bytes = encodePacket(lists[2].packet(5_000))
    bytes[bytes.indexOf(filter(4_999)) - 1] = 7
    expect(summaries(bytes).slice(-3)).toEqual([
      'Topic Filter: 4,899 more not listed',
      'Length: 7 bytes of Topic Filter',
      'not looked at: 6 bytes behind the fault',
    ])
  })
})
