import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockDirectory, machineProcesses, type ProcessIdentity } from '../../src/store/file/directory-lock.js'
import { fileStore } from '../../src/store/file/file-store.js'
import { appendAll, directoryFiles, onFile } from '../../src/store/file/journal-files.js'
import { SimulatedDisk } from './simulated-disk.js'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mqtt311-lock-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const locks = async (place = directory) => (await readdir(place)).filter((name) => name.startsWith('lock'))

/** Another process that opens the store, appends one message or goes on and on, and holds the lock. */
async function startHolder(...rest: readonly string[]) {
  const child = fork(fileURLToPath(new URL('lock-holder.ts', import.meta.url)), [directory, ...rest], {
    execArgv: ['--import', 'tsx'],
  })
  const [message] = await once(child, 'message')
  return { child, message }
}

describe('a lock', () => {
  it('keeps a second process out, and is taken over from one that was killed with what it had stored', async () => {
    const { child, message } = await startHolder()
    expect(message).toBe('stored')
    const store = fileStore(directory)
    await expect(store.open('s')).rejects.toThrow(`in use by process ${child.pid}`)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await locks()).toHaveLength(1)
    const session = await store.open('s')
    expect(session.messages.map(({ sequence }) => sequence)).toEqual([1])
    expect(await locks()).toEqual([expect.stringContaining(`-${process.pid}-`)])
    await store.close()
    expect(await locks()).toEqual([])
  })

  it('holds within one process, under every name of the directory', async () => {
    const store = fileStore(directory)
    await store.open('s')
    const link = `${directory}-link`
    await symlink(directory, link)
    try {
      await expect(fileStore(link).open('s')).rejects.toThrow(/in use by another store of this process/)
    } finally {
      await rm(link)
    }
    expect(await locks()).toHaveLength(1)
    await store.close()
  })

  it('that stands in the directory is judged by the real process table', async () => {
    const { self } = await machineProcesses()
    // The parent lives, and started at another time than the lock says.
    await writeFile(join(directory, `lock-${self.boot}-${process.ppid}-1`), '')
    const store = fileStore(directory)
    await store.open('s')
    expect(await locks()).toHaveLength(1)
    await store.close()
  })

  it('is not left behind by an opening that fails', async () => {
    await writeFile(join(directory, 'segment-00000001.journal'), Buffer.alloc(1000))
    await expect(fileStore(directory).open('s')).rejects.toThrow(/damaged at byte 0/)
    expect(await locks()).toEqual([])
  })

  it('of two that come at the same time lets at most one in', async () => {
    for (let round = 0; round < 50; round++) {
      const disk = new SimulatedDisk()
      const files = await disk.machine().files()
      const contenders = [1, 2, 3].map((pid): ProcessIdentity => ({ boot: 'b0', pid, start: '1' }))
      // Each is slow at other steps.
      disk.before = async () => {
        for (let wait = (round * 7) % 5; wait > 0; wait--) await Promise.resolve()
      }
      const results = await Promise.allSettled(
        contenders.map((self) => lockDirectory(files, { self, isAlive: async () => true })),
      )
      const winners = results.filter(({ status }) => status === 'fulfilled')
      expect(winners.length).toBeLessThanOrEqual(1)
      expect(disk.fileNames).toHaveLength(winners.length)
    }
  })
})

