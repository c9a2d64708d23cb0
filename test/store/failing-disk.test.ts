import { cpSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { StoreError } from '../../src/errors.js'
import { replay } from '../../src/protocol/journal/session-reducer.js'
import { createFileStore, fileStore } from '../../src/store/file/file-store.js'
import { randomLog } from '../../src/store/testing/random-log.js'
import { queued } from './queued-record.js'
import { plain } from './session-comparison.js'
import { type Operation, SimulatedDisk, systemError } from './simulated-disk.js'

describe('a disk that fails', () => {
  const operations: readonly [Operation, string][] = [
    ['append', 'ENOSPC'],
    ['append', 'EIO'],
    ['sync', 'EIO'],
  ]
  it.each(operations)(
    'ends the store at the first failed %s (%s); what had resolved stays',
    async (operation, code) => {
      const log = randomLog(8, 60)
      const disk = new SimulatedDisk()
      const store = createFileStore(disk.machine())
      await store.open('s')
      await store.append(log.slice(0, 30))
      const cause = systemError(code)
      let failures = 0
      disk.before = (called) => {
        if (called !== operation) return
        failures += 1
        throw cause
      }
      const both = [store.append(log.slice(30, 40)), store.append(log.slice(40, 41))]
      for (const append of both) await expect(append).rejects.toMatchObject({ code: 'MQTT_STORE', cause })
      disk.before = (called) => {
        if (called === operation) failures += 1
      }
      await expect(store.append(log.slice(41))).rejects.toMatchObject({ code: 'MQTT_STORE', cause })
      await expect(store.close()).rejects.toMatchObject({ code: 'MQTT_STORE', cause })
      expect(failures, 'a failed operation is not tried again').toBe(1)
      expect(disk.openFiles).toBe(0)

      const next = createFileStore(disk.machine())
      const session = await next.open('s')
      const appended = operation === 'sync' ? 41 : 30
      expect(plain(session)).toEqual(plain(replay(log.slice(0, appended))))
      await next.close()
    },
  )

  it('is full: a write that was taken in part is cut off at the next opening', async () => {
    const log = randomLog(9, 60)
    const disk = new SimulatedDisk()
    const store = createFileStore(disk.machine())
    await store.open('s')
    await store.append(log.slice(0, 30))
    disk.freeBytes = 25
    await expect(store.append(log.slice(30))).rejects.toMatchObject({ cause: { code: 'ENOSPC' } })
    await store.close().catch(() => {})
    disk.freeBytes = Infinity
    const next = createFileStore(disk.machine())
    expect(plain(await next.open('s'))).toEqual(plain(replay(log.slice(0, 30))))
    expect(next.tornTail?.bytes).toBeGreaterThan(0)
    await next.append(log.slice(30))
    await next.close()
  })

  it('takes what it takes: short writes are continued', async () => {
    const log = randomLog(10, 60)
    const disk = new SimulatedDisk()
    disk.writeLimit = 3
    const store = createFileStore(disk.machine())
    await store.open('s')
    await store.append(log)
    await store.close()
    const next = createFileStore(disk.machine())
    expect(plain(await next.open('s'))).toEqual(plain(replay(log)))
    await next.close()
  })

  it('fails a later sync: with everyMs the next append and close say so', async () => {
    vi.useFakeTimers()
    try {
      const disk = new SimulatedDisk()
      const store = createFileStore(disk.machine(), { fsync: { everyMs: 10 } })
      await store.open('s')
      await store.append([queued(1)])
      disk.before = (operation) => {
        if (operation === 'sync') throw systemError('EIO')
      }
      await vi.advanceTimersByTimeAsync(10)
      await expect(store.append([queued(2)])).rejects.toMatchObject({ cause: { code: 'EIO' } })
      await expect(store.close()).rejects.toMatchObject({ cause: { code: 'EIO' } })
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  const steps: readonly Operation[] = ['create', 'append', 'sync', 'rename', 'syncDirectory', 'remove']
  it.each(steps)('fails a compaction at %s: the store ends, nothing is lost', async (operation) => {
    const disk = new SimulatedDisk()
    const store = createFileStore(disk.machine(), { segmentBytes: 4096 })
    await store.open('s')
    let isCompacting = false
    disk.before = (called, name) => {
      isCompacting ||= name.endsWith('.unfinished')
      if (isCompacting && called === operation && !name.startsWith('lock')) throw systemError('EIO')
    }
    let resolved = 0
    let failure: unknown
    while (failure === undefined && resolved < 1000) {
      try {
        await store.append([queued(resolved + 1)])
        resolved += 1
      } catch (error) {
        failure = error
      }
    }
    expect(failure).toMatchObject({ code: 'MQTT_STORE', cause: { code: 'EIO' } })
    await expect(store.close()).rejects.toBe(failure)
    expect(disk.openFiles).toBe(0)
    disk.before = () => {}
    const next = createFileStore(disk.machine())
    expect((await next.open('s')).messages.length).toBeGreaterThanOrEqual(resolved)
    await next.close()
    expect(disk.fileNames.join()).not.toMatch(/unfinished|lock/)
  })

  const openings: readonly [Operation, string][] = [
    ['create', 'EROFS'],
    ['create', 'EACCES'],
    ['append', 'ENOSPC'],
    ['sync', 'EIO'],
    ['syncDirectory', 'EIO'],
  ]
  it.each(openings)(
    'refuses to open when %s fails with %s, names the file, and keeps no lock',
    async (operation, code) => {
      const disk = new SimulatedDisk()
      disk.before = (called) => {
        if (called === operation) throw systemError(code)
      }
      await expect(createFileStore(disk.machine()).open('s')).rejects.toMatchObject({
        code: 'MQTT_STORE',
        message: expect.stringMatching(/^cannot \w[\w ]* segment-00000001\.journal in \/simulated: /),
        cause: { code },
      })
      expect(disk.fileNames.filter((name) => name.startsWith('lock'))).toEqual([])
      expect(disk.openFiles).toBe(0)
    },
  )

  it('refuses to open when a file cannot be read', async () => {
    const disk = new SimulatedDisk()
    const store = createFileStore(disk.machine())
    await store.open('s')
    await store.close()
    disk.before = (called) => {
      if (called === 'readAll') throw systemError('EIO')
    }
    await expect(store.open('s')).rejects.toThrow(/cannot read segment-00000001\.journal in \/simulated: EIO/)
  })
})

describe('a directory that is deleted while its store is open', () => {
  it.each(['always', 'never', { everyMs: 60_000 }] as const)('ends the promises, with fsync %j', async (fsync) => {
    const directory = mkdtempSync(join(tmpdir(), 'mqtt311-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const store = fileStore(directory, { fsync })
    await store.open('s')
    await store.append([queued(1)])
    rmSync(directory, { recursive: true })
    const error = await store.append([queued(2)]).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StoreError)
    expect(String(error)).toMatch(
      /cannot write segment-00000001\.journal in .*: the file was deleted while the store was open/,
    )
    await expect(store.append([queued(3)])).rejects.toBe(error)
    await expect(store.close()).rejects.toThrow(StoreError)
  })

  it('is another matter than one that is moved, which keeps everything', async () => {
    const parent = mkdtempSync(join(tmpdir(), 'mqtt311-'))
    onTestFinished(() => rmSync(parent, { recursive: true, force: true }))
    const store = fileStore(join(parent, 'before'))
    await store.open('s')
    renameSync(join(parent, 'before'), join(parent, 'after'))
    await store.append([queued(1)])
    const moved = fileStore(join(parent, 'copy'))
    cpSync(join(parent, 'after'), join(parent, 'copy'), { recursive: true, filter: (path) => !path.includes('lock') })
    expect((await moved.open('s')).messages).toHaveLength(1)
    await moved.close()
    await store.close().catch(() => {})
  })
})
