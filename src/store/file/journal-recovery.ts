/**
 * Reads a journal from the disk: finds the files that count, and the end of the log.
 *
 * The newest snapshot counts, and every segment from the number of the snapshot on. Older files are obsolete: the process
 * ended before it had removed them. A snapshot without its final name is obsolete too.
 *
 * A segment is synced before the next one is created, and a snapshot is synced before it gets its final name. So in every
 * file but the last segment each byte has to be right; a wrong byte is damage. The last segment is different. When the
 * machine stops, bytes that were not synced may be there, be missing, or be there in parts, a later part without an
 * earlier one. That looks like damage, but it is a torn tail: no append with these bytes had resolved.
 *
 * The `synced` records distinguish the two. Each group of records begins with one; it has the offset up to which the file
 * was safe when the group was written. If the bytes at some offset are no record, and a later `synced` record has a higher
 * offset, then bytes that were safe have changed. That is damage: a StoreError, and no file is changed. If there is no such
 * `synced` record, the bytes from that offset on are a torn tail, and are cut off.
 *
 * Damage in the last group of records cannot be recognised, because no `synced` record follows. So `close` writes a
 * last `synced` record; after it, damage is missed only together with a crash.
 */
import { StoreError } from '../../errors.js'
import { SessionReducer } from '../../protocol/journal/session-reducer.js'
import { viewOf } from './checksum.js'
import {
  decodeHeader,
  encodeHeader,
  type FileHeader,
  fileName,
  isUnfinished,
  type JournalFileName,
  parseFileName,
} from './file-header.js'
import { type JournalFiles, onFile } from './journal-files.js'
import { decodeRecord, highestSynced } from './record-format.js'

/** The bytes after the last whole record, which `open` cut off. */
export interface TornTail {
  /** The name of the segment. */
  readonly file: string
  /** The end of the log, in bytes from the start of the file. */
  readonly offset: number
  /** The number of bytes that were cut off. */
  readonly bytes: number
}

/** The segment for the next records. */
export interface LastSegment {
  readonly number: number
  readonly length: number
  readonly seed: number
  /** True if its last record is a `synced` record for everything before it. */
  readonly sealed: boolean
}

/** The result of reading the files of a directory. */
export interface Recovery {
  /** The session. */
  readonly reducer: SessionReducer
  /** Undefined if there is no journal yet. */
  readonly last: LastSegment | undefined
  /** The bytes of all segments but the last one, after the snapshot. */
  readonly logBytes: number
  readonly snapshotBytes: number
  readonly tornTail: TornTail | undefined
  /** The files that no longer count. */
  readonly obsolete: readonly string[]
}

/** Reads the journal of a session. Changes nothing on disk. A StoreError names the damaged place or the missing file. */
export async function recover(files: JournalFiles, sessionId: string): Promise<Recovery> {
  return new JournalReader(files, sessionId).read()
}

class JournalReader {
  readonly #files: JournalFiles
  readonly #sessionId: string
  readonly #reducer = new SessionReducer()
  readonly #obsolete: string[] = []
  #last: LastSegment | undefined
  #logBytes = 0
  #snapshotBytes = 0
  #tornTail: TornTail | undefined

  constructor(files: JournalFiles, sessionId: string) {
    this.#files = files
    this.#sessionId = sessionId
  }

  async read(): Promise<Recovery> {
    const { snapshot, segments } = this.#sort(await this.#files.list())
    if (snapshot !== undefined) await this.#readSnapshot(snapshot)
    for (const [index, number] of segments.entries()) {
      const expected = (snapshot ?? 1) + index
      if (number !== expected) throw this.#missing(expected)
      await this.#readSegment(number, index === segments.length - 1)
    }
    if (snapshot !== undefined && this.#last === undefined) throw this.#missing(snapshot)
    return {
      reducer: this.#reducer,
      last: this.#last,
      logBytes: this.#logBytes,
      snapshotBytes: this.#snapshotBytes,
      tornTail: this.#tornTail,
      obsolete: this.#obsolete,
    }
  }

  /** Divides the files into those that count and those that are obsolete. Ignores files with other names. */
  #sort(names: readonly string[]): { readonly snapshot: number | undefined; readonly segments: readonly number[] } {
    const found: JournalFileName[] = []
    for (const name of names) {
      const parsed = parseFileName(name)
      if (parsed !== undefined) found.push(parsed)
      if (isUnfinished(name)) this.#obsolete.push(name)
    }
    const numbersOf = (kind: JournalFileName['kind']) =>
      found.filter((file) => file.kind === kind).map((file) => file.number)
    const snapshots = numbersOf('snapshot')
    const snapshot = snapshots.length === 0 ? undefined : Math.max(...snapshots)
    const isOld = (number: number) => snapshot !== undefined && number < snapshot
    for (const file of found) if (isOld(file.number)) this.#obsolete.push(fileName(file))
    const segments = numbersOf('segment').filter((number) => !isOld(number))
    return { snapshot, segments: segments.sort((a, b) => a - b) }
  }

