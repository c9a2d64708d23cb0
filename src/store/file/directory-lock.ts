/**
 * The lock of a journal directory: only one store at a time may use the directory.
 *
 * A lock is a socket file in the directory, on which its holder listens. The kernel closes the socket when the holder ends,
 * also by `kill -9`, and also if the holder was only a thread. A connection shows whether the holder lives; processes of
 * other containers on the same machine can be asked too. Each file has a name of its own that never comes again, so anybody
 * may remove the file of a dead holder at any time.
 *
 *   opening-<id>   a socket from bind to listen, when it would look dead; nobody is asked by this name
 *   claim-<id>     its owner wants the lock
 *   lock-<id>      its owner has the lock
 *
 *   acquire   listen as opening-, rename to claim-, then list the directory and ask every other claim and lock:
 *               a lock lives, or a claim with a lower id: remove our claim, and refuse
 *               a claim with a higher id lives: wait for its withdrawal, and list again
 *               nobody lives, in two listings one after the other: rename our claim to lock-
 *   release   remove our lock, then stop listening
 *
 * Two never have the lock. Suppose A and B both rename their claims, B first. Both of the last listings of A are clean. If B
 * had renamed before the second of them began, that one would show the lock of B. If B renamed later, the claim of B would
 * be in the first one, unless that claim appeared after the first one began. But then B listed later still, when the claim
 * of A was there, and until B renamed; so no listing of B was clean. (A listing shows each file that is there under one
 * name from its beginning to its end. A listing in which a file vanishes before it is asked is not clean.)
 *
 * The lock does not work between machines, real or virtual, that share a directory over a network file system: a socket of
 * another machine looks dead.
 */
import type { Server } from 'node:net'
import { StoreError } from '../../errors.js'
import { isCode, type JournalFiles, onFile } from './journal-files.js'
import { listenAt, listenFailure, type SocketFolder, signOfLife, socketFolder } from './local-socket.js'

export interface DirectoryLock {
  release(): Promise<void>
}

/** What the name of a claim or lock says of its owner. */
interface Owner {
  readonly state: 'claim' | 'lock'
  readonly id: string
  readonly host: string
  readonly pid: number
}

/** Two seconds for others to withdraw. */
const roundsMax = 400
const roundMs = 5
/** Only a store that has just got the lock takes away the sockets of others, so more than two are hardly needed. */
const attemptsMax = 5

/** Ids of this copy of the module: to tell another store of the program from another thread. */
const ownIds = new Set<string>()

/** Takes the lock, or rejects with a StoreError that says who has it. */
export function lockDirectory(files: JournalFiles): Promise<DirectoryLock> {
  return process.platform === 'win32' ? lockByPipe(files) : lockBySocket(files)
}

/** A pipe of Windows has no file. Only one process can listen on it as its first, and it is gone with that process. */
async function lockByPipe(files: JournalFiles): Promise<DirectoryLock> {
  const place = await process.getBuiltinModule('node:fs/promises').realpath(files.location)
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256').update(place.toLowerCase()).digest('hex')
  try {
    const server = await listenAt(`\\\\.\\pipe\\mqtt311-${hash}`)
    return { release: () => stopListening(server) }
  } catch (error) {
    throw isCode(error, 'EADDRINUSE')
      ? inUse(files, 'another store', 'a named pipe')
      : listenFailure(files.location, error)
  }
}

/** Begins again, under another name, if another store took the socket away before it listened. */
async function lockBySocket(files: JournalFiles): Promise<DirectoryLock> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptLock(files)
    } catch (error) {
      const isMissing = error instanceof StoreError && isCode(error.cause, 'ENOENT')
      if (!isMissing || attempt === attemptsMax) throw error
    }
  }
}

async function attemptLock(files: JournalFiles): Promise<DirectoryLock> {
  const id = uniqueId()
  ownIds.add(id)
  const folder = await socketFolder(files.location, `opening-${id}`.length)
  try {
    return await new Contender(files, folder, id).acquire()
  } catch (error) {
    ownIds.delete(id)
    throw error
  } finally {
    await folder.close()
  }
}

/** One attempt to get the lock. */
class Contender {
  readonly #files: JournalFiles
  readonly #folder: SocketFolder
  readonly #id: string
  /** Our file, under its present name. */
  #name: string

  constructor(files: JournalFiles, folder: SocketFolder, id: string) {
    this.#files = files
    this.#folder = folder
    this.#id = id
    this.#name = `opening-${id}`
  }

