import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AttemptEnd,
  type BackoffState,
  endAttempt,
  initialBackoff,
  nextDelayMs,
  startAttempt,
} from '../../../src/client/life/backoff.js'
import type { BackoffSettings } from '../../../src/client/options/reconnect.js'

const settings: BackoffSettings = {
  minDelayMs: 1_000,
  maxDelayMs: 60_000,
  factor: 2,
  maxAttempts: Infinity,
  maxAttemptsPerMinute: Infinity,
  stableAfterMs: 30_000,
}
const failed: AttemptEnd = { kind: 'failed', nextWait: 'jittered' }
const refused: AttemptEnd = { kind: 'failed', nextWait: 'longest' }
const mayHeal: AttemptEnd = { kind: 'failed', nextWait: 'shortest' }
const healthy: AttemptEnd = { kind: 'disconnected', upForMs: 30_000, harmful: false }
const short: AttemptEnd = { kind: 'disconnected', upForMs: 29_999, harmful: false }
const harmful: AttemptEnd = { kind: 'disconnected', upForMs: 3_600_000, harmful: true }

/** The greatest number below 1, which draws the longest wait. */
const highest = () => 1 - 2 ** -53
const lowest = () => 0

function stateAfter(ends: readonly AttemptEnd[], with_ = settings): BackoffState {
  return ends.reduce((state, end) => endAttempt(state, with_, end), initialBackoff)
}
const ceilingAfter = (...ends: AttemptEnd[]) => nextDelayMs(stateAfter(ends), settings, 0, highest)

/** A small generator of random numbers, so that a failure can be run again. */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

describe('the longest wait', () => {
  it('starts at minDelayMs and grows by the factor up to maxDelayMs', () => {
    const ceilings = [1, 2, 3, 6, 7, 8, 5_000].map((count) => ceilingAfter(...Array<AttemptEnd>(count).fill(failed)))
    expect(ceilings).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000])
  })

  it('starts anew after a connection that stayed up long enough and did no harm', () => {
    expect(ceilingAfter(failed, failed, failed, healthy)).toBe(1_000)
    expect(ceilingAfter(failed, failed, failed, healthy, failed)).toBe(2_000)
  })

  it('goes on growing after a connection that was short', () => {
    expect(ceilingAfter(short, short, short)).toBe(4_000)
  })

  it('goes on growing after a connection that did harm, however long it was up', () => {
    expect(ceilingAfter(harmful, harmful, harmful)).toBe(4_000)
  })

  it('stays where it is with a factor of 1', () => {
    const constant = { ...settings, factor: 1 }
    expect(nextDelayMs(stateAfter([failed, failed, failed], constant), constant, 0, highest)).toBe(1_000)
  })
})

describe('a wait', () => {
  it('is drawn from the whole span from nothing to the longest wait', () => {
    const random = seeded(311)
    const state = stateAfter([failed, failed, failed])
    const delays = Array.from({ length: 4_000 }, () => nextDelayMs(state, settings, 0, random) ?? Number.NaN)
    const quarters = [0, 1, 2, 3].map(
      (quarter) => delays.filter((delay) => Math.floor(delay / 1_000.25) === quarter).length,
    )
    expect(quarters.reduce((sum, count) => sum + count)).toBe(4_000)
    for (const count of quarters) expect(Math.abs(count - 1_000)).toBeLessThan(150)
    expect(nextDelayMs(state, settings, 0, lowest)).toBe(0)
  })

  it('is maxDelayMs, whatever is drawn, after what does not heal by itself', () => {
    expect(nextDelayMs(stateAfter([refused]), settings, 0, lowest)).toBe(60_000)
    expect(nextDelayMs(stateAfter([refused, failed]), settings, 0, lowest)).toBe(0)
    expect(nextDelayMs(stateAfter([refused, short]), settings, 0, lowest)).toBe(0)
  })

  it('is minDelayMs, whatever is drawn, after what the next attempt may heal', () => {
    expect(nextDelayMs(stateAfter([mayHeal]), settings, 0, lowest)).toBe(1_000)
    expect(nextDelayMs(stateAfter([failed, failed, mayHeal]), settings, 0, highest)).toBe(1_000)
    expect(nextDelayMs(stateAfter([mayHeal, failed]), settings, 0, lowest)).toBe(0)
  })

  it('is a whole number within its bounds, for any history', () => {
    const end = fc.constantFrom(failed, refused, mayHeal, healthy, short, harmful)
    const some = fc.record({
      minDelayMs: fc.integer({ min: 1, max: 5_000 }),
      extra: fc.integer({ min: 0, max: 100_000 }),
      factor: fc.double({ min: 1, max: 10, noNaN: true }),
      seed: fc.nat(),
    })
    fc.assert(
      fc.property(fc.array(end, { maxLength: 2_000 }), some, (ends, { minDelayMs, extra, factor, seed }) => {
        const with_ = { ...settings, minDelayMs, maxDelayMs: minDelayMs + extra, factor }
        const delay = nextDelayMs(stateAfter(ends, with_), with_, 0, seeded(seed)) ?? Number.NaN
        expect(Number.isInteger(delay)).toBe(true)
        expect(delay).toBeGreaterThanOrEqual(0)
        expect(delay).toBeLessThanOrEqual(with_.maxDelayMs)
      }),
      { seed: 311 },
    )
  })
})

