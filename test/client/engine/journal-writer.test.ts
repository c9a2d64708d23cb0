import { expect, test } from 'vitest'
import { JournalWriter } from '../../../src/client/engine/journal-writer.js'
import { StoreError } from '../../../src/errors.js'
import { memoryStore } from '../../../src/store/index.js'
import { gate, quiet } from '../peers/client-on-pipe.js'

/** A journal whose store answers when the test says so. */
function journalOfSlowStore() {
  const appends: ReturnType<typeof gate<void>>[] = []
  const append = () => {
    const answer = gate<void>()
    appends.push(answer)
    return answer.promise
  }
  const failures: unknown[] = []
  const journal = new JournalWriter({ ...memoryStore(), durable: true, append }, (error) => failures.push(error))
  return { journal, appends, failures }
}

const record = { kind: 'held', packetId: 1 } as const

test('what depends on a record goes out when the store has it, in order, and at once if the store has everything', async () => {
  const { journal, appends } = journalOfSlowStore()
  const sent: string[] = []
  journal.whenSafe(() => sent.push('before any record'))
  expect(sent).toEqual(['before any record'])
  journal.record(record)
  journal.whenSafe(() => sent.push('first'))
  journal.record(record)
  journal.whenSafe(() => sent.push('second'))
  await quiet()
  expect(sent).toEqual(['before any record'])
  appends[0]?.open()
  await quiet()
  expect(sent).toEqual(['before any record', 'first'])
  appends[1]?.open()
  await quiet()
  expect(sent).toEqual(['before any record', 'first', 'second'])
})

test('when the store has failed nothing goes out any more, the store is left alone, and the failure is reported once', async () => {
  const { journal, appends, failures } = journalOfSlowStore()
  const sent: string[] = []
  for (const what of ['first', 'second', 'third']) {
    journal.record(record)
    journal.whenSafe(() => sent.push(what))
  }
  const [error, another] = [new StoreError('disk full'), new StoreError('still full')]
  appends[0]?.fail(error)
  appends[1]?.open()
  appends[2]?.fail(another)
  await quiet()
  journal.record(record)
  journal.whenSafe(() => sent.push('fourth'))
  journal.append()
  expect(sent).toEqual([])
  expect(failures).toEqual([error])
  expect(appends).toHaveLength(3)
  expect(journal.isBehind).toBe(false)
  await journal.settled()
})
