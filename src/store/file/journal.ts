/**
 * An open journal: appends and their group commit, new segments, and compaction.
 *
 * `append` works in the turn of its caller: it applies the records to the session in memory, which refuses impossible
 * records, and encodes them into the gathering group. One loop then writes group after group, so two operations on the log
 * never overlap:
 *
 *   gathering -> written -> [synced] -> resolved       during a sync the next group gathers: one sync serves all its appends
 *
 * When a segment has reached its bound, a new one follows. The journal decides this when a group begins to gather, not when
 * it is written: at that moment the session in memory is exactly the result of all earlier groups. The header of the new
 * segment gets the cursor of this session, and a compaction gets its snapshot; later records do not change them.
 *
 * The first failure is final. After a failed write the content of the file is unknown. After a failed fsync the kernel may
 * have dropped the unsynced bytes, and a second fsync would report success. So all waiting and all later appends are
 * rejected with the first error. The next `open` finds all records whose append had resolved.
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

/** When appends are synced: before they resolve, when the operating system chooses, or after a time. */
export type Fsync =
  | 'always'
  | 'never'
  | {
      /** Milliseconds, 1 to 3,600,000: an append is synced at most this long after it has resolved. */
      readonly everyMs: number
    }

export interface JournalSettings {
  readonly fsync: Fsync
  /** When a segment has this length, a new one follows. */
  readonly segmentBytes: number
}

/** Appends that are written, synced and resolved together. */
interface Group {
  readonly writer: RecordWriter
  /** The promise that all appends of the group return. */
  readonly outcome: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: StoreError) => void
  /** Set if the group is the first of a new segment. */
  readonly segment: NewSegment | undefined
}

interface NewSegment {
  readonly number: number
  readonly header: Buffer
  /** The session at the beginning of this segment, if everything before is to be compacted. */
  readonly snapshot: StoredSession | undefined
}

/** The end of the log after all groups that no longer gather are written: the place of the next group. */
interface PlannedEnd {
  readonly number: number
  readonly seed: number
  readonly length: number
}

/** The log of one session, open for appending. */
export class Journal {
  /** The bytes that `open` cut off, if the last process ended during a write. */
  readonly tornTail: TornTail | undefined
  readonly #files: JournalFiles
  readonly #sessionId: string
  readonly #settings: JournalSettings
  readonly #reducer: SessionReducer
  #segment: SegmentFile
  #planned: PlannedEnd
  /** The bytes of the full segments that no snapshot, written or planned, replaces. */
  #logBytes: number
  /** The bytes of the latest snapshot. */
  #snapshotBytes: number
  /** True if the last record is a `synced` record for everything before it, so `close` need not write one. */
  #sealed: boolean
  #gathering: Group | undefined
  /** The running loop. */
  #writing: Promise<void> | undefined
  #syncTimer: NodeJS.Timeout | undefined
  #isSyncDue = false
  /** 'planned' from the decision until the new segment exists; then the compaction runs. */
  #compaction: 'none' | 'planned' | Promise<void> = 'none'
  /** Aborts a compaction when the journal closes or fails. */
  readonly #stop = new AbortController()
  #failure: StoreError | undefined
  #closed: Promise<void> | undefined

  /** Reads the files, removes obsolete ones, and makes the last segment ready for appending. */
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

  /** The session with all appended records. */
  snapshot(): StoredSession {
    return this.#reducer.snapshot()
  }

  /** Resolves when the records are as safe as the settings make them. Copies the records before it returns. */
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
      // The session in memory may have a part of the records, and earlier appends share the group: no append of it is written.
      this.#fail(storeFailure('cannot append to the journal', error))
    }
    return group.outcome
  }

  /** Makes all records safe, writes a last `synced` record, and closes the files. Rejects if the journal has failed. */
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
    // A placeholder: the safe offset is known only when the group is written.
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
    // A snapshot is written only when the log has become as long as the last snapshot. So the directory takes only a few
    // times the bytes of the session, and on average a record is written at most twice.
    const isDue = this.#compaction === 'none' && this.#logBytes >= this.#snapshotBytes
    if (!isDue) return { number, header, snapshot: undefined }
    this.#compaction = 'planned'
    this.#logBytes = 0
    return { number, header, snapshot: this.#reducer.snapshot() }
  }

  /** The loop: writes until no group is gathering. Never rejects; a failure rejects the waiting appends. */
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

  /** The timer runs only while bytes are unsynced. It does not keep the process alive, because the kernel has the bytes. */
  #scheduleSync(everyMs: number): void {
    if (this.#segment.synced === this.#segment.length) return
    this.#syncTimer ??= setTimeout(() => {
      this.#isSyncDue = true
      this.#writing ??= this.#write()
    }, everyMs).unref()
  }

  /** With every fsync setting, a segment is synced before the next one exists, so only the last can have a torn tail. */
  async #changeSegment({ number, header, snapshot }: NewSegment): Promise<void> {
    await this.#sync()
    await this.#segment.close()
    this.#segment = await SegmentFile.create(this.#files, number, header)
    if (snapshot !== undefined) this.#compaction = this.#compact(number, snapshot)
  }

  /** Runs at the same time as appends. A failure ends the journal: a log that is never compacted would fill the disk. */
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
