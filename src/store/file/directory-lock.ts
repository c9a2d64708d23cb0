/**
 * One process at a time: the lock of a journal's directory.
 *
 * Node has no lock that the kernel drops when its holder dies, so a lock is a file that is created with O_EXCL, and
 * everything it says is in its name: `lock-<boot>-<process>-<start>`. The boot, the number of the process and the time at
 * which it started name one process for good, although the numbers are given out again.
 *
 *   acquire   create the file of our name: if it is there, this very process holds the lock (perhaps another thread)
 *             then list the directory. For each other lock: its process is alive: take ours away, and refuse;
 *             it is dead: remove its file
 *   release   remove our file
 *
 * Because each contender creates before it lists, of two at the same time at least one sees the other, and two
 * never run together (both may refuse: trying again is up to the caller). And because a dead process never comes back,
 * its file may be removed at any time by anyone, and a name that was judged stale cannot have become a living one since.
 * A lock whose holder was killed between any two steps is as complete as any other: there is no content to be missing.
 *
 * What it cannot tell: processes of different machines, or of containers that do not see each other's, that share a
 * directory. Give each its own.
 */
import { StoreError } from '../../errors.js'
import { isCode, type JournalFile, type JournalFiles, onFile, storeFailure } from './journal-files.js'

/** Names one process among all that ever ran on this machine. */
export interface ProcessIdentity {
  /** The boot of the machine in which it runs, or `0` where that cannot be known. */
  readonly boot: string
  readonly pid: number
  /** When it started, in the unit of the system, or `0` where that cannot be known. */
  readonly start: string
}

/** Who we are, and who is alive. */
export interface ProcessTable {
  readonly self: ProcessIdentity
  isAlive(other: ProcessIdentity): Promise<boolean>
}

/** Held until it is released. */
export interface DirectoryLock {
  release(): Promise<void>
}

/** Takes the lock, or rejects with a StoreError that names the holder and the file. */
export async function lockDirectory(files: JournalFiles, processes: ProcessTable): Promise<DirectoryLock> {
  const own = lockName(processes.self)
  const file = await createLock(files, own)
  const release = () => onFile(files, 'remove', own, files.remove(own))
  try {
    await file.close()
    for (const name of await files.list()) {
      const holder = parseLockName(name)
      if (holder === undefined || name === own) continue
      if (await processes.isAlive(holder)) throw inUse(files, name, `process ${holder.pid}`)
      // Someone else may have found it stale as well and have been quicker.
      await files.remove(name).catch((error: unknown) => ignoreMissing(error))
    }
  } catch (error) {
    // What kept us out says more than that our file could not be taken away.
    await release().catch(() => {})
    throw error
  }
  return { release }
}

async function createLock(files: JournalFiles, name: string): Promise<JournalFile> {
  try {
    return await files.create(name)
  } catch (error) {
    if (isCode(error, 'EEXIST')) throw inUse(files, name, 'another store of this process')
    throw storeFailure(`cannot create ${name} in ${files.location}`, error)
  }
}

function inUse(files: JournalFiles, name: string, holder: string): StoreError {
  return new StoreError(
    `${files.location} is in use by ${holder}: close that one first, or give each its own directory (the lock is ${name})`,
  )
}

function lockName({ boot, pid, start }: ProcessIdentity): string {
  return `lock-${boot}-${pid}-${start}`
}

function parseLockName(name: string): ProcessIdentity | undefined {
  const [, boot, pid, start] = /^lock-([0-9a-f]+)-(\d+)-(\d+)$/.exec(name) ?? []
  if (boot === undefined || pid === undefined || start === undefined) return undefined
  return { boot, pid: Number(pid), start }
}

function ignoreMissing(error: unknown): void {
  if (!isCode(error, 'ENOENT')) throw error
}

/**
 * The processes of this machine. Where /proc is missing (macOS, Windows) neither boot nor start can be known, and a
 * lock counts as held while any process has its number: after a crash, a number that was given out again has
 * to be told by a human, who removes the file that the message names.
 */
export async function machineProcesses(read = readOrNothing): Promise<ProcessTable> {
  const boot = (await read('/proc/sys/kernel/random/boot_id')).replaceAll(/[^0-9a-f]/g, '') || '0'

  return {
    self: { boot, pid: process.pid, start: parseStat(await read(`/proc/${process.pid}/stat`))?.start ?? '0' },
    async isAlive(other) {
      if (boot !== '0' && other.boot !== boot) return false
      const stat = parseStat(await read(`/proc/${other.pid}/stat`))
      if (stat === undefined) return hasProcess(other.pid)
      // A zombie (Z) has ended and only waits for its parent to ask how.
      return stat.state !== 'Z' && stat.state !== 'X' && stat.start === other.start
    },
  }
}

async function readOrNothing(path: string): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  return readFile(path, 'latin1').catch(() => '')
}

/** State and time of start (clock ticks since boot) out of /proc/<pid>/stat. */
function parseStat(stat: string): { readonly state: string; readonly start: string } | undefined {
  // The second field is the program's name in parentheses and may hold anything, so the fields count from its end.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const start = fields[18]
  return state === undefined || start === undefined ? undefined : { state, start }
}

function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // A process of another user may not be signalled, but it is there.
    return isCode(error, 'EPERM')
  }
}
