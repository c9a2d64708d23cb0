/** The last segment of the journal, open for appending. */
import { fileName, seedOf } from './file-header.js'
import { appendAll, type JournalFile, type JournalFiles, onFile } from './journal-files.js'
import type { LastSegment } from './journal-recovery.js'

export class SegmentFile {
  readonly number: number
  /** The seed of the checksums of its records. */
  readonly seed: number
  readonly #files: JournalFiles
  readonly #name: string
  readonly #file: JournalFile
  #length: number
  #synced: number

  private constructor(files: JournalFiles, file: JournalFile, number: number, seed: number, length: number) {
    this.number = number
    this.seed = seed
    this.#files = files
    this.#name = fileName({ kind: 'segment', number })
    this.#file = file
    this.#length = length
    this.#synced = length
  }

  /** Makes a segment. Its header and its name are safe on disk before the first record is written. */
  static async create(files: JournalFiles, number: number, header: Buffer): Promise<SegmentFile> {
    const name = fileName({ kind: 'segment', number })
    const file = await onFile(files, 'create', name, files.create(name))
    await closeOnFailure(file, async () => {
      await onFile(files, 'write', name, appendAll(file, header))
      await onFile(files, 'sync', name, file.sync())
      await onFile(files, 'sync the directory for', name, files.syncDirectory())
    })
    return new SegmentFile(files, file, number, seedOf(header), header.length)
  }

  /**
   * Opens the segment that recovery found, and cuts off a torn tail. Then syncs it: bytes of the last process may still be
   * only in the memory of the kernel, and from now on the session relies on them.
   */
  static async reopen(files: JournalFiles, { number, seed, length }: LastSegment): Promise<SegmentFile> {
    const name = fileName({ kind: 'segment', number })
    const file = await onFile(files, 'open', name, files.open(name, length))
    await closeOnFailure(file, () => onFile(files, 'sync', name, file.sync()))
    return new SegmentFile(files, file, number, seed, length)
  }

  get length(): number {
    return this.#length
  }

  /** The number of bytes that are safe on disk. */
  get synced(): number {
    return this.#synced
  }

  async append(bytes: Buffer): Promise<void> {
    await onFile(this.#files, 'write', this.#name, appendAll(this.#file, bytes))
    this.#length += bytes.length
  }

  async sync(): Promise<void> {
    const length = this.#length
    if (this.#synced === length) return
    await onFile(this.#files, 'sync', this.#name, this.#file.sync())
    this.#synced = length
  }

  async close(): Promise<void> {
    await onFile(this.#files, 'close', this.#name, this.#file.close())
  }
}

async function closeOnFailure(file: JournalFile, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    await file.close().catch(() => {})
    throw error
  }
}
