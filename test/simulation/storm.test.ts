import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { attemptsBetween, type Outage, reconnectStorm, strategies } from './storm/reconnect-storm.js'

const outage: Outage = { seed: 311, clients: 10_000, outageMs: 60_000, acceptsPerSecond: Infinity }

describe('clients that all lost their server in the same instant', () => {
  const [ours, doubling, fixed] = strategies

  test('burden it least when it comes back if they use full jitter, far below one attempt of each in a second', () => {
    const peaks = [ours, doubling, fixed].map(
      (strategy) => attemptsBetween(reconnectStorm(strategy, outage), 60, 600).peak,
    )
    const [our = Number.NaN, ...others] = peaks
    expect(others).toEqual([10_000, 10_000])
    expect(our).toBeLessThan(1_000)
  })

  test('try least often meanwhile if their waits grow', () => {
    const means = [ours, doubling, fixed].map(
      (strategy) => attemptsBetween(reconnectStorm(strategy, outage), 0, 60).mean,
    )
    const [our = Number.NaN, doubled = Number.NaN, constant = Number.NaN] = means
    expect(our).toBeLessThan(constant / 5)
    expect(doubled).toBeLessThan(our)
  })

  test('are all back within the longest wait if they use full jitter, and not without where the server takes a twentieth a second', () => {
    const slow = { ...outage, acceptsPerSecond: 500 }
    expect(reconnectStorm(ours, slow).backAfterSeconds).toBeLessThan(61)
    expect(reconnectStorm(doubling, slow).backAfterSeconds).toBeGreaterThan(600)
  })

  test('do the same again for the same seed', () => {
    expect(reconnectStorm(ours, outage).attempts).toEqual(reconnectStorm(ours, outage).attempts)
    expect(reconnectStorm(ours, { ...outage, seed: 312 }).attempts).not.toEqual(reconnectStorm(ours, outage).attempts)
  })
})

test('the plot in the documentation is small, and holds a line for each strategy', () => {
  const svg = readFileSync(new URL('../../docs/pictures/reconnect-storm.svg', import.meta.url), 'utf8')
  expect(svg.length).toBeLessThan(40_000)
  for (const { name } of strategies) expect(svg).toContain(name)
  expect(svg.match(/<path class="line \w+" d="M[^"]{500,}"/g)).toHaveLength(3)
})
