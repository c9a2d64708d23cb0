import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileStore, memoryStore } from 'mqtt311/store'
import { sessionStoreSuite } from 'mqtt311/store/testing'
import { describe, expect, it } from 'vitest'
import { createFileStore, type FileStoreOptions } from '../../src/store/file/file-store.js'
import { SimulatedDisk } from './simulated-disk.js'

describe('the memory store', () => {
  const suite = sessionStoreSuite({
    durable: false,
    async create() {
      const store = memoryStore()
      return { store, reopen: async () => store, destroy: async () => {} }
    },
  })
  it.each(suite)('$name', ({ run }) => run())

  it('is tried by no case that needs durability', () => {
    const durable = sessionStoreSuite({ durable: true, create: () => Promise.reject(new Error('not run')) })
    expect(durable.length - suite.length).toBe(2)
  })
})

const modes: readonly [string, FileStoreOptions][] = [
  ['always', { fsync: 'always' }],
  ['never', { fsync: 'never', segmentBytes: 4096 }],
  ['every 5 ms', { fsync: { everyMs: 5 }, segmentBytes: 4096 }],
]

describe.each(modes)('the file store, fsync %s, on a real directory', (_name, options) => {
  const suite = sessionStoreSuite({
    durable: true,
    async create() {
      const directory = await mkdtemp(join(tmpdir(), 'mqtt311-store-'))
      return {
        store: fileStore(directory, options),
        reopen: async () => fileStore(directory, options),
        async destroy() {
          expect((await readdir(directory)).filter((name) => name.startsWith('lock'))).toEqual([])
          await rm(directory, { recursive: true })
        },
      }
    },
  })
  it.each(suite)('$name', ({ run }) => run())
})

describe.each(modes)('the file store, fsync %s, on a simulated disk', (_name, options) => {
  const suite = sessionStoreSuite({
    durable: true,
    async create() {
      const disk = new SimulatedDisk()
      return {
        store: createFileStore(disk.machine(), options),
        reopen: async () => createFileStore(disk.machine(), options),
        async kill() {
          disk.kill()
          return createFileStore(disk.machine(), options)
        },
        destroy: async () => expect(disk.openFiles).toBe(0),
      }
    },
  })
  it.each(suite)('$name', ({ run }) => run())
})
