import { describe, expect, it } from 'vitest'
import { TopicBytes } from '../../../src/codec/encode/topic-bytes.js'

const others = (count: number) => Array.from({ length: count }, (_, index) => `other/${index}`)

describe('the topics that an encoder remembers', () => {
  it('have a two-byte length and are encoded once', () => {
    const topics = new TopicBytes()
    const bytes = topics.of('é')
    expect(bytes.toString('hex')).toBe('0002c3a9')
    expect(topics.of('é')).toBe(bytes)
  })

  it('are 1,024 at most: with the next one all are forgotten', () => {
    const topics = new TopicBytes()
    const first = topics.of('first')
    for (const topic of others(1023)) topics.of(topic)
    expect(topics.of('first')).toBe(first)
    topics.of('the 1,025th')
    const again = topics.of('first')
    expect(again).not.toBe(first)
    expect(again).toEqual(first)
    for (const topic of others(1022)) topics.of(topic)
    expect(topics.of('first')).toBe(again)
  })

  it('take 65,536 bytes at most, their lengths included: with the next one all are forgotten, and counted anew', () => {
    const topics = new TopicBytes()
    // 256 bytes with its length.
    const long = (index: number) => `${index}/`.padEnd(254, 'x')
    const first = topics.of(long(0))
    for (let index = 1; index < 256; index += 1) topics.of(long(index))
    expect(topics.of(long(0))).toBe(first)
    topics.of('a')
    const again = topics.of(long(0))
    expect(again).not.toBe(first)
    for (let index = 1; index < 255; index += 1) topics.of(long(index))
    expect(topics.of(long(0))).toBe(again)
    topics.of(long(255))
    expect(topics.of(long(0))).not.toBe(again)
  })

  it('have 256 bytes at most, however few characters that is', () => {
    const topics = new TopicBytes()
    for (const [topic, remembered] of [
      ['x'.repeat(256), true],
      ['x'.repeat(257), false],
      ['é'.repeat(128), true],
      ['é'.repeat(129), false],
    ] as const) {
      const bytes = topics.of(topic)
      expect(topics.of(topic) === bytes).toBe(remembered)
    }
  })
})
