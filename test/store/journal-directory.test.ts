import { existsSync } from 'node:fs'
import { appendFile, chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { fileStore } from '../../src/store/file/file-store.js'
import { appendAll, directoryFiles, onFile } from '../../src/store/file/journal-files.js'
import { temporaryDirectory } from './temporary-directory.js'

let directory = ''
beforeEach(async () => {
  directory = await temporaryDirectory()
})

describe('a journal to which somebody else writes', () => {
  it('promises nothing more, and is opened with all that it had promised', async () => {
    const store = fileStore(directory)
    await store.open('s')
    await store.append([{ kind: 'held', packetId: 1 }])
    await appendFile(join(directory, 'segment-00000001.journal'), 'abc')
    await expect(store.append([{ kind: 'held', packetId: 2 }])).rejects.toThrow(
      /cannot write segment-00000001.journal in .*: the file has \d+ bytes and not \d+: another program writes to it/,
    )
    await expect(store.close()).rejects.toThrow(/another program writes to it/)
    expect((await store.open('s')).held).toEqual([1])
    await store.close()
  })
})

describe('a directory', () => {
  it('is made with its parents, for the owner only', async () => {
    const deep = join(directory, 'a', 'b', 'c')
    const store = fileStore(deep)
    await store.open('s')
    await store.close()
    expect(await readdir(deep)).toEqual(['segment-00000001.journal'])
  })

  it('that is a file, or cannot be made, is a StoreError with its cause', async () => {
    const file = join(directory, 'file')
    await writeFile(file, '')
    await expect(fileStore(file).open('s')).rejects.toMatchObject({ code: 'MQTT_STORE', cause: { code: 'ENOTDIR' } })
    await expect(fileStore(join(file, 'below')).open('s')).rejects.toMatchObject({ cause: { code: 'ENOTDIR' } })
    await expect(fileStore('/proc/none').open('s')).rejects.toMatchObject({ code: 'MQTT_STORE' })
  })

  it('that is read-only is a StoreError, unless root may write all the same', async () => {
    const readOnly = join(directory, 'read-only')
    await mkdir(readOnly)
    await chmod(readOnly, 0o500)
    const isRoot = process.getuid?.() === 0
    const store = fileStore(readOnly)
    const opened = store.open('s')
    if (isRoot) await expect(opened).resolves.toBeDefined()
    else await expect(opened).rejects.toMatchObject({ cause: { code: 'EACCES' } })
    await store.close()
    await chmod(readOnly, 0o700)
  })

  it('that holds another session is refused, and says whose it is [MQTT-3.1.3-2]', async () => {
    const store = fileStore(directory)
    await store.open('one')
    await store.close()
    await expect(fileStore(directory).open('two')).rejects.toThrow(/holds the session "one", not "two"/)
  })

  it('is cut and appended to as the simulated one is', async () => {
    const store = fileStore(directory)
    await store.open('s')
    await store.append([{ kind: 'held', packetId: 1 }])
    await store.close()
    const segment = join(directory, 'segment-00000001.journal')
    const sound = await readFile(segment)
    await appendFile(segment, Buffer.from([0, 0, 0, 7, 1]))
    expect((await store.open('s')).held).toEqual([1])
    expect(store.tornTail).toEqual({ file: 'segment-00000001.journal', offset: sound.length, bytes: 5 })
    await store.append([{ kind: 'held', packetId: 2 }])
    await store.close()
    expect((await store.open('s')).held).toEqual([1, 2])
    await store.close()
  })
})

describe.runIf(existsSync('/dev/full'))('a full disk', () => {
  it('is a StoreError with its cause', async () => {
    const files = directoryFiles('/dev')
    const full = await files.open('full', 0)
    const written = onFile(files, 'write', 'full', appendAll(full, Buffer.alloc(10)))
    await expect(written).rejects.toMatchObject({ code: 'MQTT_STORE', cause: { code: 'ENOSPC' } })
    await full.close()
  })
})
