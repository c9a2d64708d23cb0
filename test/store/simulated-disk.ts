/**
 * A disk in memory that stops, tears, fills up and fails, and the processes that use it.
 *
 * `kill` ends the process: what it wrote stays, what it does afterwards reaches nothing. `cutPower` ends the machine: each
 * file keeps what was synced, and of the rest an arbitrary part, the later perhaps without the earlier; names that were
 * not synced may be there or not.
 */
import { StoreError } from '../../src/errors.js'
import type { FileStoreMachine } from '../../src/store/file/file-store.js'
import type { JournalFile, JournalFiles } from '../../src/store/file/journal-files.js'

export type Operation = 'append' | 'sync' | 'create' | 'open' | 'rename' | 'remove' | 'syncDirectory' | 'readAll'

interface Inode {
  content: Buffer
  synced: Buffer
}

const sectorBytes = 16

export class SimulatedDisk {
  /** How often each operation was done. */
  readonly counts = new Map<Operation, number>()
  /** Bytes that can still be written; then the process is killed in the middle of the write. */
  bytesUntilKill = Infinity
  /** Bytes that still fit; then writes are short, and fail. */
  freeBytes = Infinity
  /** The most that one write takes. */
  writeLimit = Infinity
  /** Called before each operation: what it throws is what the operation fails with, and it waits for what it returns. */
  before: (operation: Operation, name: string) => void | Promise<void> = () => {}
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  #process = 1
  /** The process that has the lock, which counts while that process lives. */
  #lockedBy: number | undefined
  openFiles = 0

  get bytesOnDisk(): number {
    return [...this.#names.values()].reduce((sum, { content }) => sum + content.length, 0)
  }

  get fileNames(): readonly string[] {
    return [...this.#names.keys()].sort()
  }

  contentOf(name: string): Buffer {
    return this.#inode(name).content
  }

  /** What a bad disk, or somebody with an editor, does. */
  overwrite(name: string, content: Buffer): void {
    this.#names.set(name, { content, synced: content })
    this.#durableNames.set(name, this.#inode(name))
  }

  kill(): void {
    this.#process += 1
    this.bytesUntilKill = Infinity
    this.openFiles = 0
  }

  cutPower(below: (bound: number) => number): void {
    this.kill()
    const names = new Map(this.#durableNames)
    for (const name of new Set([...this.#names.keys(), ...names.keys()])) {
      const inode = this.#names.get(name)
      if (inode === this.#durableNames.get(name) || below(2) === 0) continue
      if (inode === undefined) names.delete(name)
      else names.set(name, inode)
    }
    for (const inode of new Set(names.values())) inode.synced = inode.content = torn(inode, below)
    this.#names = names
    this.#durableNames = new Map(names)
  }

  /** A copy, to go on from one state in several ways. No disk writes into a content, it puts another in its place: so both may have it. */
  clone(): SimulatedDisk {
    const copy = new SimulatedDisk()
    for (const [name, { content }] of this.#names) copy.overwrite(name, content)
    copy.#process = this.#process + 1
    return copy
  }

  machine(): FileStoreMachine {
    const pid = this.#process
    return {
      files: async () => this.#files(pid),
      lock: async () => {
        this.#checkAlive(pid)
        if (this.#lockedBy === pid) throw new StoreError('/simulated is in use by another store of this process')
        this.#lockedBy = pid
        return {
          release: async () => {
            if (this.#lockedBy === pid) this.#lockedBy = undefined
          },
        }
      },
    }
  }

  #files(pid: number): JournalFiles {
    const run = <T>(operation: Operation, name: string, work: () => T): Promise<T> =>
      this.#run(pid, operation, name, work)
    return {
      location: '/simulated',
      prepare: async () => {},
      list: async () => {
        this.#checkAlive(pid)
        return this.fileNames
      },
      readAll: (name) => run('readAll', name, () => Buffer.from(this.#inode(name).content)),
      create: (name) =>
        run('create', name, () => {
          if (this.#names.has(name)) throw systemError('EEXIST')
          const inode: Inode = { content: Buffer.alloc(0), synced: Buffer.alloc(0) }
          this.#names.set(name, inode)
          return this.#file(pid, name, inode)
        }),
      open: (name, length) =>
        run('open', name, () => {
          const inode = this.#inode(name)
          inode.content = inode.content.subarray(0, length)
          return this.#file(pid, name, inode)
        }),
      rename: (from, to) =>
        run('rename', from, () => {
          this.#names.set(to, this.#inode(from))
          this.#names.delete(from)
        }),
      remove: (name) =>
        run('remove', name, () => {
          if (!this.#names.delete(name)) throw systemError('ENOENT')
        }),
      syncDirectory: () =>
        run('syncDirectory', '', () => {
          this.#durableNames = new Map(this.#names)
        }),
    }
  }

  #file(pid: number, name: string, inode: Inode): JournalFile {
    let isOpen = true
    this.openFiles += 1
    return {
      append: (bytes) =>
        this.#run(pid, 'append', name, () => {
          const room = Math.min(bytes.length, this.writeLimit, this.freeBytes, this.bytesUntilKill)
          if (room === 0 && this.freeBytes === 0) throw systemError('ENOSPC')
          inode.content = Buffer.concat([inode.content, bytes.subarray(0, room)])
          this.freeBytes -= room
          this.bytesUntilKill -= room
          if (this.bytesUntilKill === 0) {
            this.kill()
            throw systemError('EIO')
          }
          return room
        }),
      sync: () =>
        this.#run(pid, 'sync', name, () => {
          inode.synced = inode.content
        }),
      close: async () => {
        if (isOpen && pid === this.#process) this.openFiles -= 1
        isOpen = false
      },
    }
  }

  async #run<T>(pid: number, operation: Operation, name: string, work: () => T): Promise<T> {
    this.#checkAlive(pid)
    this.counts.set(operation, (this.counts.get(operation) ?? 0) + 1)
    await this.before(operation, name)
    // Between the call and its effect others run, as with a real disk.
    await Promise.resolve()
    this.#checkAlive(pid)
    return work()
  }

  #checkAlive(pid: number): void {
    if (pid !== this.#process) throw systemError('EIO')
  }

  #inode(name: string): Inode {
    const inode = this.#names.get(name)
    if (inode === undefined) throw systemError('ENOENT')
    return inode
  }
}

export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code })
}

/** What a file holds after a power failure: what was synced, and of what came later some sectors, others as zeros. */
function torn({ content, synced }: Inode, below: (bound: number) => number): Buffer {
  const grew = content.length >= synced.length && content.subarray(0, synced.length).equals(synced)
  if (!grew) return below(2) === 0 ? content : synced
  const kept = Buffer.from(content.subarray(0, synced.length + below(content.length - synced.length + 1)))
  for (let at = synced.length; at < kept.length; at += sectorBytes) {
    if (below(4) === 0) kept.fill(0, at, Math.min(at + sectorBytes, kept.length))
  }
  return kept
}
