import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TopicRouter, topicFiltersOf } from '../../../src/client/deliver/topic-router.js'
import { topicMatches } from '../../../src/codec/topic.js'

function routerOf(...filters: string[]): TopicRouter<string> {
  const router = new TopicRouter<string>()
  for (const filter of filters) router.add(filter, filter)
  return router
}
const matched = (router: TopicRouter<string>, topic: string) => [...router.match(topic)].sort()

describe('matching', () => {
  it('finds the filters that match level by level [MQTT-4.7.1-3]', () => {
    const router = routerOf('a/b', 'a/+', '+/b', '+/+', 'a', '+', 'a/b/+', '/+')
    expect(matched(router, 'a/b')).toEqual(['+/+', '+/b', 'a/+', 'a/b'])
    expect(matched(router, 'a')).toEqual(['+', 'a'])
    expect(matched(router, '/b')).toEqual(['+/+', '+/b', '/+'])
    expect(matched(router, 'x/y/z')).toEqual([])
  })

  it('lets "#" stand for any number of levels, the parent included [MQTT-4.7.1-2]', () => {
    const router = routerOf('#', 'a/#', 'a/b/#', 'a/b/c/#', '+/#')
    expect(matched(router, 'a/b')).toEqual(['#', '+/#', 'a/#', 'a/b/#'])
    expect(matched(router, 'a')).toEqual(['#', '+/#', 'a/#'])
    expect(matched(router, 'a/')).toEqual(['#', '+/#', 'a/#'])
    expect(matched(router, 'ab')).toEqual(['#', '+/#'])
  })

  it('matches no topic that begins with "$" by a leading wildcard [MQTT-4.7.2-1]', () => {
    const router = routerOf('#', '+/x', '+', '$SYS/#', '$SYS/+', '$SYS/x', 'a/+')
    expect(matched(router, '$SYS/x')).toEqual(['$SYS/#', '$SYS/+', '$SYS/x'])
    expect(matched(router, '$')).toEqual([])
    expect(matched(router, 'a/$x')).toEqual(['#', 'a/+'])
  })

  it('compares characters as they are: no folding, no normalisation, empty levels count [MQTT-4.7.3-4]', () => {
    const router = routerOf('Accounts', 'finance', '/finance', 'a//b', 'a/+/b', '\u00e9/+')
    expect(matched(router, 'ACCOUNTS')).toEqual([])
    expect(matched(router, '/finance')).toEqual(['/finance'])
    expect(matched(router, 'a//b')).toEqual(['a/+/b', 'a//b'])
    expect(matched(router, 'a/b')).toEqual([])
    expect(matched(router, 'e\u0301/x')).toEqual([])
  })

  it('agrees with topicMatches on any filters and topics', () => {
    const level = fc.constantFrom('', 'a', 'b', '$x', 'aa', ' ')
    const topic = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'))
    const filter = fc
      .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 5 }), fc.boolean())
      .map(([levels, open]) => [...levels, ...(open ? ['#'] : [])].join('/'))
    const any = fc.oneof({ weight: 20, arbitrary: filter }, { weight: 1, arbitrary: fc.constant('#') })
    const steps = fc.array(fc.tuple(any.filter(Boolean), fc.boolean()), { maxLength: 60 })
    fc.assert(
      fc.property(steps, fc.array(topic.filter(Boolean), { minLength: 1, maxLength: 10 }), (changes, topics) => {
        const router = new TopicRouter<string>()
        const counts = new Map<string, number>()
        for (const [changed, added] of changes) {
          const count = counts.get(changed) ?? 0
          if (added) router.add(changed, changed)
          else expect(router.remove(changed, changed)).toBe(count > 0)
          counts.set(changed, Math.max(0, count + (added ? 1 : -1)))
        }
        const present = [...counts].filter(([, count]) => count > 0).map(([name]) => name)
        for (const name of topics) {
          expect(matched(router, name)).toEqual(present.filter((one) => topicMatches(one, name)).sort())
        }
        for (const [name, count] of counts) for (let left = count; left > 0; left -= 1) router.remove(name, name)
        expect(router.size).toBe(0)
      }),
      { seed: 311, numRuns: 1_000 },
    )
  })

  it('takes a topic and a filter of the most levels that fit into 65,535 bytes', () => {
    const deep = '/'.repeat(65_533)
    const router = routerOf(`${deep}+`, `${deep}#`)
    expect(router.match(deep)).toHaveLength(2)
    router.remove(`${deep}+`, `${deep}+`)
    router.remove(`${deep}#`, `${deep}#`)
    expect(router.size).toBe(0)
  })
})

