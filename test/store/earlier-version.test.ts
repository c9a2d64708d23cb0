/** `fixtures/store-0.1.0` is a directory as version 0.1.0 left it. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { StoreError } from '../../src/errors.js'
import type { JournalRecord } from '../../src/protocol/journal/journal-record.js'
import { fileStore } from '../../src/store/file/file-store.js'
import { plain } from './session-comparison.js'

const fixture = fileURLToPath(new URL('../../fixtures/store-0.1.0', import.meta.url))

function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mqtt311-earlier-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  return directory
}

function copyOfFixture(): string {
  const directory = emptyDirectory()
  cpSync(fixture, directory, { recursive: true })
  return directory
}

const message = (sequence: number, qos: number, binding?: { packetId: number; received: boolean }) => {
  return { sequence, topic: `t/${sequence}`, payload: '6869', qos, retain: sequence === 7, binding }
}
const left = {
  nextSequence: 8,
  nextPacketId: 3,
  messages: [
    message(4, 2, { packetId: 2, received: true }),
    message(1, 2, { packetId: 10, received: false }),
    message(2, 1, { packetId: 65_535, received: false }),
    message(7, 2),
  ],
  held: [8],
}
const abandoned: readonly JournalRecord[] = [{ kind: 'abandoned', sequence: 1 }]

/** What 0.1.0 asks of the header of each journal file, and of the kind of each record. It refuses all that is later. */
function openBy010(directory: string): void {
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.journal'))) {
    const file = readFileSync(join(directory, name))
    const found = file.readUInt16BE(8)
    if (found !== 1) throw new StoreError(`format version ${found}, and this version of mqtt311 reads 1`)
    for (let at = 33 + file.readUInt16BE(31) + 4; at < file.length; at += 8 + file.readUInt32BE(at)) {
      const kind = file.readUInt8(at + 8)
      if (kind > 10) throw new StoreError(`a record of kind ${kind}, which this version does not know`)
    }
  }
}

describe('a directory of version 0.1.0', () => {
  it('opens with all that was left in it', async () => {
    const store = fileStore(copyOfFixture())
    expect(plain(await store.open('device-1'))).toEqual(left)
    await store.close()
  })

  it('goes on with records that 0.1.0 did not have', async () => {
    const directory = copyOfFixture()
    const store = fileStore(directory)
    await store.open('device-1')
    await store.append(abandoned)
    await store.close()
    const next = fileStore(directory)
    const messages = left.messages.filter(({ sequence }) => sequence !== 1)
    expect(plain(await next.open('device-1'))).toEqual({ ...left, messages, reserved: [10] })
    await next.close()
  })
})

describe('a directory of this version', () => {
  it('is refused by 0.1.0', async () => {
    const directory = emptyDirectory()
    const store = fileStore(directory)
    await store.open('device-1')
    await store.close()
    expect(() => openBy010(directory)).toThrow(/format version 2/)
  })

  it('is refused by 0.1.0 too if that has begun it, for its first new record', async () => {
    const directory = copyOfFixture()
    expect(() => openBy010(directory)).not.toThrow()
    const store = fileStore(directory)
    await store.open('device-1')
    await store.append(abandoned)
    await store.close()
    expect(() => openBy010(directory)).toThrow(/kind 11/)
  })
})
