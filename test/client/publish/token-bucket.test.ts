import fc from 'fast-check'
import { expect, it } from 'vitest'
import { TokenBucket } from '../../../src/client/publish/pacer.js'

/** Takes each token as soon as there is one, until `endMs`. Returns the times. */
function drain(bucket: TokenBucket, startMs: number, endMs: number): number[] {
  const taken: number[] = []
  for (let now = bucket.nextAtMs(startMs); now < endMs; now = bucket.nextAtMs(now)) {
    if (!bucket.tryTake(now)) throw new Error(`no token at ${now}, which nextAtMs gave`)
    taken.push(now)
  }
  return taken
}

it('gives out a full burst at once, and not one more', () => {
  const bucket = new TokenBucket({ ratePerSecond: 3, burst: 10 })
  const taken = Array.from({ length: 12 }, () => bucket.tryTake(5_000))
  expect(taken.filter(Boolean)).toHaveLength(10)
})

it('spaces messages evenly with a burst of 1', () => {
  const bucket = new TokenBucket({ ratePerSecond: 10, burst: 1 })
  expect(drain(bucket, 0, 500)).toEqual([0, 100, 200, 300, 400])
})

it('names the time of now, and none before, while it has a token', () => {
  const bucket = new TokenBucket({ ratePerSecond: 10, burst: 2 })
  expect(bucket.nextAtMs(5_000)).toBe(5_000)
  bucket.tryTake(5_000)
  expect(bucket.nextAtMs(5_000)).toBe(5_000)
  bucket.tryTake(5_000)
  expect([bucket.nextAtMs(5_000), bucket.nextAtMs(6_000)]).toEqual([5_100, 6_000])
})

it('has a token at exactly the time that it names, and none a microsecond before', () => {
  const rate = fc.double({ min: 0.01, max: 100_000, noNaN: true })
  const start = fc.oneof(fc.nat(1e6), fc.integer({ min: 1.7e12, max: 1.8e12 }))
  fc.assert(
    fc.property(rate, fc.integer({ min: 1, max: 20 }), start, (ratePerSecond, burst, startMs) => {
      const bucket = new TokenBucket({ ratePerSecond, burst })
      let now = startMs
      for (let take = 0; take < 50; take += 1) {
        const at = bucket.nextAtMs(now)
        if (at > now) expect(bucket.tryTake(at - 0.001)).toBe(false)
        expect(bucket.tryTake(at)).toBe(true)
        now = at
      }
    }),
    { seed: 311 },
  )
})

it('lets through at most the burst and the rate in any span, however the calls fall', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 8 }), steps, (rate, burst, gaps) => {
      const bucket = new TokenBucket({ ratePerSecond: rate, burst })
      const taken: number[] = []
      let now = 0
      for (const gap of gaps) {
        now += gap
        while (bucket.tryTake(now)) taken.push(now)
      }
      const isTooMany = (from: number, to: number) => {
        const seconds = ((taken[to] ?? 0) - (taken[from] ?? 0)) / 1000
        return to - from + 1 > burst + rate * seconds + 1e-9
      }
      const ends = [...taken.keys()]
      expect(ends.flatMap((from) => ends.filter((to) => to >= from && isTooMany(from, to)))).toEqual([])
    }),
    { seed: 311 },
  )
})

it('keeps its rate to within a thousandth over a long time', () => {
  for (const ratePerSecond of [0.5, 3, 7, 30, 300, 900]) {
    const taken = drain(new TokenBucket({ ratePerSecond, burst: 1 }), 0, 100_000)
    expect(taken.length).toBeGreaterThanOrEqual(Math.floor(ratePerSecond * 100 * 0.999))
    expect(taken.length).toBeLessThanOrEqual(Math.ceil(ratePerSecond * 100))
  }
})

it('does not save up more than a burst while nothing is sent', () => {
  const bucket = new TokenBucket({ ratePerSecond: 1, burst: 3 })
  while (bucket.tryTake(0));
  const later = Array.from({ length: 6 }, () => bucket.tryTake(3_600_000))
  expect(later.filter(Boolean)).toHaveLength(3)
})