describe('maxAttempts', () => {
  const three = { ...settings, maxAttempts: 3 }

  it('ends it after so many attempts in a row without CONNACK', () => {
    expect(nextDelayMs(stateAfter([failed, refused], three), three, 0, lowest)).toBe(60_000)
    expect(nextDelayMs(stateAfter([failed, refused, failed], three), three, 0, lowest)).toBeUndefined()
  })

  it('counts afresh after any connection, so that short ones never end a client', () => {
    const ends = Array.from({ length: 100 }, () => [failed, failed, short]).flat()
    expect(nextDelayMs(stateAfter(ends, three), three, 0, lowest)).toBe(0)
  })
})

describe('maxAttemptsPerMinute', () => {
  it('puts off the attempt that would be one too many within any 60 seconds', () => {
    const bounded = { ...settings, maxAttemptsPerMinute: 5, minDelayMs: 1, maxDelayMs: 10_000 }
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 10 }), fc.boolean(), (seed, perMinute, succeeds) => {
        const with_ = { ...bounded, maxAttemptsPerMinute: perMinute }
        const random = seeded(seed)
        const times: number[] = []
        let state = initialBackoff
        let now = 1_000.5
        for (let attempt = 0; attempt < 60; attempt += 1) {
          state = startAttempt(state, with_, now)
          times.push(now)
          const lasted = Math.floor(random() * 5_000)
          now += lasted
          state = endAttempt(
            state,
            with_,
            succeeds ? { kind: 'disconnected', upForMs: lasted, harmful: false } : failed,
          )
          now += nextDelayMs(state, with_, now, random) ?? Number.NaN
        }
        for (const [index, time] of times.entries()) {
          const earlier = times[index - perMinute]
          if (earlier !== undefined) expect(time - earlier).toBeGreaterThanOrEqual(60_000)
        }
      }),
      { seed: 311 },
    )
  })

  it('does not slow down what keeps within it', () => {
    const bounded = { ...settings, maxAttemptsPerMinute: 2 }
    const state = endAttempt(startAttempt(initialBackoff, bounded, 0), bounded, failed)
    expect(nextDelayMs(state, bounded, 10, lowest)).toBe(0)
    const next = endAttempt(startAttempt(state, bounded, 10), bounded, failed)
    expect(nextDelayMs(next, bounded, 20, lowest)).toBe(59_980)
    expect(nextDelayMs(next, bounded, 20.5, lowest)).toBe(59_980)
  })

  it('remembers no more attempts than it needs', () => {
    const bounded = { ...settings, maxAttemptsPerMinute: 3 }
    let state = initialBackoff
    for (let now = 0; now < 100; now += 1) state = startAttempt(state, bounded, now)
    expect(state.attemptsAtMs).toEqual([97, 98, 99])
    expect(startAttempt(initialBackoff, settings, 0).attemptsAtMs).toEqual([])
  })
})
