import { describe, expect, test } from 'vitest'
import type { JournalRecord } from '../../src/protocol/journal/journal-record.js'
import type { SessionStore } from '../../src/store/session-store.js'
import { type StoreFault, simulate } from './world/simulation.js'

/** Seeds from the first on, until one shows something wrong; undefined if none does. */
async function firstFailure(seeds: number, fault?: StoreFault): Promise<readonly string[] | undefined> {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const { faults } = await simulate(seed, fault)
    if (faults.length > 0) return faults
  }
  return undefined
}

/** A store that gets other records than the engine gave; it is not told anything impossible, or it would notice by itself. */
function altering(alter: () => (record: JournalRecord) => readonly JournalRecord[]): StoreFault {
  return (store) => {
    const change = alter()
    return {
      durable: true,
      open: (sessionId) => store.open(sessionId),
      append: (records) => store.append(records.flatMap((record) => [...change(record)])),
      close: () => store.close(),
    }
  }
}

const withoutBound = altering(() => (record) => {
  if (record.kind === 'bound' || record.kind === 'received') return []
  return record.kind === 'settled' ? [{ kind: 'withdrawn', sequence: record.sequence }] : [record]
})

const withoutReceived = altering(() => {
  const late = new Set<number>()
  return (record) => {
    if (record.kind === 'received') {
      late.add(record.sequence)
      return []
    }
    if (record.kind !== 'settled' || !late.has(record.sequence)) return [record]
    return [{ kind: 'received', sequence: record.sequence }, record]
  }
})

const withoutHeld = altering(() => (record) => (record.kind === 'held' || record.kind === 'released' ? [] : [record]))

/** A store that says so before its records are safe. */
const hasty: StoreFault = (store): SessionStore => ({
  durable: true,
  open: (sessionId) => store.open(sessionId),
  append: async (records) => {
    // What was asked for may still fail, or be lost with the process.
    store.append(records).catch(() => {})
  },
  close: () => store.close(),
})

describe('the whole client in a simulated world', () => {
  test('loses nothing, doubles nothing and leaves nothing behind, whatever goes wrong', async () => {
    expect(await firstFailure(60)).toBeUndefined()
  })

  test('does the same again for the same seed', async () => {
    const [first, second] = [await simulate(7), await simulate(7)]
    expect(second.digest).toBe(first.digest)
    expect(first.connections).toBeGreaterThan(1)
  })

  test.each([
    ['that an identifier was bound', withoutBound],
    ['that PUBREC came', withoutReceived],
    ['which identifiers are held', withoutHeld],
  ])('shows the fault of a store that forgets %s', async (_, fault) => {
    expect(await firstFailure(300, fault)).toBeDefined()
  })

  test('shows the fault of a store that calls safe what is not', async () => {
    expect(await firstFailure(300, hasty)).toBeDefined()
  })
})
