import { describe, expect, it } from 'vitest'
import { Campaign } from './campaign.js'
import type { PlantedFault } from './client-run.js'
import { plantedFaults } from './planted-faults.js'

async function firstFaults(seeds: number, planted?: () => PlantedFault): Promise<readonly string[]> {
  const campaign = new Campaign(planted === undefined ? {} : { planted })
  try {
    for (let seed = 1; seed <= seeds; seed += 1) {
      const { faults } = await campaign.run(seed)
      if (faults.length > 0) return faults
    }
    return []
  } finally {
    campaign.end()
  }
}

describe('a client against hundreds of servers that lie', () => {
  it('settles every call, sends only what it may, and keeps to its bounds', async () => {
    expect(await firstFaults(200)).toEqual([])
  })

  it('does the same again for the same seed', async () => {
    const campaign = new Campaign()
    const digests = [(await campaign.run(11)).digest, (await campaign.run(11)).digest]
    campaign.end()
    expect(digests[1]).toBe(digests[0])
  })
})

describe('a client is found out that', () => {
  it.each(plantedFaults)('%s', async (_, planted, report) => {
    expect(await firstFaults(500, planted)).toContainEqual(expect.stringMatching(report))
  })
})
