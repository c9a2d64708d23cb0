import { describe, expect, it } from 'vitest'
import { TopicBytes } from '../../../src/codec/encode/topic-bytes.js'

/** Encodes the topics one after the other. Returns those of the latest that are remembered. */
function remembered(topics: TopicBytes, names: readonly string[]): readonly string[] {
  const encoded = names.map((name) => topics.of(name))
  const forgotten = names.findLastIndex((name, index) => topics.of(name) !== encoded[index])
  return names.slice(forgotten + 1)
}

describe('the topics that an encoder remembers', () => {
  it('have a two-byte length and are encoded once', () => {
    const topics = new TopicBytes()
    const bytes = topics.of('é')
    expect(bytes.toString('hex')).toBe('0002c3a9')
    expect(topics.of('other')).not.toBe(bytes)
    expect(topics.of('é')).toBe(bytes)
  })

  it('are some thousand at most, however short', () => {
    const names = Array.from({ length: 10_000 }, (_, index) => index.toString(36))
    expect(remembered(new TopicBytes(), names).length).toBeLessThan(5_000)
  })

  it('take a few hundred kilobytes at most, however long', () => {
    const names = Array.from({ length: 2_000 }, (_, index) => `${index}/`.padEnd(250, 'x'))
    expect(remembered(new TopicBytes(), names).join('').length).toBeLessThan(200_000)
  })

  it('are the new ones after the old ones were forgotten', () => {
    const topics = new TopicBytes()
    remembered(
      topics,
      ['1/', '2/', '3/'].flatMap((start) =>
        Array.from({ length: 700 }, (_, index) => `${start}${index}`.padEnd(100, 'x')),
      ),
    )
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    expect(remembered(topics, names)).toEqual(names)
  })

  it('are not forgotten for the sake of a few that are very long', () => {
    const topics = new TopicBytes()
    const bytes = topics.of('short')
    for (const letter of ['x', 'y', 'é']) topics.of(letter.repeat(30_000))
    expect(topics.of('short')).toBe(bytes)
  })
})
