import { describe, expect, it } from 'vitest'
import { TopicBytes } from '../../src/codec/topic-bytes.js'

const others = (count: number) => Array.from({ length: count }, (_, index) => `other/${index}`)

describe('the topics that an encoder remembers', () => {
  it('have a two-byte length and are encoded once', () => {
    const topics = new TopicBytes()
    const bytes = topics.of('é')
    expect(bytes.toString('hex')).toBe('0002c3a9')
    expect(topics.of('é')).toBe(bytes)
  })

  it('are 128 at most: with the next one all are forgotten', () => {
    const topics = new TopicBytes()
    const first = topics.of('first')
    for (const topic of others(127)) topics.of(topic)
    expect(topics.of('first')).toBe(first)
    topics.of('the 129th')
    expect(topics.of('first')).not.toBe(first)
    expect(topics.of('first')).toEqual(first)
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
