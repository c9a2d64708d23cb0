/** What the exploration finds in the engine as it is: nothing. The large configurations run by `npm run explore`. */
import { describe, expect, it } from 'vitest'
import { small } from './configurations.js'
import { explore } from './explorer.js'
import { printedTrace } from './trace.js'

describe('every state that small configurations can reach', () => {
  it.each(small)('keeps what the protocol and the engine promise: $name', (configuration) => {
    const exploration = explore(configuration)
    expect(printedTrace(exploration)).toBe('')
    expect(exploration.complete).toBe(true)
    expect(exploration.restingStates).toBeGreaterThan(0)
  })

  it('is reached: the same exploration finds the same states again', () => {
    const last = small.slice(-1)
    const counts = [...last, ...last].map((configuration) => explore(configuration).states)
    expect(counts[0]).toBe(counts[1])
    expect(counts[0]).toBeGreaterThan(500)
  })
})