  async #readSnapshot(number: number): Promise<void> {
    const file: JournalFileName = { kind: 'snapshot', number }
    const name = fileName(file)
    const bytes = await this.#bytesOf(name)
    const header = this.#headerOf(name, bytes, file)
    if (header === undefined) throw this.#damage(name, 0, 'the header is damaged')
    const read = this.#readRecords(name, bytes, header)
    if (read.end !== bytes.length) throw this.#damage(name, read.end, 'there is no whole record')
    if (!read.complete) throw this.#damage(name, read.end, 'the end of the snapshot is missing')
    readingAt(`${name} in ${this.#files.location}`, 0, () => this.#reducer.advance(header.cursor))
    this.#snapshotBytes = bytes.length
  }

  async #readSegment(number: number, isLast: boolean): Promise<void> {
    const file: JournalFileName = { kind: 'segment', number }
    const name = fileName(file)
    const bytes = await this.#bytesOf(name)
    const header = this.#headerOf(name, bytes, file)
    if (header === undefined) {
      // A header is synced before the first record is written. So a broken header without records is from a process that
      // ended while it made the segment. The segment has lost nothing, and is made again.
      const ownLength = encodeHeader(file, this.#sessionId, this.#reducer.cursor, 0).length
      if (!isLast || bytes.length > ownLength) throw this.#damage(name, 0, 'the header is damaged')
      this.#obsolete.push(name)
      return
    }
    if (this.#last !== undefined && header.previousLength !== this.#last.length) {
      const previous = fileName({ kind: 'segment', number: number - 1 })
      throw this.#damage(previous, this.#last.length, `it ended at byte ${header.previousLength} when ${name} began`)
    }
    const { nextSequence, nextPacketId } = this.#reducer.cursor
    if (header.cursor.nextSequence !== nextSequence || header.cursor.nextPacketId !== nextPacketId) {
      throw this.#damage(name, 0, 'the segment does not go on where the log before it ends')
    }
    const { end, sealed } = this.#readRecords(name, bytes, header)
    if (end !== bytes.length) {
      const isSafe = !isLast || highestSynced(bytes, viewOf(bytes), end, header.seed) > end
      if (isSafe) throw this.#damage(name, end, 'there is no whole record, but a safe record was here before')
      this.#tornTail = { file: name, offset: end, bytes: bytes.length - end }
    }
    if (this.#last !== undefined) this.#logBytes += this.#last.length
    this.#last = { number, length: end, seed: header.seed, sealed }
  }

  async #bytesOf(name: string): Promise<Buffer> {
    return onFile(this.#files, 'read', name, this.#files.readAll(name))
  }

  #headerOf(name: string, bytes: Buffer, file: JournalFileName): FileHeader | undefined {
    const header = readingAt(`${name} in ${this.#files.location}`, 0, () => decodeHeader(bytes, file))
    // [MQTT-3.1.3-2] A session belongs to its Client Identifier, and to no other.
    if (header !== undefined && header.sessionId !== this.#sessionId) {
      const [found, wanted] = [JSON.stringify(header.sessionId), JSON.stringify(this.#sessionId)]
      throw new StoreError(
        `${this.#files.location} holds the session ${found}, not ${wanted}: give each session a directory of its own`,
      )
    }
    return header
  }

  /** Applies the records of a file, up to the first offset without a record. */
  #readRecords(name: string, bytes: Buffer, header: FileHeader): RecordsRead {
    const view = viewOf(bytes)
    const where = `${name} in ${this.#files.location}`
    let end = header.length
    let sealed = false
    let complete = false
    while (end < bytes.length && !complete) {
      const start = end
      const decoded = readingAt(where, start, () => decodeRecord(bytes, view, start, header.seed))
      if (decoded === undefined) break
      const { record } = decoded
      sealed = record.kind === 'synced' && record.offset === start
      if (record.kind === 'complete') complete = true
      else if (record.kind !== 'synced') readingAt(where, start, () => this.#reducer.apply(record))
      end = decoded.end
    }
    return { end, sealed, complete }
  }

  #damage(name: string, offset: number, what: string): StoreError {
    return new StoreError(
      `${name} in ${this.#files.location} is damaged at byte ${offset}: ${what}. Nothing was changed; restore the directory, or remove it to start a new session`,
    )
  }

  #missing(number: number): StoreError {
    const name = fileName({ kind: 'segment', number })
    return new StoreError(
      `${name} is missing in ${this.#files.location}: without it the log has a hole. Nothing was changed; restore the directory, or remove it to start a new session`,
    )
  }
}

/** The result of reading the records of a file. */
interface RecordsRead {
  /** The offset after the last record. */
  readonly end: number
  /** True if the last record is a `synced` record for everything before it. */
  readonly sealed: boolean
  /** True if the last record is the end of a snapshot. */
  readonly complete: boolean
}

/** Calls `read`. If it throws a StoreError, adds the place to the message. */
function readingAt<T>(where: string, offset: number, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause
    throw new StoreError(`${where}, byte ${offset}: ${cause.message}`, { cause })
  }
}
