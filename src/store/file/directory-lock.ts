/**
 * The lock of a journal directory: only one process at a time may use the directory.
 *
 * Node has no lock that the kernel releases when the process dies. So a lock is an empty file, created with O_EXCL, and its
 * name has all the data: `lock-<boot>-<process>-<start>`. The system gives process numbers out again, but the boot, the
 * process number and the start time together name one process for ever.
 *
 *   acquire   create the file with our name; if it exists, this process has the lock already (perhaps another thread)
 *             then list the directory; for each other lock file:
 *               its process is alive: remove our file, and refuse
 *               its process is dead: remove its file
 *   release   remove our file
 *
 * Each process creates its file before it lists the directory. So of two processes at the same time at least one sees the
 * file of the other, and the two never run together. (Both may refuse; the caller may try again.) A dead process never
 * comes back, so any process may remove its file at any time. A process may be killed between any two steps: its lock file
 * is still whole, because it has no content.
 *
 * The lock does not work between machines that share a directory, or between containers that do not see each other's
 * processes. Give each its own directory.
 */
import { StoreError } from '../../errors.js'
import { isCode, type JournalFile, type JournalFiles, onFile, storeFailure } from './journal-files.js'

/** Identifies one process among all that ever ran on this machine. */
export interface ProcessIdentity {
  /** The boot of the machine in which the process runs; `0` if the system does not say. */
  readonly boot: string
  readonly pid: number
  /** The start time of the process, in the unit of the system; `0` if the system does not say. */
  readonly start: string
}

/** This process, and which other processes are alive. */
export interface ProcessTable {
  readonly self: ProcessIdentity
  isAlive(other: ProcessIdentity): Promise<boolean>
}

export interface DirectoryLock {
  release(): Promise<void>
}

/** Takes the lock, or rejects with a StoreError that names the other process and the lock file. */
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
      // Another process may have removed the file of the dead process first.
      await files.remove(name).catch((error: unknown) => ignoreMissing(error))
    }
  } catch (error) {
    // The first error has the reason of the refusal, so an error of `release` is ignored.
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
 * The processes of this machine. Without /proc (macOS, Windows) the boot and the start time are unknown, and a lock counts
 * while any process has its process number. After a crash a new process may have got that number; then the user has to
 * remove the lock file that the message names.
 */
export async function machineProcesses(read = readOrNothing): Promise<ProcessTable> {
  const boot = (await read('/proc/sys/kernel/random/boot_id')).replaceAll(/[^0-9a-f]/g, '') || '0'

  return {
    self: { boot, pid: process.pid, start: parseStat(await read(`/proc/${process.pid}/stat`))?.start ?? '0' },
    async isAlive(other) {
      if (boot !== '0' && other.boot !== boot) return false
      const stat = parseStat(await read(`/proc/${other.pid}/stat`))
      if (stat === undefined) return hasProcess(other.pid)
      // A zombie (Z) has ended; it only waits until its parent reads its exit code.
      return stat.state !== 'Z' && stat.state !== 'X' && stat.start === other.start
    },
  }
}

async function readOrNothing(path: string): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  return readFile(path, 'latin1').catch(() => '')
}

/** The state and the start time (clock ticks since boot) from /proc/<pid>/stat. */
function parseStat(stat: string): { readonly state: string; readonly start: string } | undefined {
  // The second field is the name of the program in parentheses, with any characters, so fields are counted after the last ')'.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const start = fields[18]
  return state === undefined || start === undefined ? undefined : { state, start }
}

function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: the process exists, but belongs to another user.
    return isCode(error, 'EPERM')
  }
}
