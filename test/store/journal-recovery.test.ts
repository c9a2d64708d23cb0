import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StoreError } from '../../src/errors.js'
import type { JournalRecord, StoredSession } from '../../src/protocol/journal/journal-record.js'
import { replay } from '../../src/protocol/journal/session-reducer.js'
import { createFileStore, type FileStoreOptions } from '../../src/store/file/file-store.js'
import type { Fsync } from '../../src/store/file/journal.js'
import { randomLog } from '../../src/store/testing/random-log.js'
import { plain, prefixOf } from './session-comparison.js'
import { SimulatedDisk } from './simulated-disk.js'

const segment1 = 'segment-00000001.journal'
const modes: readonly Fsync[] = ['always', 'never', { everyMs: 1000 }]

async function openOn(disk: SimulatedDisk, options?: FileStoreOptions): Promise<StoredSession> {
  const store = createFileStore(disk.machine(), options)
  const session = await store.open('s')
  await store.close()
  return session
}

/** The error with which it is not opened. One `expect` for each of thousands of bytes would take longer than the openings do. */
function refusalOf(disk: SimulatedDisk): Promise<{ readonly code: string; readonly message: string }> {
  return openOn(disk).then(
    () => ({ code: 'none', message: 'it was opened' }),
    (error: unknown) => (error instanceof StoreError ? error : { code: 'none', message: String(error) }),
  )
}

/** Appends the log in pieces until it ends or the disk does. Gives how many records had resolved. */
async function run(disk: SimulatedDisk, log: readonly JournalRecord[], pieces: number, options?: FileStoreOptions) {
  const store = createFileStore(disk.machine(), options)
  let resolved = 0
  try {
    await store.open('s')
    for (let at = 0; at < log.length; at += pieces) {
      await store.append(log.slice(at, at + pieces))
      resolved = Math.min(log.length, at + pieces)
    }
    await store.close()
  } catch {
    // The disk has stopped: what had resolved by then is what matters.
  }
  return resolved
}

describe('a process killed at any byte', () => {
  const log = randomLog(3, 40)

  it.each(modes)('leaves a prefix of the log that holds all that had resolved (fsync %j)', async (fsync) => {
    const whole = new SimulatedDisk()
    await run(whole, log, 3, { fsync })
    const lost: number[] = []
    for (let bytes = 1; bytes <= whole.bytesOnDisk; bytes++) {
      const disk = new SimulatedDisk()
      disk.bytesUntilKill = bytes
      const resolved = await run(disk, log, 3, { fsync })
      const session = await openOn(disk)
      if (prefixOf(log, session, resolved) === undefined) lost.push(bytes)
    }
    expect(lost).toEqual([])
  })

  it('during compaction as well, and the journal can be appended to afterwards', async () => {
    const long = randomLog(4, 300)
    const options: FileStoreOptions = { segmentBytes: 4096, fsync: 'never' }
    const whole = new SimulatedDisk()
    await run(whole, long, 5, options)
    expect(whole.fileNames.join()).toMatch(/snapshot/)
    const wanted = plain(replay(long))
    for (let bytes = 1; bytes < 40_000; bytes += 97) {
      const disk = new SimulatedDisk()
      disk.bytesUntilKill = bytes
      const resolved = await run(disk, long, 5, options)
      const session = await openOn(disk, options)
      const length = prefixOf(long, session, resolved)
      expect(length, `killed after ${bytes} bytes`).toBeDefined()
      await run(disk, long.slice(length), 5, options)
      expect(plain(await openOn(disk, options))).toEqual(wanted)
    }
  })

  it('leaves nothing behind that the next one does not take over', async () => {
    const disk = new SimulatedDisk()
    disk.bytesUntilKill = 500
    await run(disk, log, 3)
    await openOn(disk)
    expect(disk.fileNames).toEqual([segment1])
  })

  it('leaves nothing that a snapshot has replaced, if it was killed before it could remove it', async () => {
    const disk = new SimulatedDisk()
    disk.before = (operation, name) => {
      if (operation === 'remove' && name.startsWith('segment')) disk.kill()
    }
    await run(disk, randomLog(4, 300), 5, { segmentBytes: 4096 })
    disk.before = () => {}
    expect(disk.fileNames).toContain(segment1)
    const [snapshot] = disk.fileNames.filter((name) => name.startsWith('snapshot'))
    await openOn(disk)
    expect(disk.fileNames).not.toContain(segment1)
    expect(disk.fileNames).toContain(snapshot)
  })

  it('is told by tornTail where the log was cut off', async () => {
    const disk = new SimulatedDisk()
    disk.bytesUntilKill = 500
    await run(disk, log, 3)
    const store = createFileStore(disk.machine())
    await store.open('s')
    expect(store.tornTail).toMatchObject({ file: segment1 })
    expect((store.tornTail?.offset ?? 0) + (store.tornTail?.bytes ?? 0)).toBe(500)
    await store.close()
    const again = createFileStore(disk.machine())
    await again.open('s')
    expect(again.tornTail).toBeUndefined()
    await again.close()
  })
})

