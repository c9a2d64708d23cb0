import { describe, expect, it } from 'vitest'
import { restartBroker } from '../faults/broker-restarts.js'
import { killClient } from '../faults/client-kills.js'
import { cutConnections } from '../faults/cut-connections.js'
import type { LoadReport } from '../faults/load.js'

/** The faults of `npm run faults`, with numbers small enough for every run of the tests. */
const messagesOfEachQos = 2_000

/** What no fault of the network or of the broker may do to a producer. */
const unharmed = { unacknowledged: 0, hanging: 0, leaked: 0, rejected: 0 }

function expectNothingLostOrDoubled({ scores, repeatedByBroker }: LoadReport): void {
  expect(scores[1]).toMatchObject({ promised: messagesOfEachQos, lost: 0 })
  expect(scores[2]).toMatchObject({ promised: messagesOfEachQos, lost: 0, doubled: repeatedByBroker })
}

/** Longer than the load waits for a message before it counts what is lost and what hangs: a count says more than a limit that passed. */
const timeout = 180_000

describe('while messages go out and come in', { timeout }, () => {
  it('a broker that is restarted again and again loses nothing and doubles nothing at QoS 2 [MQTT-4.4.0-1]', async () => {
    const report = await restartBroker({ signal: 'SIGTERM', messagesOfEachQos, seed: 1 })
    expectNothingLostOrDoubled(report)
    expect(report).toMatchObject(unharmed)
    expect(report.resent).toBeGreaterThan(0)
  })

  it('a broker that is killed and forgets leaves no publish hanging and no Packet Identifier behind [MQTT-2.3.1-3]', async () => {
    const report = await restartBroker({ signal: 'SIGKILL', messagesOfEachQos, seed: 2 })
    expect(report).toMatchObject(unharmed)
    expect(report.resent).toBeGreaterThan(0)
  })

  it('a network that cuts, stalls and hands over byte by byte loses nothing and doubles nothing at QoS 2', async () => {
    const report = await cutConnections({ messagesOfEachQos, seed: 3 })
    expectNothingLostOrDoubled(report)
    expect(report).toMatchObject(unharmed)
    expect(report.reconnects).toBeGreaterThan(0)
  })
})

describe('a process that publishes until stored and is killed with -9', () => {
  it('has every message delivered that it was promised, and none at QoS 2 twice', async () => {
    const { scores } = await killClient({ kills: 10, seed: 4 })
    expect(scores[1].promised).toBeGreaterThan(0)
    expect(scores[2].promised).toBeGreaterThan(0)
    expect(scores[1]).toMatchObject({ lost: 0 })
    expect(scores[2]).toMatchObject({ lost: 0, doubled: 0 })
  })
})
