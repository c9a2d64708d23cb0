/** What the exploration finds in the engine as it is: nothing. The large configurations run by `npm run explore`. */
import { describe, expect, it } from 'vitest'
import { liberties, nudged, small } from './configuration/configurations.js'
import { smallSuspected } from './configuration/suspect-configurations.js'
import { explore } from './search/explorer.js'
import { printedTrace } from './search/trace.js'

/** Those that take less than a second. `npm run explore` has all. */
const quick = liberties.filter(
  ({ liberty, mishaps }) => mishaps.cuts < 2 && liberty !== 'sends a SUBACK that nobody asked for',
)

describe('a server that takes liberties', () => {
  it.each(quick)('loses and doubles no message: $name', (configuration) => {
    const exploration = explore(configuration)
    expect(printedTrace(exploration)).toBe('')
    expect(exploration.complete).toBe(true)
    expect(exploration.restingStates).toBeGreaterThan(0)
  })

  it.each([
    ['answers PUBLISH at QoS 2 with PUBACK', 'Packet Identifier 1 (perhaps this server does not have QoS 2'],
    ['sends a SUBACK that nobody asked for', 'SUBACK with Packet Identifier 40000, which no request has'],
    ['uses a held identifier for a new message', 'which an exchange at QoS 2 uses'],
    ['says Session Present after Clean Session', 'although CONNECT had Clean Session 1'],
  ])('has its connection closed by a strict session: one that %s', (liberty, reason) => {
    const within = liberties.find((configuration) => configuration.liberty === liberty)
    if (within === undefined) throw new Error('there is no such configuration')
    expect(explore({ ...within, strict: true }).broken?.rule).toContain(reason)
  })
})

describe('every state that small configurations can reach', () => {
  it.each([...small, ...smallSuspected, ...nudged.slice(0, 1)])(
    'keeps what the protocol and the engine promise: $name',
    (configuration) => {
      const exploration = explore(configuration)
      expect(printedTrace(exploration)).toBe('')
      expect(exploration.complete).toBe(true)
      expect(exploration.restingStates).toBeGreaterThan(0)
    },
  )

  it('is reached: the same exploration finds the same states again', () => {
    const last = small.slice(-1)
    const counts = [...last, ...last].map((configuration) => explore(configuration).states)
    expect(counts[0]).toBe(counts[1])
    expect(counts[0]).toBeGreaterThan(500)
  })
})