describe('subscriptions of a special kind', () => {
  it.each([
    '$share/group/a/+',
    '$oshare/group/a/+',
    '$queue/a/+',
    '$exclusive/a/+',
    '$local/a/+',
    '$local/$share/group/a/+',
  ])('%s gets what its last part matches', (filter) => {
    const router = new TopicRouter<string>()
    router.add(filter, 'handler')
    expect(router.match('a/b')).toEqual(['handler'])
    expect(router.remove(filter, 'handler')).toBe(true)
    expect(router.remove(filter, 'handler')).toBe(false)
    expect(router.match('a/b')).toEqual([])
    expect(router.size).toBe(0)
  })

  it('get messages under their whole name too, from a server that does not know the kind', () => {
    const router = new TopicRouter<string>()
    router.add('$share/group/a', 'shared')
    router.add('$queue/#', 'all')
    expect(router.match('$share/group/a')).toEqual(['shared'])
    expect(router.match('$share/other/a')).toEqual([])
    expect([...router.match('$queue/a')]).toEqual(['all'])
  })

  it.each(['$share/group', '$share/group/', '$share//a', '$queue/', '$shared/a/b', 'a/$queue/b'])(
    '%s is an ordinary filter',
    (filter) => expect(topicFiltersOf(filter)).toEqual([filter]),
  )

  it('have a last part that may begin with an empty level', () => {
    expect(topicFiltersOf('$share/group//a')).toEqual(['/a', '$share/group//a'])
  })
})

describe('handlers', () => {
  it('that were added several times are found until each time was undone', () => {
    const router = new TopicRouter<string>()
    for (let time = 0; time < 3; time++) router.add('a', 'same')
    for (let time = 0; time < 3; time++) {
      expect(router.match('a')).toEqual(['same'])
      expect(router.remove('a', 'same')).toBe(true)
    }
    expect(router.match('a')).toEqual([])
    expect(router.remove('a', 'same')).toBe(false)
  })

  it('are found once each, however many of their filters match', () => {
    const router = new TopicRouter<string>()
    for (const filter of ['a/b', 'a/+', '#']) router.add(filter, 'same')
    router.add('+/b', 'other')
    expect([...router.match('a/b')].sort()).toEqual(['other', 'same'])
  })

  it('stay until they are removed as often as they were added', () => {
    for (const filter of ['a', '+']) {
      const router = new TopicRouter<string>()
      router.add(filter, 'h')
      router.add(filter, 'h')
      expect(router.match('a')).toEqual(['h'])
      expect(router.remove(filter, 'h')).toBe(true)
      expect(router.match('a')).toEqual(['h'])
      expect(router.remove(filter, 'h')).toBe(true)
      expect(router.match('a')).toEqual([])
      expect(router.remove(filter, 'h')).toBe(false)
      router.add(filter, 'other')
      router.add(filter, 'h')
      expect(router.match('a')).toEqual(['other', 'h'])
    }
  })

  it('may be added and removed while those of a message are called', () => {
    for (const filter of ['a', '+']) {
      const router = new TopicRouter<string>()
      for (const handler of ['1', '2', '3']) router.add(filter, handler)
      const called: string[] = []
      for (const handler of router.match('a')) {
        called.push(handler)
        router.remove(filter, '2')
        router.remove(filter, '3')
        router.add(filter, `${handler}+`)
      }
      expect(called).toEqual(['1', '2', '3'])
      expect([...router.match('a')].sort()).toEqual(['1', '1+', '2+', '3+'])
    }
  })

  it('are all there, and all gone, when 20,000 are added to one filter and removed', () => {
    const router = new TopicRouter<string>()
    const handlers = Array.from({ length: 20_000 }, (_, index) => `h${index}`)
    for (const handler of handlers) router.add('a', handler)
    expect(router.match('a')).toEqual(handlers)
    expect(handlers.slice(1).every((handler) => router.remove('a', handler))).toBe(true)
    expect(router.match('a')).toEqual(['h0'])
    expect([router.remove('a', 'h0'), router.remove('a', 'h0'), router.size]).toEqual([true, false, 0])
  })

  it('come in one list that is not made again where a single route matches', () => {
    const router = routerOf('a/b', 'c/+')
    expect(router.match('a/b')).toBe(router.match('a/b'))
    expect(router.match('c/d')).toBe(router.match('c/d'))
  })
})

