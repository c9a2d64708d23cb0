/**
 * An open journal: appends, their group commit, new segments, and when to compact.
 *
 * `append` does all that needs the caller's turn at once: it applies the records to the session in memory, which refuses
 * impossible ones, and encodes them into the gathering group. One loop then writes group after group, so that no two
 * operations on the log ever overlap:
 *
 *   gathering -> written -> [synced] -> resolved       meanwhile the next group gathers: one sync serves them all
 *
 * A segment that has reached its bound is followed by a new one. That is decided when a group begins to gather, and not
 * when it is written, because at that moment the session in memory is exactly what all earlier groups add up to: the
 * header of the new segment takes the cursor from it, and a compaction its snapshot, while later records go on.
 *
 * The first failure is final. After a failed write nobody knows what the file holds; after a failed fsync the kernel may have
 * dropped the pages and would report success if asked again. So everything that waits and all that comes later
 * is rejected with that first error, and what had resolved is what the next opening finds.
 */
import type { StoreError } from '../../errors.js'
import type { JournalRecord, StoredSession } from '../../protocol/journal/journal-record.js'
import type { SessionReducer } from '../../protocol/journal/session-reducer.js'
import { encodeHeader, seedOf } from './file-header.js'
import { type JournalFiles, storeFailure } from './journal-files.js'
import { type Recovery, recover, type TornTail } from './journal-recovery.js'
import { RecordWriter, syncedRecordLength } from './record-format.js'
import { SegmentFile } from './segment-file.js'
import { removeFiles, writeSnapshot } from './snapshot-file.js'

/** When appends are synced: before they resolve, when the operating system likes, or so often. */
export type Fsync =
  | 'always'
  | 'never'
  | {
      /** Milliseconds, 1 to 3,600,000: how long after it has resolved an append may still be unsynced. */
      readonly everyMs: number
    }

/** How an open journal writes. */
export interface JournalSettings {
  readonly fsync: Fsync
  /** From this length on a segment is followed by a new one. */
  readonly segmentBytes: number
}

/** Appends that are written, synced and resolved together. */
interface Group {
  readonly writer: RecordWriter
  /** What all its appends have been given. */
  readonly outcome: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: StoreError) => void
  /** Set if the group is the first of a new segment. */
  readonly segment: NewSegment | undefined
}

interface NewSegment {
  readonly number: number
  readonly header: Buffer
  /** Set if what came before this segment is to be compacted: the session where it begins. */
  readonly snapshot: StoredSession | undefined
}

/** Where the log will end once the groups that have left the gathering are written: where the next group goes. */
interface PlannedEnd {
  readonly number: number
  readonly seed: number
  readonly length: number
}

/** The log of one session, open for appending. */
export class Journal {
  /** What opening cut off, if the last process did not end well. */
  readonly tornTail: TornTail | undefined
  readonly #files: JournalFiles
  readonly #sessionId: string
  readonly #settings: JournalSettings
  readonly #reducer: SessionReducer
  #segment: SegmentFile
  #planned: PlannedEnd
  /** Bytes of the full segments that no snapshot covers or will cover, and of the latest snapshot. */
  #logBytes: number
  #snapshotBytes: number
  /** True if the last record vouches for everything before it, so that closing need not write one. */
  #sealed: boolean
  #gathering: Group | undefined
  /** The loop, while it runs. */
  #writing: Promise<void> | undefined
  #syncTimer: NodeJS.Timeout | undefined
  #isSyncDue = false
  /** Planned from the moment that decides on it to the one in which its segment is there; then it runs. */
  #compaction: 'none' | 'planned' | Promise<void> = 'none'
  /** Aborts a compaction: the journal is being closed, or has failed. */
  readonly #stop = new AbortController()
  #failure: StoreError | undefined
  #closed: Promise<void> | undefined

  /** Reads what is there, removes what no longer counts, and goes on behind the last whole record. */
  static async open(files: JournalFiles, sessionId: string, settings: JournalSettings): Promise<Journal> {
    const recovery = await recover(files, sessionId)
    await removeFiles(files, recovery.obsolete)
    const first = { kind: 'segment', number: 1 } as const
    const segment =
      recovery.last === undefined
        ? await SegmentFile.create(files, 1, encodeHeader(first, sessionId, recovery.reducer.cursor, 0))
        : await SegmentFile.reopen(files, recovery.last)
    return new Journal(files, sessionId, settings, recovery, segment)
  }

  private constructor(
    files: JournalFiles,
    sessionId: string,
    settings: JournalSettings,
    recovery: Recovery,
    segment: SegmentFile,
  ) {
    this.#files = files
    this.#sessionId = sessionId
    this.#settings = settings
    this.#reducer = recovery.reducer
    this.tornTail = recovery.tornTail
    this.#logBytes = recovery.logBytes
    this.#snapshotBytes = recovery.snapshotBytes
    this.#sealed = recovery.last?.sealed ?? true
    this.#segment = segment
    this.#planned = { number: segment.number, seed: segment.seed, length: segment.length }
  }

  /** The session with everything that was appended. */
  snapshot(): StoredSession {
    return this.#reducer.snapshot()
  }