describe('a power failure at any byte', () => {
  it('leaves a prefix of the log, with all that had resolved if fsync is always', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.integer({ min: 1, max: 12_000 }),
        fc.constantFrom(...modes),
        fc.array(fc.nat(1000), { minLength: 200, maxLength: 200 }),
        async (seed, bytes, fsync, choices) => {
          const log = randomLog(seed, 120)
          const options: FileStoreOptions = { fsync, segmentBytes: 4096 }
          const disk = new SimulatedDisk()
          disk.bytesUntilKill = bytes
          let next = 0
          const below = (bound: number) => (choices[next++ % choices.length] ?? 0) % bound
          const resolved = await run(disk, log, 1 + (seed % 9), options)
          disk.cutPower(below)
          const first = await openOn(disk, options)
          const length = prefixOf(log, first, fsync === 'always' ? resolved : 0)
          expect(length).toBeDefined()
          // What an opening has given out, a second power failure does not take back.
          disk.cutPower(below)
          expect(plain(await openOn(disk, options))).toEqual(plain(first))
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('damage', () => {
  const log = randomLog(5, 30)

  it.each(modes)(
    'of a bit of any byte of a journal that was closed is reported with file and byte (fsync %j)',
    async (fsync) => {
      const disk = new SimulatedDisk()
      await run(disk, log, 2, { fsync })
      const sound = disk.contentOf(segment1)
      const unseen: string[] = []
      const touched: number[] = []
      // The last record vouches for all before it, and nothing vouches for it.
      for (let at = 0; at < sound.length - 15; at++) {
        const bit = at % 8
        const flipped = Buffer.from(sound)
        flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << bit), at)
        const copy = disk.clone()
        copy.overwrite(segment1, flipped)
        const { message } = await refusalOf(copy)
        if (!/segment-00000001\.journal .*byte \d+/.test(message)) unseen.push(`bit ${bit} of byte ${at}: ${message}`)
        if (!copy.contentOf(segment1).equals(flipped)) touched.push(at)
      }
      expect(unseen).toEqual([])
      expect(touched).toEqual([])
    },
  )

  it('in the middle of a journal that was not closed is reported as well, wherever a later group was synced', async () => {
    const disk = new SimulatedDisk()
    const store = createFileStore(disk.machine())
    await store.open('s')
    for (const record of log) await store.append([record])
    const beforeLast = disk.contentOf(segment1).length
    await store.append([{ kind: 'forgotten' }])
    disk.kill()
    await store.close().catch(() => {})
    const unseen: string[] = []
    for (let at = 0; at < beforeLast; at++) {
      const copy = disk.clone()
      const flipped = Buffer.from(disk.contentOf(segment1))
      flipped.writeUInt8(flipped.readUInt8(at) ^ 0x10, at)
      copy.overwrite(segment1, flipped)
      const { code, message } = await refusalOf(copy)
      if (code !== 'MQTT_STORE') unseen.push(`byte ${at}: ${message}`)
    }
    expect(unseen).toEqual([])
  })

  it('of a snapshot or of a segment that is not the last is reported, a cut one too', async () => {
    const disk = new SimulatedDisk()
    // The first compaction is done, the second never ends, so that several segments stay.
    disk.before = (operation, name) => {
      const isHeldUp = operation === 'create' && name.endsWith('.unfinished') && !name.includes('00000002')
      return isHeldUp ? new Promise(() => {}) : undefined
    }
    const store = createFileStore(disk.machine(), { segmentBytes: 4096 })
    await store.open('s')
    for (const record of randomLog(6, 600)) await store.append([record])
    disk.kill()
    disk.before = () => {}
    const snapshot = disk.fileNames.find((name) => name.startsWith('snapshot')) ?? ''
    const segments = disk.fileNames.filter((name) => name.startsWith('segment'))
    expect(segments.length).toBeGreaterThanOrEqual(3)
    await openOn(disk.clone())
    const unseen: string[] = []
    for (const name of [snapshot, ...segments.slice(0, -1)]) {
      const sound = disk.contentOf(name)
      // The last bytes one by one: in the last group of a segment nothing behind vouches for them.
      for (let at = 0; at < sound.length; at += at < sound.length - 80 ? 37 : 1) {
        const copy = disk.clone()
        const flipped = Buffer.from(sound)
        flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at)
        copy.overwrite(name, flipped)
        const { message } = await refusalOf(copy)
        if (!message.includes(name)) unseen.push(`${name}, byte ${at}: ${message}`)
        if (at % 37 !== 0) continue
        copy.overwrite(name, sound.subarray(0, at))
        const ofCut = await refusalOf(copy)
        if (!ofCut.message.includes(name)) unseen.push(`${name} cut at ${at}: ${ofCut.message}`)
      }
    }
    expect(unseen).toEqual([])
  })

  it('is a segment that another history of the session left', async () => {
    const histories = [20, 21].map(() => new SimulatedDisk())
    for (const [index, disk] of histories.entries()) {
      disk.before = (operation, name) => {
        return operation === 'create' && name.endsWith('.unfinished') ? new Promise(() => {}) : undefined
      }
      const store = createFileStore(disk.machine(), { segmentBytes: 4096 })
      await store.open('s')
      for (let sequence = 1; sequence <= 60; sequence++) {
        const payload = Buffer.alloc(80)
        await store.append([{ kind: 'queued', sequence: sequence + index, topic: 't', payload, qos: 1, retain: false }])
      }
      disk.kill()
    }
    const [one, other] = histories.map((disk) => disk.clone())
    one?.overwrite(segment1, other?.contentOf(segment1) ?? Buffer.alloc(0))
    await expect(openOn(one ?? new SimulatedDisk())).rejects.toThrow(/does not go on where the log before it ends/)
  })

  it('is a missing segment too', async () => {
    const disk = new SimulatedDisk()
    const store = createFileStore(disk.machine(), { segmentBytes: 4096 })
    // Compaction waits, so that all segments stay.
    disk.before = (operation, name) => {
      if (operation === 'create' && name.endsWith('.unfinished')) throw new Error('held up')
    }
    await store.open('s')
    for (const record of randomLog(7, 300)) await store.append([record]).catch(() => {})
    await store.close().catch(() => {})
    disk.before = () => {}
    const segments = disk.fileNames.filter((name) => name.startsWith('segment'))
    expect(segments.length).toBeGreaterThanOrEqual(2)
    const copy = disk.clone()
    const files = await copy.machine().files()
    await files.remove(segment1)
    await expect(openOn(copy)).rejects.toThrow(/segment-00000001\.journal is missing/)
  })

  it('is a snapshot that no segment follows', async () => {
    const disk = new SimulatedDisk()
    await run(disk, randomLog(6, 200), 5, { segmentBytes: 4096 })
    const files = await disk.machine().files()
    const segments = disk.fileNames.filter((name) => name.startsWith('segment'))
    expect(disk.fileNames.length).toBe(segments.length + 1)
    for (const name of segments) await files.remove(name)
    await expect(openOn(disk)).rejects.toThrow(`${segments[0]} is missing`)
  })

  it('is not imagined: a payload that holds a journal is a payload', async () => {
    const inner = new SimulatedDisk()
    await run(inner, log, 2)
    const outer = new SimulatedDisk()
    const payload = inner.contentOf(segment1)
    outer.bytesUntilKill = payload.length + 60
    const record: JournalRecord = { kind: 'queued', sequence: 1, topic: 't', payload, qos: 1, retain: false }
    await run(outer, [record], 1)
    expect((await openOn(outer)).messages).toEqual([])
  })

  it('is not seen in files of other names, which are left alone', async () => {
    const disk = new SimulatedDisk()
    await run(disk, log, 2)
    const other = new SimulatedDisk()
    other.overwrite('notes.txt', Buffer.from('a file of somebody else'))
    await run(other, log, 2)
    expect(plain(await openOn(other))).toEqual(plain(replay(log)))
    expect(other.fileNames).toContain('notes.txt')
  })
})

describe('random logs with reopening and compaction', () => {
  it('are what the reducer says at every opening', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 }),
        fc.constantFrom(...modes),
        async (seed, pieces, fsync) => {
          const log = randomLog(
            seed,
            pieces.reduce((sum, piece) => sum + piece, 0),
          )
          const disk = new SimulatedDisk()
          disk.writeLimit = 1 + (seed % 700)
          let at = 0
          for (const piece of pieces) {
            const store = createFileStore(disk.machine(), { fsync, segmentBytes: 4096 })
            expect(plain(await store.open('s'))).toEqual(plain(replay(log.slice(0, at))))
            for (const end = at + piece; at < end; at += 1) await store.append(log.slice(at, at + 1))
            await store.close()
          }
          expect(plain(await openOn(disk))).toEqual(plain(replay(log)))
          expect(disk.openFiles).toBe(0)
        },
      ),
      { numRuns: 100 },
    )
  })
})
