/** Packets of 256 MiB, without the memory and the seconds that they take: the length of a filter is not counted here. */
import { encodePacket } from 'mqtt311/codec'
import { describe, expect, it, vi } from 'vitest'
import type * as topicModule from '../../../src/codec/topic.js'

vi.mock('../../../src/codec/topic.js', async (original) => ({
  ...(await original<typeof topicModule>()),
  topicFilterLength: (filter: string) => Number(filter),
}))

/** Filters of so many bytes together, each with its length of two. */
function filtersOf(bytes: number): string[] {
  const filters = new Array<string>(Math.floor(bytes / 65_537)).fill('65535')
  return [...filters, String((bytes % 65_537) - 2)]
}

const tooMany = (field: string) => `${field} make a packet of 268435456 bytes: send them in several packets [2.2.3]`

describe('one byte more than Remaining Length can say is refused', () => {
  it('in SUBSCRIBE', () => {
    const filters = filtersOf(268_435_456 - 2 - 4096)
    expect(filters).toHaveLength(4096)
    const subscriptions = filters.map((filter) => ({ filter, qos: 0 as const }))
    expect(() => encodePacket({ type: 'subscribe', packetId: 1, subscriptions })).toThrow(tooMany('subscriptions'))
  })

  it('in UNSUBSCRIBE', () => {
    const filters = filtersOf(268_435_456 - 2)
    expect(() => encodePacket({ type: 'unsubscribe', packetId: 1, filters })).toThrow(tooMany('filters'))
  })

  it('in SUBACK', () => {
    // It says that it is as long, and holds one code.
    const returnCodes = new Proxy([0], {
      get(codes, name) {
        if (name === 'length') return 268_435_456 - 2
        return name === Symbol.iterator ? () => codes.values() : Reflect.get(codes, name)
      },
    })
    expect(() => encodePacket({ type: 'suback', packetId: 1, returnCodes })).toThrow(tooMany('returnCodes'))
  })
})
