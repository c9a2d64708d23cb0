import { mkdtempSync, rmSync } from 'node:fs'
import fs, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StoreError } from 'mqtt311'
import { fileStore } from 'mqtt311/store'
import { expect, it, onTestFinished, vi } from 'vitest'

/** Every file that is opened from now on, until the test is over. */
function watchOpenedFiles(): readonly FileHandle[] {
  const opened: FileHandle[] = []
  const open = fs.open
  const spy = vi.spyOn(fs, 'open').mockImplementation(async (...target) => {
    const handle = await open(...target)
    opened.push(handle)
    return handle
  })
  syncBuiltinESMExports()
  onTestFinished(() => {
    spy.mockRestore()
    syncBuiltinESMExports()
  })
  return opened
}

const isOpen = ({ fd }: FileHandle) => fd !== -1

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mqtt311-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

it('a file store that is open keeps one file open, and none when it is closed', async () => {
  const store = fileStore(join(temporaryDirectory(), 'made/by/the/store'), { segmentBytes: 4096 })
  const opened = watchOpenedFiles()
  await store.open('s')
  for (let sequence = 1; sequence <= 100; sequence++) {
    const payload = Buffer.alloc(100)
    await store.append([{ kind: 'queued', sequence, topic: 't', payload, qos: 1, retain: false }])
  }
  await store.close()
  await store.open('s')
  expect(opened.filter(isOpen)).toHaveLength(1)
  await store.close()
  expect(opened.filter(isOpen)).toEqual([])
})

it('a file store that cannot be opened keeps no file open', async () => {
  const directory = temporaryDirectory()
  const store = fileStore(directory)
  await store.open('s')
  await store.close()

  const opened = watchOpenedFiles()
  const open = fs.open
  vi.mocked(fs.open).mockImplementationOnce(async (...target) => {
    const handle = await open(...target)
    vi.spyOn(handle, 'stat').mockRejectedValue(new Error('EIO: simulated'))
    return handle
  })
  await expect(store.open('s')).rejects.toThrow(StoreError)
  expect(opened).not.toEqual([])
  expect(opened.filter(isOpen)).toEqual([])
})
