import { describe, expect, it, vi } from 'vitest'
import { UsageError } from '../../src/errors.js'
import type { JournalRecord } from '../../src/protocol/journal/journal-record.js'
import { replay } from '../../src/protocol/journal/session-reducer.js'
import { fileName } from '../../src/store/file/file-header.js'
import { createFileStore, fileStore } from '../../src/store/file/file-store.js'
import { queued } from './queued-record.js'
import { plain } from './session-comparison.js'
import { type Operation, SimulatedDisk } from './simulated-disk.js'

/** A message from `publish()` to PUBACK. */
const cycle = (sequence: number, bytes?: number): JournalRecord[] => [
  queued(sequence, bytes),
  { kind: 'bound', sequence, packetId: 1 + (sequence % 65_535) },
  { kind: 'settled', sequence },
]
const syncs = (disk: SimulatedDisk) => disk.counts.get('sync') ?? 0

describe('group commit', () => {
  it('writes and syncs once for all appends of one turn', async () => {
    const disk = new SimulatedDisk()
    const store = createFileStore(disk.machine())
    await store.open('s')
    const [writes, before] = [disk.counts.get('append') ?? 0, syncs(disk)]
    await Promise.all(Array.from({ length: 500 }, (_, index) => store.append([queued(index + 1)])))
    expect(syncs(disk) - before).toBe(1)
    expect((disk.counts.get('append') ?? 0) - writes).toBe(1)
    await store.close()
  })

  it('syncs once for all that gathered while the disk was busy', async () => {
    const disk = new SimulatedDisk()
    const store = createFileStore(disk.machine())
    await store.open('s')
    const before = syncs(disk)
    const gathered: Promise<void>[] = []
    disk.before = (operation) => {
      if (operation !== 'sync' || gathered.length > 0) return
      for (let sequence = 2; sequence < 200; sequence++) gathered.push(store.append([queued(sequence)]))
    }
    await store.append([queued(1)])
    await Promise.all(gathered)
    expect(syncs(disk) - before).toBe(2)
    await store.close()
  })

  it('resolves an append only after the sync if fsync is always', async () => {
    const disk = new SimulatedDisk()
    const store = createFileStore(disk.machine())
    await store.open('s')
    let endSync = () => {}
    const syncing = new Promise<void>((begun) => {
      disk.before = (operation) => {
        if (operation !== 'sync') return undefined
        begun()
        return new Promise<void>((resolve) => {
          endSync = resolve
        })
      }
    })
    let isResolved = false
    const appended = store.append([queued(1)]).then(() => {
      isResolved = true
    })
    await syncing
    await new Promise((resolve) => setImmediate(resolve))
    expect(isResolved).toBe(false)
    endSync()
    await appended
    disk.before = () => {}
    await store.close()
  })

  it('syncs never for an append, and once at the end, if fsync is never', async () => {
    const disk = new SimulatedDisk()
    const store = createFileStore(disk.machine(), { fsync: 'never' })
    await store.open('s')
    const before = syncs(disk)
    for (let sequence = 1; sequence <= 20; sequence++) await store.append([queued(sequence)])
    expect(syncs(disk) - before).toBe(0)
    await store.close()
    expect(syncs(disk) - before).toBe(2)
  })

  it('syncs once every so many milliseconds, with a timer only while there is something to sync', async () => {
    vi.useFakeTimers()
    try {
      const disk = new SimulatedDisk()
      const store = createFileStore(disk.machine(), { fsync: { everyMs: 50 } })
      await store.open('s')
      const before = syncs(disk)
      expect(vi.getTimerCount()).toBe(0)
      for (let sequence = 1; sequence <= 20; sequence++) await store.append([queued(sequence)])
      expect(vi.getTimerCount()).toBe(1)
      expect(syncs(disk) - before).toBe(0)
      await vi.advanceTimersByTimeAsync(50)
      expect(syncs(disk) - before).toBe(1)
      expect(vi.getTimerCount()).toBe(0)
      await store.append([queued(21)])
      await store.close()
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('compaction', () => {
  it('bounds the directory over 100,000 messages that come and go', async () => {
    const disk = new SimulatedDisk()
    const store = createFileStore(disk.machine(), { segmentBytes: 262_144 })
    await store.open('s')
    let most = 0
    for (let sequence = 1; sequence <= 100_000; sequence += 200) {
      const turn = Array.from({ length: 200 }, (_, index) => cycle(sequence + index)).flat()
      await store.append(turn)
      most = Math.max(most, disk.bytesOnDisk)
    }
    expect(most).toBeLessThan(3 * 262_144)
    await store.close()
    const next = createFileStore(disk.machine())
    expect(await next.open('s')).toEqual({
      nextSequence: 100_001,
      nextPacketId: (100_000 % 65_535) + 2,
      messages: [],
      held: [],
    })
    await next.close()
  })

  it('writes into the snapshot the payload that was appended, although the caller has used its bytes again', async () => {
    const disk = new SimulatedDisk()
    const store = createFileStore(disk.machine(), { segmentBytes: 4096 })
    await store.open('s')
    const payload = Buffer.from('as it was')
    const appended = store.append([{ kind: 'queued', sequence: 1, topic: 't', payload, qos: 1, retain: false }])
    payload.fill(0)
    await appended
    for (let sequence = 2; sequence <= 200; sequence++) await store.append(cycle(sequence))
    await store.close()
    expect(
      await disk
        .machine()
        .files()
        .then((files) => files.list()),
    ).not.toContain(fileName({ kind: 'segment', number: 1 }))

    const next = createFileStore(disk.machine())
    const { messages } = await next.open('s')
    expect(messages.map((message) => Buffer.from(message.payload).toString())).toEqual(['as it was'])
    await next.close()
  })

  it('keeps messages that wait, and writes them again only when the log has grown by as much', async () => {
    const disk = new SimulatedDisk()
    const store = createFileStore(disk.machine(), { segmentBytes: 4096 })
    await store.open('s')
    for (let sequence = 1; sequence <= 2000; sequence++) await store.append([queued(sequence)])
    await store.close()
    expect(disk.bytesOnDisk).toBeLessThan(4 * 2000 * 100)
    const snapshots = [...disk.fileNames].filter((name) => name.startsWith('snapshot'))
    expect(snapshots).toHaveLength(1)
    // Doubling each time: far fewer than the fifty segments.
    expect(disk.counts.get('rename')).toBeLessThan(10)
    const next = createFileStore(disk.machine())
    expect((await next.open('s')).messages).toHaveLength(2000)
    await next.close()
  })

  it('lets appends go on while the snapshot is written', async () => {
    const disk = new SimulatedDisk()
    const store = createFileStore(disk.machine(), { segmentBytes: 4096 })
    await store.open('s')
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let isHeldUp = false
    disk.before = (operation, name) => {
      if (operation !== 'append' || !name.endsWith('.unfinished')) return undefined
      isHeldUp = true
      return held
    }
    const log = Array.from({ length: 300 }, (_, index) => queued(index + 1))
    for (const record of log) await store.append([record])
    expect(isHeldUp).toBe(true)
    expect(disk.fileNames.filter((name) => name.startsWith('segment')).length).toBeGreaterThan(3)
    release()
    await store.close()
    const next = createFileStore(disk.machine())
    expect(plain(await next.open('s'))).toEqual(plain(replay(log)))
    await next.close()
  })

  it('is given up by close, which does not wait for a long snapshot', async () => {
    const disk = new SimulatedDisk()
    const store = createFileStore(disk.machine(), { segmentBytes: 2 ** 20 })
    await store.open('s')
    const log = Array.from({ length: 200 }, (_, index) => queued(index + 1, 10_000))
    await store.append(log.slice(0, 199))
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let chunks = 0
    disk.before = (operation, name) => {
      if (operation !== 'append' || !name.endsWith('.unfinished')) return undefined
      chunks += 1
      return held
    }
    await store.append(log.slice(199))
    expect(chunks).toBe(1)
    const closed = store.close()
    release()
    await closed
    expect(chunks).toBeLessThan(4)
    expect(disk.fileNames).toEqual(['segment-00000001.journal', 'segment-00000002.journal'])
    expect((await store.open('s')).messages).toHaveLength(200)
    await store.close()
  })

  it('removes nothing before the snapshot and its name are safe', async () => {
    const disk = new SimulatedDisk()
    const store = createFileStore(disk.machine(), { segmentBytes: 4096 })
    await store.open('s')
    const steps: [Operation, string][] = []
    disk.before = (operation, name) => {
      if (name.startsWith('snapshot') || operation === 'remove' || operation === 'syncDirectory') {
        steps.push([operation, name])
      }
    }
    for (let sequence = 1; !steps.some(([operation]) => operation === 'remove'); sequence++) {
      await store.append(cycle(sequence))
    }
    await store.close()
    const [creation, ...rest] = steps.slice(steps.findIndex(([operation]) => operation === 'create'))
    expect(creation?.[1]).toBe('snapshot-00000002.journal.unfinished')
    const order = rest.map(([operation]) => operation).filter((operation) => operation !== 'append')
    expect(order.slice(0, 4)).toEqual(['sync', 'rename', 'syncDirectory', 'remove'])
    expect(rest.at(-1)).toEqual(['remove', expect.stringMatching(/segment-00000001|lock/)])
  })
})

describe('a long queue', () => {
  it('of 100,000 messages is opened whole, from segments and from a snapshot', async () => {
    const disk = new SimulatedDisk()
    const log = Array.from({ length: 100_000 }, (_, index) => queued(index + 1))
    const store = createFileStore(disk.machine(), { segmentBytes: 2 ** 20 })
    await store.open('s')
    for (let at = 0; at < log.length; at += 5000) await store.append(log.slice(at, at + 5000))
    await store.close()
    expect(disk.fileNames.join()).toMatch(/snapshot.*segment|segment.*snapshot/)
    const session = await store.open('s')
    expect(session.messages).toHaveLength(100_000)
    expect(session.messages.at(-1)?.sequence).toBe(100_000)
    await store.close()
  })
})

describe('what cannot be stored', () => {
  it('is refused: an impossible record fails its append and all later ones, and what had resolved stays', async () => {
    const disk = new SimulatedDisk()
    const store = createFileStore(disk.machine())
    await store.open('s')
    await store.append([queued(1)])
    await expect(store.append([queued(2), { kind: 'received', sequence: 9 }])).rejects.toThrow(/record 3 .*received/)
    await expect(store.append([queued(3)])).rejects.toMatchObject({ code: 'MQTT_STORE' })
    await expect(store.close()).rejects.toMatchObject({ code: 'MQTT_STORE' })
    expect((await store.open('s')).messages.map(({ sequence }) => sequence)).toEqual([1])
    await store.close()
  })

  it('is refused: a topic that is longer than MQTT allows', async () => {
    const store = createFileStore(new SimulatedDisk().machine())
    await store.open('s')
    const record: JournalRecord = { ...cycleHead(), topic: 'x'.repeat(65_536) }
    await expect(store.append([record])).rejects.toThrow(/65536 bytes/)
    await store.close().catch(() => {})
  })

  it('is refused: a sequence number that does not fit', async () => {
    const store = createFileStore(new SimulatedDisk().machine())
    await store.open('s')
    await expect(store.append([{ ...cycleHead(), sequence: 2 ** 48 }])).rejects.toThrow(/281474976710656/)
    await store.close().catch(() => {})
  })
})

describe('options', () => {
  it.each([0, 0.5, 3_600_001, Number.NaN])('refuse everyMs %d', (everyMs) => {
    expect(() => fileStore('d', { fsync: { everyMs } })).toThrow(/everyMs is a whole number from 1 to 3600000/)
  })

  it.each<[unknown[], string]>([
    [['d', { fsyncs: 'never' }], 'fsyncs is no option of fileStore(): did you mean fsync?'],
    [['d', { fsync: { every: 5 } }], 'every is no option of fsync: did you mean everyMs?'],
    [['d', { fsync: null }], "fsync is 'always', 'never' or { everyMs }, not null"],
    [['d', 'never'], 'the options of fileStore() have to be an object, not a string'],
    [[{ directory: 'd' }], 'directory has to be a path'],
    [[''], 'directory has to be a path'],
  ])('refuse what is mistyped: %j', (values, message) => {
    expect(() => Reflect.apply(fileStore, undefined, values)).toThrow(message)
    expect(() => Reflect.apply(fileStore, undefined, values)).toThrow(UsageError)
  })

  it.each([4095, 2 ** 30 + 1])('refuse segmentBytes %d', (segmentBytes) => {
    expect(() => fileStore('d', { segmentBytes })).toThrow(/segmentBytes is a whole number/)
  })
})

function cycleHead(): Extract<JournalRecord, { kind: 'queued' }> {
  return { kind: 'queued', sequence: 1, topic: 't', payload: Buffer.alloc(0), qos: 1, retain: false }
}