  /** Resolves when the records are as safe as the settings make them. What they hold is copied before it returns. */
  append(records: readonly JournalRecord[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const group = this.#gathering ?? this.#beginGroup()
    this.#gathering = group
    this.#writing ??= Promise.resolve().then(() => this.#write())
    try {
      for (const record of records) {
        this.#reducer.apply(record.kind === 'queued' ? { ...record, payload: Buffer.from(record.payload) } : record)
        group.writer.write(record)
      }
    } catch (error) {
      // The session in memory has taken a part of the records, and earlier appends share their group: none of it is written.
      this.#fail(storeFailure('cannot append to the journal', error))
    }
    return group.outcome
  }

  /** Makes everything safe, vouches for it, and closes the files. Rejects with what made the journal fail, if it did. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#writing
    this.#stop.abort()
    if (typeof this.#compaction === 'object') await this.#compaction
    try {
      if (this.#failure === undefined) await this.#seal()
    } catch (error) {
      this.#fail(storeFailure('cannot close the journal', error))
    }
    await this.#segment.close().catch((error: unknown) => this.#fail(storeFailure('cannot close the journal', error)))
    if (this.#failure !== undefined) throw this.#failure
  }

  #beginGroup(): Group {
    const segment = this.#planned.length < this.#settings.segmentBytes ? undefined : this.#planSegment()
    const writer = new RecordWriter(this.#planned.seed, this.#planned.length)
    // Its place is kept; how much is safe is known only when the group is written.
    writer.write({ kind: 'synced', offset: 0 })
    let resolve = () => {}
    let reject: Group['reject'] = () => {}
    const outcome = new Promise<void>((onResolved, onRejected) => {
      resolve = onResolved
      reject = onRejected
    })
    return { writer, outcome, resolve, reject, segment }
  }

  #planSegment(): NewSegment {
    const number = this.#planned.number + 1
    const { length } = this.#planned
    const header = encodeHeader({ kind: 'segment', number }, this.#sessionId, this.#reducer.cursor, length)
    this.#logBytes += length
    this.#planned = { number, seed: seedOf(header), length: header.length }
    // Writing a snapshot only when the log has grown by as much again bounds both: the directory holds a few times what
    // the session needs, and on the average each record is written at most twice.
    const isDue = this.#compaction === 'none' && this.#logBytes >= this.#snapshotBytes
    if (!isDue) return { number, header, snapshot: undefined }
    this.#compaction = 'planned'
    this.#logBytes = 0
    return { number, header, snapshot: this.#reducer.snapshot() }
  }

  /** The loop: writes until nothing has gathered. Never rejects; a failure goes to those who wait. */
  async #write(): Promise<void> {
    while (this.#gathering !== undefined || this.#isSyncDue) {
      const group = this.#gathering
      this.#gathering = undefined
      try {
        if (group !== undefined) await this.#writeGroup(group)
        if (this.#settings.fsync === 'always' || this.#isSyncDue) await this.#sync()
      } catch (error) {
        this.#fail(storeFailure('cannot write the journal', error))
      }
      if (this.#failure !== undefined) {
        group?.reject(this.#failure)
        break
      }
      group?.resolve()
      if (typeof this.#settings.fsync === 'object') this.#scheduleSync(this.#settings.fsync.everyMs)
    }
    this.#writing = undefined
  }

  async #writeGroup(group: Group): Promise<void> {
    if (this.#failure !== undefined) return
    const { writer, segment } = group
    this.#planned = { ...this.#planned, length: this.#planned.length + writer.length }
    if (segment !== undefined) await this.#changeSegment(segment)
    writer.patchSynced(this.#segment.synced)
    await this.#segment.append(writer.bytes)
    this.#sealed = false
  }

  async #sync(): Promise<void> {
    this.#isSyncDue = false
    clearTimeout(this.#syncTimer)
    this.#syncTimer = undefined
    await this.#segment.sync()
  }

  /** The timer runs only while something is not synced, and does not keep the process alive: the kernel has the bytes. */
  #scheduleSync(everyMs: number): void {
    if (this.#segment.synced === this.#segment.length) return
    this.#syncTimer ??= setTimeout(() => {
      this.#isSyncDue = true
      this.#writing ??= this.#write()
    }, everyMs).unref()
  }

  /** Whatever the mode: a segment is safe before there is a next one, so only the last can have a torn tail. */
  async #changeSegment({ number, header, snapshot }: NewSegment): Promise<void> {
    await this.#sync()
    await this.#segment.close()
    this.#segment = await SegmentFile.create(this.#files, number, header)
    if (snapshot !== undefined) this.#compaction = this.#compact(number, snapshot)
  }

  /** Runs beside the appends. A failure ends the journal, because a log that cannot be shortened would fill the disk. */
  async #compact(number: number, session: StoredSession): Promise<void> {
    try {
      const bytes = await writeSnapshot(this.#files, number, this.#sessionId, session, this.#stop.signal)
      if (bytes !== undefined) this.#snapshotBytes = bytes
    } catch (error) {
      this.#fail(storeFailure('cannot compact the journal', error))
    }
    this.#compaction = 'none'
  }

  async #seal(): Promise<void> {
    await this.#sync()
    if (this.#sealed) return
    const writer = new RecordWriter(this.#segment.seed, this.#segment.length, syncedRecordLength)
    writer.write({ kind: 'synced', offset: this.#segment.synced })
    await this.#segment.append(writer.bytes)
    await this.#sync()
  }

  #fail(error: StoreError): void {
    this.#failure ??= error
    this.#stop.abort()
    clearTimeout(this.#syncTimer)
    this.#gathering?.reject(this.#failure)
    this.#gathering = undefined
  }
}
