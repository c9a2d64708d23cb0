/** The stories of the page to play on: each ends as it says, and nothing is left on the way. */
import { describe, expect, test } from 'vitest'
import { scenarios } from '../../docs/play/page/scenarios.js'
import { World } from '../../docs/play/page/world.js'

/** How often each message was handled by the client, or got by other clients. */
const ends = ({ handled, published }: World) => Object.fromEntries([...handled, ...published])

describe('the story', () => {
  test.each(scenarios)('$name', ({ moves, end }) => {
    const world = new World()
    for (const move of moves) {
      expect(world.allows(move)).toBe(true)
      world.do(move)
    }
    expect(ends(world)).toEqual(end)
    expect({ toServer: world.toServer, toClient: world.toClient }).toEqual({ toServer: [], toClient: [] })
    expect(world.engine?.outgoing).toMatchObject({ exchanges: [], queue: [] })
    expect(world.engine?.incoming.identifiers).toEqual([])
  })
})
