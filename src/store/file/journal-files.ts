/**
 * The interface between the journal and the disk: the few operations that the journal needs, on the files of one directory.
 * Tests use a simulated disk instead, which tears writes, loses bytes that were not synced, fills up and fails.
 *
 * The journal relies only on these promises of a disk: when `sync` returns, the bytes of the file survive a power failure;
 * when `syncDirectory` returns, the names of the files survive it; `create` fails if the name exists; `rename` is atomic.
 */
import type { Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { StoreError } from '../../errors.js'
import { codeOf, isError } from '../../realms/foreign-values.js'

export interface JournalFile {
  /** Writes at the end of the file and returns the number of written bytes, which may be fewer than `bytes` has. */
  append(bytes: Uint8Array): Promise<number>
  sync(): Promise<void>
  close(): Promise<void>
}

export interface JournalFiles {
  /** The path of the directory, for error messages. */
  readonly location: string
  /** Makes the directory if it is missing, so that it survives a power failure. */
  prepare(): Promise<void>
  list(): Promise<readonly string[]>
  readAll(name: string): Promise<Buffer>
  /** Fails if a file of that name exists. */
  create(name: string): Promise<JournalFile>
  /** Cuts the file at `length` and opens it for appending. */
  open(name: string, length: number): Promise<JournalFile>
  rename(from: string, to: string): Promise<void>
  remove(name: string): Promise<void>
  syncDirectory(): Promise<void>
}

/** Writes all of `bytes`. A nearly full disk writes a part of the bytes first, and fails at the next call. */
export async function appendAll(file: JournalFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const taken = await file.append(written === 0 ? bytes : bytes.subarray(written))
    if (taken === 0) throw new Error('the disk took none of the bytes')
    written += taken
  }
}

/**
 * Turns any error into a StoreError that names the failed action. The `cause` is the error of the operating system with its
 * `code` (`ENOSPC`, `EROFS`, `EACCES`, `EIO`). A StoreError is returned unchanged.
 */
export function storeFailure(failedAction: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause
  return new StoreError(`${failedAction}: ${isError(cause) ? cause.message : String(cause)}`, { cause })
}

/** Awaits one operation on a file. Its error becomes a StoreError that names the action and the file. */
export async function onFile<T>(files: JournalFiles, action: string, name: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation
  } catch (cause) {
    throw storeFailure(`cannot ${action} ${name} in ${files.location}`, cause)
  }
}

export function isCode(error: unknown, code: string): boolean {
  return codeOf(error) === code
}

class NodeFile implements JournalFile {
  readonly #handle: FileHandle
  /** False on a file system that does not count the names of a file. */
  readonly #countsNames: boolean
  /** The length after the last append of this store. */
  #length: number

  private constructor(handle: FileHandle, { nlink, size }: Stats) {
    this.#handle = handle
    this.#countsNames = nlink > 0
    this.#length = size
  }

  static async of(handle: FileHandle): Promise<NodeFile> {
    return new NodeFile(handle, await handle.stat())
  }

  /**
   * A file that was deleted still takes bytes, but nobody will find them. And if the lock has failed, bytes of another
   * writer stand between ours, where no recovery finds ours. So the file is looked at after the write, and before anything
   * is promised.
   */
  async append(bytes: Uint8Array): Promise<number> {
    const { bytesWritten } = await this.#handle.write(bytes)
    const { nlink, size } = await this.#handle.stat()
    if (nlink === 0 && this.#countsNames) throw new Error('the file was deleted while the store was open')
    this.#length += bytesWritten
    if (size !== this.#length) {
      throw new Error(
        `the file has ${size} bytes and not ${this.#length}: another program writes to it, perhaps on another machine`,
      )
    }
    return bytesWritten
  }

  /** fdatasync syncs the length of the file too, and leaves out only the times of the file. */
  sync(): Promise<void> {
    return this.#handle.datasync()
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

/**
 * The files of a real directory. `node:fs` is loaded here, when a store is first opened. A dynamic import would fail under jest, in
 * code that comes from a cache of bytecode, and in single executables.
 */
export function directoryFiles(directory: string): JournalFiles {
  const fs = process.getBuiltinModule('node:fs/promises')
  const path = process.getBuiltinModule('node:path')
  const location = path.resolve(directory)
  const pathOf = (name: string) => path.join(location, name)

  const syncDirectoryAt = async (place: string): Promise<void> => {
    // Windows cannot open a directory as a file; NTFS keeps the names safe by its own journal.
    if (process.platform === 'win32') return
    const handle = await fs.open(place, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  const wasMissing = new Set<string>()
  /** Makes a directory and its missing parents. A new directory is safe when its parent is synced. */
  const makeDirectory = async (place: string): Promise<void> => {
    try {
      // Messages may be private, so only the owner of the directory may read them.
      await fs.mkdir(place, { mode: 0o700 })
    } catch (error) {
      if (isCode(error, 'EEXIST')) return
      if (!isCode(error, 'ENOENT') || wasMissing.has(place)) throw error
      // Only once for each directory: below /proc a directory stays missing although its parent exists.
      wasMissing.add(place)
      await makeDirectory(path.dirname(place))
      return makeDirectory(place)
    }
    await syncDirectoryAt(path.dirname(place))
  }

  return {
    location,
    prepare: () => makeDirectory(location),
    list: () => fs.readdir(location),
    readAll: (name) => fs.readFile(pathOf(name)),
    create: async (name) => NodeFile.of(await fs.open(pathOf(name), 'ax', 0o600)),
    async open(name, length) {
      const handle = await fs.open(pathOf(name), 'a', 0o600)
      try {
        if ((await handle.stat()).size !== length) await handle.truncate(length)
        return await NodeFile.of(handle)
      } catch (error) {
        await handle.close()
        throw error
      }
    },
    rename: (from, to) => fs.rename(pathOf(from), pathOf(to)),
    remove: (name) => fs.unlink(pathOf(name)),
    syncDirectory: () => syncDirectoryAt(location),
  }
}
