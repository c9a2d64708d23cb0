import { expect, test, vi } from 'vitest'
import { Timers } from '../../../src/client/engine/timers.js'
import { fakeTime } from '../peers/client-on-pipe.js'

test('a deadline that is nearer than any timer is reached in the next turn, and once if the clock stands still; then a timer follows', () => {
  fakeTime()
  vi.advanceTimersByTime(1_000)
  const deadlineReached = vi.fn(() => timers.startEngine(deadline))
  const timers = new Timers({ deadlineReached })
  const deadline = timers.now() + 0.01
  timers.startEngine(deadline)
  vi.advanceTimersByTime(0)
  vi.advanceTimersByTime(0)
  expect(deadlineReached).toHaveBeenCalledTimes(1)
  // The timer of a millisecond, and the turn behind it.
  vi.advanceTimersByTime(2)
  expect(deadlineReached).toHaveBeenCalledTimes(2)
  timers.stopAll()
})

test('a sleep is told once, also if the sockets are to be read before the deadline counts', () => {
  fakeTime()
  const told: string[] = []
  const timers = new Timers({
    deadlineReached(before) {
      told.push(before)
      if (told.length < 3) timers.engineAtNextTurn()
    },
  })
  timers.startEngine(timers.now() + 60_000)
  vi.setSystemTime(Date.now() + 3_600_000)
  vi.advanceTimersByTime(10_000)
  for (let turn = 0; turn < 3; turn += 1) vi.advanceTimersByTime(1)
  expect(told).toEqual(['slept', 'ran', 'ran'])
  timers.stopAll()
})