describe('a lock that is refused', () => {
  const contender = (pid: number) => ({ self: { boot: 'b0', pid, start: '1' }, isAlive: async () => true })

  it('leaves no file of its own', async () => {
    const disk = new SimulatedDisk()
    const files = await disk.machine().files()
    await lockDirectory(files, contender(1))
    await expect(lockDirectory(files, contender(2))).rejects.toThrow(/in use by process 1: .*lock-b0-1-1/)
    expect(disk.fileNames).toEqual(['lock-b0-1-1'])
    expect(disk.openFiles).toBe(0)
  })

  it('names the holder, even if its own file cannot be taken away again', async () => {
    const disk = new SimulatedDisk()
    const files = await disk.machine().files()
    await lockDirectory(files, contender(1))
    disk.before = (operation) => {
      if (operation === 'remove') throw new Error('the disk went read-only')
    }
    await expect(lockDirectory(files, contender(2))).rejects.toThrow(/in use by process 1/)
  })

  it('to a second store of one process is told from what the disk refuses', async () => {
    const disk = new SimulatedDisk()
    const files = await disk.machine().files()
    await lockDirectory(files, contender(1))
    await expect(lockDirectory(files, contender(1))).rejects.toThrow(/in use by another store of this process/)
    disk.before = () => {
      throw new Error('no space left')
    }
    await expect(lockDirectory(files, contender(2))).rejects.toThrow(
      'cannot create lock-b0-2-1 in /simulated: no space left',
    )
  })
})

describe('the process table', () => {
  const stat = (state: string, start: number) => {
    return `77 (a (odd) name) ${state} 1 ${Array.from({ length: 17 }, (_, index) => index).join(' ')} ${start} 0 0`
  }
  const table = (procStat: string) => {
    const files = new Map([
      ['/proc/sys/kernel/random/boot_id', 'ab-12\n'],
      [`/proc/${process.pid}/stat`, stat('R', 500)],
      ['/proc/77/stat', procStat],
    ])
    return machineProcesses(async (path) => files.get(path) ?? '')
  }

  it('names ourselves by boot, number and start', async () => {
    expect((await table('')).self).toEqual({ boot: 'ab12', pid: process.pid, start: '500' })
  })

  it('knows a process that lives', async () => {
    expect(await (await table(stat('S', 900))).isAlive({ boot: 'ab12', pid: 77, start: '900' })).toBe(true)
  })

  it('is not deceived by a number that another process got', async () => {
    expect(await (await table(stat('S', 901))).isAlive({ boot: 'ab12', pid: 77, start: '900' })).toBe(false)
  })

  it('counts a zombie as dead', async () => {
    expect(await (await table(stat('Z', 900))).isAlive({ boot: 'ab12', pid: 77, start: '900' })).toBe(false)
  })

  it('counts everybody of an earlier boot as dead', async () => {
    expect(await (await table(stat('S', 900))).isAlive({ boot: 'ab13', pid: 77, start: '900' })).toBe(false)
  })

  it('asks for the number alone where there is no /proc', async () => {
    const { self, isAlive } = await machineProcesses(async () => '')
    expect(self).toEqual({ boot: '0', pid: process.pid, start: '0' })
    expect(await isAlive({ boot: '0', pid: process.ppid, start: '0' })).toBe(true)
    expect(await isAlive({ boot: '0', pid: 2 ** 30, start: '0' })).toBe(false)
  })
})

describe('a process killed while it writes', () => {
  it('loses nothing that had resolved, however often it happens', async () => {
    let resolved = 0
    for (const count of [3, 40, 200]) {
      const { child } = await startHolder('endless')
      const wanted = resolved + count
      await new Promise<void>((resolve) => {
        child.on('message', (sequence) => {
          if (typeof sequence === 'number' && sequence > resolved) resolved = sequence
          if (resolved >= wanted) resolve()
        })
      })
      child.kill('SIGKILL')
      await once(child, 'exit')
      const store = fileStore(directory)
      const { messages } = await store.open('s')
      expect(messages.map(({ sequence }) => sequence)).toEqual(messages.map((_, index) => index + 1))
      expect(messages.length).toBeGreaterThanOrEqual(resolved)
      await store.close()
    }
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
    const files = await directoryFiles('/dev')
    const full = await files.open('full', 0)
    const written = onFile(files, 'write', 'full', appendAll(full, Buffer.alloc(10)))
    await expect(written).rejects.toMatchObject({ code: 'MQTT_STORE', cause: { code: 'ENOSPC' } })
    await full.close()
  })
})
