import { describe, expect, it } from 'vitest'
import { minuteAtFullRate } from '../../fixtures/platform/pacing-run.js'

describe('a device that publishes for a minute as much as the platform allows, in gusts', () => {
  it.each([
    [0, 1800],
    [1, 600],
  ] as const)('loses nothing at QoS %d: all %d messages are taken, in order', async (qos, published) => {
    const outcome = await minuteAtFullRate(qos, 'paced')
    expect(outcome).toMatchObject({ published, taken: published, dropped: 0, outOfOrder: 0 })
    // Every message but the first of a gust waits; the clock of a timer counts whole milliseconds.
    expect(outcome.paced).toBeGreaterThan(published * 0.95)
    expect(outcome.takenInTime).toBeGreaterThan(published * 0.97)
    expect(outcome.tookMs).toBeLessThan(62_000)
  })

  it('loses without pacing what the platform drops at QoS 0: all but 30 messages of each gust', async () => {
    expect(await minuteAtFullRate(0, 'unpaced')).toMatchObject({ published: 1800, taken: 180, dropped: 1620, paced: 0 })
  })

  it('jams without pacing at QoS 1: the dropped ones fill the window, and nothing follows them', async () => {
    const { taken, dropped, published } = await minuteAtFullRate(1, 'unpaced')
    expect({ dropped, published }).toEqual({ dropped: 100, published: 600 })
    expect(taken).toBeLessThan(published / 10)
  })
})
