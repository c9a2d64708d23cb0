import { expect, test, vi } from 'vitest'
import { Timers } from '../../../src/client/engine/timers.js'
import { fakeTime } from '../peers/client-on-pipe.js'

test('a deadline that is nearer than any timer is reached in the next turn, and only once if the clock stands still', () => {
  fakeTime()
  const deadlineReached = vi.fn(() => timers.startEngine(deadline, timers.now()))
  const timers = new Timers({ deadlineReached })
  const deadline = timers.now() + 0.01
  timers.startEngine(deadline, timers.now())
  vi.advanceTimersByTime(0)
  expect(deadlineReached).toHaveBeenCalledTimes(1)
  timers.stopAll()
})