  async acquire(): Promise<DirectoryLock> {
    const server = await listenAt(this.#address(this.#name)).catch((error: unknown) => {
      throw listenFailure(this.#files.location, error)
    })
    const release = async () => {
      try {
        await this.#remove(this.#name)
      } finally {
        ownIds.delete(this.#id)
        await stopListening(server)
      }
    }
    try {
      await this.#rename('claim')
      await this.#contend()
      await this.#rename('lock')
      await this.#clearAway()
    } catch (error) {
      // The first error has the reason of the refusal, so an error of `release` is ignored.
      await release().catch(() => {})
      throw error
    }
    return { release }
  }

  /** Resolves after two clean listings. */
  async #contend(): Promise<void> {
    let cleanListings = 0
    for (let round = 0; round < roundsMax; round++) {
      const isClean = await this.#list()
      cleanListings = isClean ? cleanListings + 1 : 0
      if (cleanListings === 2) return
      if (!isClean) await new Promise((resolve) => setTimeout(resolve, roundMs))
    }
    throw inUse(this.#files, 'stores that open and close without end', `none of them, after ${roundsMax} looks`)
  }

  /** True if nobody else wants or has the lock. Throws if somebody has it, or comes before us. */
  async #list(): Promise<boolean> {
    let isClean = true
    for (const name of await this.#files.list()) {
      if (await isLeftByOldVersion(this.#files, name)) await this.#remove(name)
      const owner = parseName(name)
      if (owner === undefined || owner.id === this.#id) continue
      const sign = await signOfLife(this.#address(name))
      if (sign === 'dead') await this.#remove(name)
      else isClean = false
      if (sign === 'alive' && (owner.state === 'lock' || owner.id < this.#id)) {
        throw inUse(this.#files, describe(owner), name)
      }
    }
    return isClean
  }

  /**
   * Removes what was left by a process that ended while it opened. A process that lives, between bind and listen, looks the
   * same; its rename then fails, and it begins again.
   */
  async #clearAway(): Promise<void> {
    for (const name of await this.#files.list()) {
      if (!name.startsWith('opening-')) continue
      if ((await signOfLife(this.#address(name))) === 'dead') await this.#remove(name)
    }
  }

  async #rename(state: Owner['state']): Promise<void> {
    const name = `${state}-${this.#id}`
    await onFile(this.#files, 'rename', this.#name, this.#files.rename(this.#name, name))
    this.#name = name
  }

  /** Another process may have removed the file first. */
  async #remove(name: string): Promise<void> {
    const removed = this.#files.remove(name).catch((error: unknown) => {
      if (!isCode(error, 'ENOENT')) throw error
    })
    await onFile(this.#files, 'remove', name, removed)
  }

  #address(name: string): string {
    return `${this.#folder.path}/${name}`
  }
}

function stopListening(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

function inUse(files: JournalFiles, holder: string, lock: string): StoreError {
  return new StoreError(
    `${files.location} is in use by ${holder}: close that one first, or give each its own directory (the lock is ${lock})`,
  )
}

function uniqueId(): string {
  const { threadId } = process.getBuiltinModule('node:worker_threads')
  const random = process.getBuiltinModule('node:crypto').randomBytes(4).toString('hex')
  return `${hostName()}-${process.pid}-${threadId}-${random}`
}

function hostName(): string {
  const name = process.getBuiltinModule('node:os').hostname()
  return name.replaceAll(/[^\w.]/g, '_').slice(0, 24) || '_'
}

function parseName(name: string): Owner | undefined {
  const match = /^(claim|lock)-(([\w.]+)-(\d+)-\d+-[0-9a-f]{8})$/.exec(name)
  const [, state, id, host, pid] = match ?? []
  if (id === undefined || host === undefined) return undefined
  return { state: state === 'lock' ? 'lock' : 'claim', id, host, pid: Number(pid) }
}

function describe({ id, host, pid }: Owner): string {
  if (ownIds.has(id)) return 'another store of this process'
  const onHost = `process ${pid} on host ${host}`
  if (host !== hostName()) return `${onHost} (another container of this machine?)`
  if (pid !== process.pid) return onHost
  return `another thread of this process, another copy of mqtt311 in it, or ${onHost} in another container`
}

/**
 * The lock of version 0.1.0 is an empty file whose name has the boot of the machine, the process and its start time. True
 * if that process is dead; if it lives, the directory is refused.
 */
async function isLeftByOldVersion(files: JournalFiles, name: string): Promise<boolean> {
  const [, boot, pid, start] = /^lock-([0-9a-f]+)-(\d+)-(\d+)$/.exec(name) ?? []
  if (boot === undefined || pid === undefined || start === undefined) return false
  const { readFile } = process.getBuiltinModule('node:fs/promises')
  const read = (path: string) => readFile(path, 'latin1').catch(() => '')
  const stat = await read(`/proc/${pid}/stat`)
  // The second field is the name of the program in parentheses, with any characters, so fields are counted after the last ')'.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const isSameBoot = (await read('/proc/sys/kernel/random/boot_id')).replaceAll(/[^0-9a-f]/g, '') === boot
  // A zombie (Z) has ended; it only waits until its parent reads its exit code.
  if (isSameBoot && fields[19] === start && fields[0] !== 'Z') {
    throw inUse(files, `process ${pid}, which runs version 0.1.0`, name)
  }
  return true
}
