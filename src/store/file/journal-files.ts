/**
 * The narrow seam between the journal and the disk: the few operations it needs, on the files of one directory. Tests
 * put a disk under it that tears writes, forgets what was not synced, fills up and fails.
 *
 * What a disk has to promise: `sync` returns when the bytes of a file survive a power failure, `syncDirectory` when the
 * names do; `create` fails if the name is there; `rename` replaces at once and wholly. Nothing else is relied on.
 */
import type { FileHandle } from 'node:fs/promises'
import { StoreError } from '../../errors.js'

export interface JournalFile {
  /** Writes at the end of the file and gives the number of bytes that were taken, which may be fewer than were given. */
  append(bytes: Uint8Array): Promise<number>
  sync(): Promise<void>
  close(): Promise<void>
}

export interface JournalFiles {
  /** For messages: where the files are. */
  readonly location: string
  /** Makes the directory if it is missing, so that it survives a power failure. */
  prepare(): Promise<void>
  list(): Promise<readonly string[]>
  readAll(name: string): Promise<Buffer>
  /** Fails if there is a file of that name. */
  create(name: string): Promise<JournalFile>
  /** Cuts the file at `length` and opens it for appending. */
  open(name: string, length: number): Promise<JournalFile>
  rename(from: string, to: string): Promise<void>
  remove(name: string): Promise<void>
  syncDirectory(): Promise<void>
}

/** Writes all of `bytes`: a disk that is nearly full takes a part and refuses the rest when it is asked again. */
export async function appendAll(file: JournalFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const taken = await file.append(written === 0 ? bytes : bytes.subarray(written))
    if (taken === 0) throw new Error('the disk took none of the bytes')
    written += taken
  }
}

/**
 * Anything that went wrong, as a StoreError that says what was being done. The error of the operating system, with its
 * `code` (`ENOSPC`, `EROFS`, `EACCES`, `EIO`), is the `cause`; a StoreError has said all there is to say and stays.
 */
export function storeFailure(doing: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause
  return new StoreError(`${doing}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
}

/** Runs one operation on a file; what it fails with becomes a StoreError that names both. */
export async function onFile<T>(files: JournalFiles, doing: string, name: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation
  } catch (cause) {
    throw storeFailure(`cannot ${doing} ${name} in ${files.location}`, cause)
  }
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

class NodeFile implements JournalFile {
  readonly #handle: FileHandle

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  async append(bytes: Uint8Array): Promise<number> {
    return (await this.#handle.write(bytes)).bytesWritten
  }

  /** fdatasync writes the length of the file too, and leaves out only its times. */
  sync(): Promise<void> {
    return this.#handle.datasync()
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

/** The files of a real directory. `node:fs` is loaded here, when a store is first opened. */
export async function directoryFiles(directory: string): Promise<JournalFiles> {
  const fs = await import('node:fs/promises')
  const path = await import('node:path')
  const location = path.resolve(directory)
  const pathOf = (name: string) => path.join(location, name)

  const syncDirectoryAt = async (place: string): Promise<void> => {
    // Windows opens no directory as a file; there NTFS keeps the names in a journal of its own.
    if (process.platform === 'win32') return
    const handle = await fs.open(place, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  const wasMissing = new Set<string>()
  /** Makes a directory and what is missing above it. A new one is safe when the one above has been synced. */
  const makeDirectory = async (place: string): Promise<void> => {
    try {
      // Messages may be nobody else's business: only the owner reads them.
      await fs.mkdir(place, { mode: 0o700 })
    } catch (error) {
      if (isCode(error, 'EEXIST')) return
      if (!isCode(error, 'ENOENT') || wasMissing.has(place)) throw error
      // Once for each: below /proc a directory stays missing however often what is above it is made.
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
    create: async (name) => new NodeFile(await fs.open(pathOf(name), 'ax', 0o600)),
    async open(name, length) {
      const handle = await fs.open(pathOf(name), 'a', 0o600)
      try {
        if ((await handle.stat()).size !== length) await handle.truncate(length)
      } catch (error) {
        await handle.close()
        throw error
      }
      return new NodeFile(handle)
    },
    rename: (from, to) => fs.rename(pathOf(from), pathOf(to)),
    remove: (name) => fs.unlink(pathOf(name)),
    syncDirectory: () => syncDirectoryAt(location),
  }
}
