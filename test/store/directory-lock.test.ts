import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { lockDirectory } from '../../src/store/file/directory-lock.js'
import { fileStore } from '../../src/store/file/file-store.js'
import { directoryFiles, type JournalFiles } from '../../src/store/file/journal-files.js'
import { listenFailure } from '../../src/store/file/local-socket.js'
import { locksIn, temporaryDirectory } from './temporary-directory.js'

let directory = ''
let program = ''
beforeAll(async () => {
  const place = await mkdtemp(join(tmpdir(), 'mqtt311-lock-program-'))
  program = join(place, 'lock-holder.mjs')
  await build({
    entryPoints: [fileURLToPath(new URL('lock-holder.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'silent',
  })
  return () => rm(place, { recursive: true, force: true })
})
beforeEach(async () => {
  directory = await temporaryDirectory()
})

const locks = (place = directory) => locksIn(place)

/** Another process that opens the store, appends one message or goes on and on, and holds the lock. */
async function startHolder(...rest: readonly string[]) {
  const child = fork(program, [directory, ...rest])
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const [message] = await once(child, 'message')
  return { child, message }
}

/** The same in a thread of this process. */
async function startThread(...rest: readonly string[]) {
  const worker = new Worker(program, { workerData: [directory, ...rest] })
  onTestFinished(async () => {
    await worker.terminate()
  })
  const [message] = await once(worker, 'message')
  return { worker, message }
}

/** What the next store finds when it opens the directory: the lock of the one before does not count. */
async function opensAtOnce(): Promise<void> {
  const store = fileStore(directory)
  const session = await store.open('s')
  expect(session.messages.map(({ sequence }) => sequence)).toEqual([1])
  expect(await locks()).toEqual([expect.stringContaining(`-${process.pid}-`)])
  await store.close()
  expect(await locks()).toEqual([])
}

describe('a lock', () => {
  it('keeps a second process out, and is gone with the first one when that is killed', async () => {
    const { child, message } = await startHolder()
    expect(message).toBe('stored')
    const store = fileStore(directory)
    await expect(store.open('s')).rejects.toThrow(`in use by process ${child.pid} on host `)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await locks()).toHaveLength(1)
    await opensAtOnce()
  })

  it('holds while its process does nothing and answers nobody', async () => {
    const { child } = await startHolder()
    child.kill('SIGSTOP')
    await expect(fileStore(directory).open('s')).rejects.toThrow(`in use by process ${child.pid} on host `)
  })

  it('keeps a second thread out, and is gone with the first one when that is terminated', async () => {
    const { worker, message } = await startThread()
    expect(message).toBe('stored')
    await expect(fileStore(directory).open('s')).rejects.toThrow(/in use by another thread of this process/)
    await worker.terminate()
    expect(await locks()).toHaveLength(1)
    await opensAtOnce()
  })

  it('is gone with a thread that ends by an error', async () => {
    const { worker } = await startThread('throw')
    const failed = once(worker, 'error')
    const exit = new Promise((resolve) => worker.once('exit', resolve))
    worker.postMessage('now')
    await failed
    await exit
    await opensAtOnce()
  })

  it('keeps the store of a thread out', async () => {
    const store = fileStore(directory)
    await store.open('s')
    expect((await startThread()).message).toMatch(/in use by another thread of this process/)
    await store.close()
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

  it('names the host of a holder that is in another container', async () => {
    const name = 'lock-other.host-1-0-0123abcd'
    const server = createServer().listen(join(directory, name))
    await once(server, 'listening')
    await expect(fileStore(directory).open('s')).rejects.toThrow(
      `in use by process 1 on host other.host (another container of this machine?): close that one first, or give each its own directory (the lock is ${name})`,
    )
    server.close()
  })

  it('is not left behind by an opening that fails', async () => {
    await writeFile(join(directory, 'segment-00000001.journal'), Buffer.alloc(1000))
    await expect(fileStore(directory).open('s')).rejects.toThrow(/damaged at byte 0/)
    expect(await locks()).toEqual([])
  })

  it('may be removed from outside: the store closes without it', async () => {
    const store = fileStore(directory)
    await store.open('s')
    for (const name of await locks()) await rm(join(directory, name))
    await store.close()
  })

  it('does not keep its process alive', async () => {
    const { child } = await startHolder()
    child.disconnect()
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it('hangs up on callers, of whatever user', async () => {
    const store = fileStore(directory)
    await store.open('s')
    const lock = join(directory, (await locks())[0] ?? '')
    expect((await stat(lock)).mode & 0o222).toBe(0o222)
    await once(connect(lock).resume(), 'close')
    await store.close()
  })

  it('reaches a directory whose path is too long for a socket, and leaves no link to it', async () => {
    const linksIn = async () => (await readdir(tmpdir())).filter((name) => /^mqtt311-[0-9a-f]{8}$/.test(name))
    const before = await linksIn()
    const deep = join(directory, 'd'.repeat(120))
    const store = fileStore(deep)
    await store.open('s')
    await expect(fileStore(deep).open('s')).rejects.toThrow(/in use by another store of this process/)
    expect(await linksIn()).toEqual(before)
    await store.close()
    expect(await locks(deep)).toEqual([])
  })

  it('reaches it although TMPDIR is too long as well, as that of macOS is', async () => {
    const deep = join(directory, 'd'.repeat(120))
    onTestFinished(() => {
      vi.unstubAllEnvs()
    })
    vi.stubEnv('TMPDIR', deep)
    const store = fileStore(deep)
    await store.open('s')
    await expect(fileStore(deep).open('s')).rejects.toThrow(/in use by another store of this process/)
    await store.close()
    expect(await locks(deep)).toEqual([])
  })

  it('says what to do if no link can be made', async () => {
    const deep = join(directory, 'd'.repeat(120))
    onTestFinished(() => {
      vi.unstubAllEnvs()
    })
    vi.stubEnv('TMPDIR', join(directory, 'none'))
    const opened = fileStore(deep).open('s')
    await expect(opened).rejects.toThrow(/too long for a socket.*or a TMPDIR to write in/)
    await expect(opened).rejects.toMatchObject({ cause: { code: 'ENOENT' } })
  })
})

describe('what others left in the directory', () => {
  /** A socket file on which nobody listens any more, as a killed process leaves it. */
  async function leaveSocket(name: string): Promise<void> {
    const server = createServer().listen(join(directory, 'listening'))
    await once(server, 'listening')
    await rename(join(directory, 'listening'), join(directory, name))
    await promisify(server.close.bind(server))()
  }

  it.each(['lock', 'claim', 'opening'])('is removed if it was an %s- file of a dead process', async (state) => {
    await leaveSocket(`${state}-h-1-0-0123abcd`)
    const store = fileStore(directory)
    await store.open('s')
    expect(await locks()).toEqual([expect.stringContaining(`-${process.pid}-`)])
    await store.close()
  })

  it('is left alone if it has another name', async () => {
    await leaveSocket('lock-of-the-door')
    const store = fileStore(directory)
    await store.open('s')
    await store.close()
    expect(await locks()).toEqual(['lock-of-the-door'])
  })
})

describe('of several that come at the same time', () => {
  /** The directory as somebody sees it who is slow at other steps in each round. */
  async function slowFiles(round: number, contender: number): Promise<JournalFiles> {
    const files = directoryFiles(directory)
    let step = 0
    const dawdle = async () => {
      step += 1
      for (let wait = (round * 7 + contender * 3 + step * 5) % 4; wait > 0; wait--) await setImmediate()
    }
    return {
      ...files,
      list: async () => {
        await dawdle()
        const names = await files.list()
        await dawdle()
        return names
      },
      rename: async (from, to) => {
        await dawdle()
        await files.rename(from, to)
      },
    }
  }

  it('one gets the lock, and the others leave nothing behind', async () => {
    for (let round = 0; round < 30; round++) {
      const contenders = await Promise.all([1, 2, 3, 4].map((contender) => slowFiles(round, contender)))
      const results = await Promise.allSettled(contenders.map(lockDirectory))
      const winners = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
      expect(winners).toHaveLength(1)
      expect(await locks()).toEqual([expect.stringMatching(/^lock-/)])
      for (const winner of winners) await winner.release()
    }
  })

  it('one gets the lock when they are processes', async () => {
    for (let round = 0; round < 3; round++) {
      const holders = await Promise.all([startHolder(), startHolder(), startHolder()])
      expect(holders.map(({ message }) => message).sort()).toEqual([
        expect.stringContaining('is in use by process '),
        expect.stringContaining('is in use by process '),
        'stored',
      ])
      for (const { child } of holders) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
    }
  })

  it('one begins again whose socket another took away before it listened', async () => {
    const files = directoryFiles(directory)
    const taken: string[] = []
    const rename = async (from: string, to: string) => {
      if (taken.length === 0) {
        taken.push(from)
        await files.remove(from)
      }
      await files.rename(from, to)
    }
    const lock = await lockDirectory({ ...files, rename })
    expect(taken).toHaveLength(1)
    expect(await locks()).toEqual([expect.stringMatching(/^lock-/)])
    await lock.release()
  })

  it('one gives up whose socket is always taken away', async () => {
    const files = directoryFiles(directory)
    const rename = async (from: string, to: string) => {
      await files.remove(from)
      await files.rename(from, to)
    }
    await expect(lockDirectory({ ...files, rename })).rejects.toThrow(/cannot rename opening-/)
    expect(await locks()).toEqual([])
  })

  it('one does not get the lock although a listing has missed a file that was renamed meanwhile', async () => {
    const files = directoryFiles(directory)
    const lock = await lockDirectory(files)
    let looks = 0
    const list = async () => {
      looks += 1
      return looks === 1 ? [] : files.list()
    }
    await expect(lockDirectory({ ...files, list })).rejects.toThrow(/in use by another store of this process/)
    await lock.release()
  })
})

describe('a lock that is refused', () => {
  it('leaves no file of its own', async () => {
    const files = directoryFiles(directory)
    const lock = await lockDirectory(files)
    const held = await locks()
    await expect(lockDirectory(files)).rejects.toThrow(`another store of this process`)
    await expect(lockDirectory(files)).rejects.toThrow(`(the lock is ${held[0]})`)
    expect(await locks()).toEqual(held)
    await lock.release()
  })

  it('names the holder, even if its own file cannot be taken away again', async () => {
    const files = directoryFiles(directory)
    const lock = await lockDirectory(files)
    const remove = () => Promise.reject(new Error('the disk went read-only'))
    await expect(lockDirectory({ ...files, remove })).rejects.toThrow(/in use by another store of this process/)
    await lock.release()
  })

  it('by what the disk refuses says so', async () => {
    const files = directoryFiles(directory)
    const rename = () => Promise.reject(new Error('no space left'))
    await expect(lockDirectory({ ...files, rename })).rejects.toThrow(/cannot rename opening-\S+ in \S+: no space left/)
    expect(await locks()).toEqual([])
  })

  it('by a file system without sockets says what to do', () => {
    const error = Object.assign(new Error('listen ENOTSUP'), { code: 'ENOTSUP' })
    expect(listenFailure('/mnt/x', error)).toMatchObject({
      message: expect.stringContaining('the file system of /mnt/x takes no local sockets'),
      cause: error,
    })
  })

  it('by others that come and go without end ends all the same', async () => {
    const files = directoryFiles(directory)
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    try {
      // The other renames its file whenever it is about to be asked.
      const list = async () => {
        void vi.advanceTimersToNextTimerAsync()
        return ['claim-h-1-0-0123abcd']
      }
      const advancing = setInterval(() => vi.advanceTimersByTime(5), 0)
      await expect(lockDirectory({ ...files, list })).rejects.toThrow(
        /in use by stores that open and close without end/,
      )
      clearInterval(advancing)
    } finally {
      vi.useRealTimers()
    }
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