describe('cost', () => {
  const visitsFor = (count: number) => {
    const router = new TopicRouter<string>()
    for (let device = 0; device < count; device += 1) {
      router.add(`site/${device}/+/state`, 'state')
      router.add(`site/${device}/log/#`, 'log')
      router.add(`site/${device}/exact`, 'exact')
    }
    router.match('site/7/log/state')
    router.match('site/7/exact')
    router.match('other/7')
    return router.visits
  }

  it('of a match does not grow with the number of filters', () => {
    expect(visitsFor(1_000)).toBe(visitsFor(10))
    // Above 4,096 entries a map is divided. Nothing else changes with their number.
    expect(visitsFor(10_000)).toBe(visitsFor(10))
  })

  it('of a match ends where no filter goes on', () => {
    const router = routerOf('a/+')
    router.match(`a/b${'/c'.repeat(1_000)}`)
    expect(router.visits).toBeLessThanOrEqual(3)
  })

  const remembering = () => {
    const router = routerOf('a/+')
    const costs = (topic: string) => {
      const before = router.visits
      router.match(topic)
      return router.visits > before
    }
    return { router, costs }
  }

  it('of a match is paid once for a topic, until a route changes', () => {
    const { router, costs } = remembering()
    expect(['a/b', 'a/b', 'a/c', 'c', 'a/b', 'a/c', 'c'].map(costs)).toEqual([
      true,
      false,
      true,
      true,
      false,
      false,
      false,
    ])
    router.add('a/#', 'a/#')
    expect(matched(router, 'a/b')).toEqual(['a/#', 'a/+'])
    router.add('a/b', 'exact')
    expect(matched(router, 'a/b')).toEqual(['a/#', 'a/+', 'exact'])
    router.remove('a/b', 'exact')
    expect(matched(router, 'a/b')).toEqual(['a/#', 'a/+'])
    router.remove('a/#', 'a/#')
    expect(matched(router, 'a/b')).toEqual(['a/+'])
  })

  it('of a match is paid again when 512 other topics have come since', () => {
    const { costs } = remembering()
    const others = (count: number) => Array.from({ length: count }, (_, index) => costs(`a/${index}`))
    expect([costs('a/b'), others(511).every(Boolean), costs('a/b'), costs('a/510')]).toEqual([true, true, false, false])
    expect([costs('a/one more'), costs('a/b')]).toEqual([true, true])
  })

  it('of a match is paid again when other topics have filled 1 MiB since, and always above 4 KiB', () => {
    const { costs } = remembering()
    // A topic of this length, one handler and the objects around them count as 4,096 bytes.
    const long = (name: string) => `a/${name.padEnd(1_978)}`
    const others = (count: number) => Array.from({ length: count }, (_, index) => costs(long(`${index}`)))
    expect([costs(long('b')), others(255).every(Boolean), costs(long('b'))]).toEqual([true, true, false])
    expect([costs(long('one more')), costs(long('b')), costs(long('b'))]).toEqual([true, true, false])
    expect([costs(`${long('b')}x`), costs(`${long('b')}x`)]).toEqual([true, true])
  })

  it('of a match with hundreds of handlers is paid each time: their list is not kept for each topic', () => {
    const { router, costs } = remembering()
    for (let handler = 0; handler < 1_000; handler += 1) router.add('a/#', `handler ${handler}`)
    expect([costs('a/b'), costs('a/b'), costs('other'), costs('other')]).toEqual([true, true, true, false])
  })

  it('of a match is no higher for a name with levels "+": no node is visited twice', () => {
    const deep = (level: string) => Array.from({ length: 24 }, () => level).join('/')
    const router = routerOf(deep('+'))
    const visitsFor = (topic: string) => {
      const before = router.visits
      expect(router.match(topic)).toEqual([deep('+')])
      return router.visits - before
    }
    expect(visitsFor(deep('+'))).toBe(visitsFor(deep('a')))
  })

  it.each([
    ['a/b', 1],
    ['+/b', 3],
    ['a/#', 2],
    ['#', 1],
  ])('of the filter %s is told by size: its levels in the tree and its route', (filter, size) => {
    const router = new TopicRouter<string>()
    router.add(filter, 'handler')
    expect(router.size).toBe(size)
  })

  it('of filters that come and go leaves nothing behind', () => {
    const router = routerOf('keep/+/x')
    const before = router.size
    for (let turn = 0; turn < 20_000; turn += 1) {
      const filter = turn % 2 === 0 ? `job/${turn}/+/done` : `job/${turn}`
      router.add(filter, 'h')
      router.remove(filter, 'h')
    }
    expect(router.size).toBe(before)
    expect(router.match('keep/1/x')).toEqual(['keep/+/x'])
  })
})
