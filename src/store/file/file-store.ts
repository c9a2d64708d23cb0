/**
 * The durable store: a directory with a lock, a journal, and nothing else.
 *
 *   closed -> opening -> open -> closing -> closed
 *
 * A store may be opened again after it was closed. Its lock is held from opening until the journal is closed, also when
 * the journal has failed: until then its last bytes may still be on their way to the disk.
 */
import { quote } from '../../codec/field-checks.js'
import { StoreError, UsageError } from '../../errors.js'
import { isRecord, namesOf, requireOptions } from '../../option-names.js'
import type { JournalRecord, StoredSession } from '../../protocol/journal/journal-record.js'
import type { SessionStore } from '../session-store.js'
import { type DirectoryLock, lockDirectory, machineProcesses, type ProcessTable } from './directory-lock.js'
import { type Fsync, Journal, type JournalSettings } from './journal.js'
import { directoryFiles, type JournalFiles, storeFailure } from './journal-files.js'
import type { TornTail } from './journal-recovery.js'

/** How often a file store writes through to the disk, and how it divides its log. */
export interface FileStoreOptions {
  /**
   * When the disk is told to make the journal safe. Whichever it is, the end of the process (`kill -9` as well) loses nothing
   * that had resolved; they differ in what a power failure or a crash of the operating system can take.
   *
   * - `'always'`, the default: nothing. An append resolves after fsync; all appends that gather meanwhile share the next.
   * - `{ everyMs }`: what resolved within the last `everyMs` milliseconds (1 to 3,600,000). Lost records make the client
   *   send messages again that the server has (doubled at QoS 2), or forget messages that were stored.
   * - `'never'`: everything since the last segment began (up to `segmentBytes`), or since the last `close()`. For tests,
   *   and for machines whose memory outlives a power failure.
   *
   * What is lost is always the end of the log: no record is lost while a later one stays.
   */
  readonly fsync?: Fsync | undefined
  /**
   * The length in bytes from which on a journal file is followed by a new one, and old ones are compacted: 4,096 to
   * 1,073,741,824; 4 MiB. The directory holds at most about three times this or four times the bytes of the unsettled messages,
   * whichever is more.
   */
  readonly segmentBytes?: number | undefined
}

/** A session store in a directory. */
export interface FileStore extends SessionStore {
  /** What the last `open` found behind the last whole record and cut off: a process or machine had stopped while writing. */
  readonly tornTail: TornTail | undefined
}

/** @internal What the store stands on: tests put other disks and processes under it. */
export interface FileStoreMachine {
  files(): Promise<JournalFiles>
  processes(): Promise<ProcessTable>
}

type Phase =
  | { readonly name: 'closed' }
  | { readonly name: 'opening'; readonly opened: Promise<unknown> }
  | OpenPhase
  | { readonly name: 'closing'; readonly closed: Promise<void> }

interface OpenPhase {
  readonly name: 'open'
  readonly journal: Journal
  readonly lock: DirectoryLock
}

const optionNames = namesOf<FileStoreOptions>({ fsync: true, segmentBytes: true })
const fsyncNames = namesOf<Extract<Fsync, object>>({ everyMs: true })

const defaultSegmentBytes = 4 * 1024 * 1024

/**
 * A session that survives the process: an append-only journal in `directory`, which is made if it is missing, belongs to
 * one session, and is locked while it is open. The lock of a process that was killed is taken over.
 *
 * `open` rejects with a `StoreError` if the directory is in use, belongs to another session, is damaged (the message
 * names file and byte), or cannot be read or written. After an append was rejected (disk full, I/O error) all later ones
 * are; what had resolved is there when the directory is opened again.
 *
 * The session is kept in memory as well, payloads included, so that it can be compacted without reading it again.
 *
 * @throws UsageError on an option out of its range; nothing is opened or made before `open`
 */
export function fileStore(directory: string, options: FileStoreOptions = {}): FileStore {
  if (typeof directory !== 'string' || directory === '') {
    throw new UsageError(`directory has to be a path that is not empty, not ${quote(directory)}`)
  }
  return createFileStore({ files: () => directoryFiles(directory), processes: () => machineProcesses() }, options)
}

/** @internal The same over another machine. */
export function createFileStore(machine: FileStoreMachine, options: FileStoreOptions = {}): FileStore {
  requireOptions('fileStore()', options, optionNames)
  const { fsync = 'always', segmentBytes = defaultSegmentBytes } = options
  if (isRecord(fsync)) {
    requireOptions('fsync', fsync, fsyncNames)
    checkRange('fsync.everyMs', fsync.everyMs, 1, 3_600_000)
  } else if (fsync !== 'always' && fsync !== 'never') {
    throw new UsageError(`fsync is 'always', 'never' or { everyMs }, not ${quote(fsync)}`)
  }
  checkRange('segmentBytes', segmentBytes, 4096, 2 ** 30)
  return new JournalStore(machine, { fsync, segmentBytes })
}

function checkRange(name: string, value: number, lowest: number, highest: number): void {
  if (!Number.isInteger(value) || value < lowest || value > highest) {
    throw new UsageError(`${name} is a whole number from ${lowest} to ${highest}, not ${quote(value)}`)
  }
}

class JournalStore implements FileStore {
  readonly durable = true
  readonly #machine: FileStoreMachine
  readonly #settings: JournalSettings
  #phase: Phase = { name: 'closed' }
  #tornTail: TornTail | undefined

  constructor(machine: FileStoreMachine, settings: JournalSettings) {
    this.#machine = machine
    this.#settings = settings
  }

  get tornTail(): TornTail | undefined {
    return this.#tornTail
  }

  async open(sessionId: string): Promise<StoredSession> {
    if (this.#phase.name !== 'closed') {
      throw new StoreError(
        `this store is ${this.#phase.name} already: give each client a store and a directory of its own`,
      )
    }
    const opened = this.#open(sessionId)
    this.#phase = { name: 'opening', opened }
    try {
      const phase = await opened
      this.#phase = phase
      this.#tornTail = phase.journal.tornTail
      return phase.journal.snapshot()
    } catch (error) {
      this.#phase = { name: 'closed' }
      throw error
    }
  }

  append(records: readonly JournalRecord[]): Promise<void> {
    const phase = this.#phase
    if (phase.name === 'open') return phase.journal.append(records)
    return Promise.reject(new StoreError(`this store is ${phase.name}, and records are appended while it is open`))
  }

  async close(): Promise<void> {
    if (this.#phase.name === 'opening') await this.#phase.opened.catch(() => {})
    if (this.#phase.name === 'open') this.#phase = { name: 'closing', closed: this.#close(this.#phase) }
    if (this.#phase.name === 'closing') await this.#phase.closed
  }

  async #open(sessionId: string): Promise<OpenPhase> {
    const files = await this.#machine.files()
    await onDirectory(files, files.prepare())
    const lock = await onDirectory(files, lockDirectory(files, await this.#machine.processes()))
    try {
      return { name: 'open', journal: await Journal.open(files, sessionId, this.#settings), lock }
    } catch (error) {
      await lock.release().catch(() => {})
      throw storeFailure(`cannot open the journal in ${files.location}`, error)
    }
  }

  async #close({ journal, lock }: OpenPhase): Promise<void> {
    try {
      await journal.close()
    } finally {
      await lock.release().finally(() => {
        this.#phase = { name: 'closed' }
      })
    }
  }
}

async function onDirectory<T>(files: JournalFiles, operation: Promise<T>): Promise<T> {
  try {
    return await operation
  } catch (cause) {
    throw storeFailure(`cannot use the directory ${files.location}`, cause)
  }
}
