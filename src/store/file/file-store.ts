/**
 * The durable store: a directory with a lock and a journal.
 *
 *   closed -> opening -> open -> closing -> closed
 *
 * A store may be opened again after it was closed. The lock exists from `open` until the journal is closed, even if the
 * journal has failed, because a write may still be running until then.
 */
import { outline } from '../../codec/field-checks.js'
import { StoreError, UsageError } from '../../errors.js'
import { isRecord, namesOf, requireOptions } from '../../option-names.js'
import type { JournalRecord, StoredSession } from '../../protocol/journal/journal-record.js'
import type { SessionStore } from '../session-store.js'
import { type DirectoryLock, lockDirectory } from './directory-lock.js'
import { type Fsync, Journal, type JournalSettings } from './journal.js'
import { directoryFiles, type JournalFiles, storeFailure } from './journal-files.js'
import type { TornTail } from './journal-recovery.js'

/** How often a file store syncs to the disk, and the size of its files. */
export interface FileStoreOptions {
  /**
   * When the store syncs the journal to the disk (fsync). With each setting, the end of the process (also by `kill -9`)
   * loses no record whose append has resolved. The settings differ in the records that a power failure or a crash of the
   * operating system can lose:
   *
   * - `'always'`, the default: none. An append resolves after an fsync; all appends that come during an fsync share the
   *   next one.
   * - `{ everyMs }`: those of the last `everyMs` milliseconds (1 to 3,600,000). After such a loss the client may send
   *   messages again that the server has (so that they are doubled, even at QoS 2), or forget stored messages.
   * - `'never'`: those since the last segment began (up to `segmentBytes`), or since the last `close()`. For tests, and
   *   for machines whose memory survives a power failure.
   *
   * The loss is always at the end of the log: if a record is lost, all later ones are lost too.
   */
  readonly fsync?: Fsync | undefined
  /**
   * When a journal file has this length in bytes, the store begins a new file, and compacts old ones: 4,096 to
   * 1,073,741,824; default 4 MiB. The directory takes at most about three times this length, or four times the bytes of the
   * unsettled messages if that is more.
   */
  readonly segmentBytes?: number | undefined
}

/** A session store in a directory. */
export interface FileStore extends SessionStore {
  /** The incomplete end of the log that the last `open` cut off, after a process or machine had stopped during a write. */
  readonly tornTail: TornTail | undefined
}

/** @internal The disk and the lock that the store uses; tests use simulated ones. */
export interface FileStoreMachine {
  files(): Promise<JournalFiles>
  /** Rejects with a StoreError if somebody else has the lock. */
  lock(files: JournalFiles): Promise<DirectoryLock>
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
 * A store that keeps a session beyond the end of the process, in an append-only journal in `directory`. The store makes a
 * missing directory. A directory belongs to one session, and is locked while the store is open: against other stores of the
 * process, its threads, other processes, and other containers of the machine. The lock is a local socket in the directory,
 * so it ends with its holder, whatever ended that: after `kill -9`, or the end of a worker thread, the next store opens at
 * once. Machines, real or virtual, that share a directory over a network file system do not see each other's locks; give each
 * its own.
 *
 * `open` rejects with a `StoreError` if the directory is in use, belongs to another session, is damaged (the message names
 * the file and the byte), or cannot be read or written. After one append has failed (disk full, I/O error) all later ones
 * fail; all records whose append had resolved are there when the directory is opened again.
 *
 * The session is also in memory, with its payloads, so that compaction need not read it from the disk.
 *
 * @example
 * ```ts
 * import { connect } from 'mqtt311'
 * import { fileStore } from 'mqtt311/store'
 *
 * const client = await connect('mqtt://[::1]', { clientId: 'shop-1', store: fileStore('./session') })
 * await client.publish('stock/7', '12', { qos: 1, until: 'stored' })
 * ```
 * @throws UsageError if an option is out of its range; no file is opened or made before `open`
 */
export function fileStore(directory: string, options: FileStoreOptions = {}): FileStore {
  if (typeof directory !== 'string' || directory === '') {
    throw new UsageError(`directory has to be a path that is not empty, not ${outline(directory)}`)
  }
  return createFileStore({ files: async () => directoryFiles(directory), lock: lockDirectory }, options)
}

/** @internal `fileStore` with another disk and another lock. */
export function createFileStore(machine: FileStoreMachine, options: FileStoreOptions = {}): FileStore {
  requireOptions('fileStore()', options, optionNames)
  const { fsync = 'always', segmentBytes = defaultSegmentBytes } = options
  if (isRecord(fsync)) {
    requireOptions('fsync', fsync, fsyncNames)
    checkRange('fsync.everyMs', fsync.everyMs, 1, 3_600_000)
  } else if (fsync !== 'always' && fsync !== 'never') {
    throw new UsageError(`fsync is 'always', 'never' or { everyMs }, not ${outline(fsync)}`)
  }
  checkRange('segmentBytes', segmentBytes, 4096, 2 ** 30)
  return new JournalStore(machine, { fsync, segmentBytes })
}

function checkRange(name: string, value: number, lowest: number, highest: number): void {
  if (!Number.isInteger(value) || value < lowest || value > highest) {
    throw new UsageError(`${name} is a whole number from ${lowest} to ${highest}, not ${outline(value)}`)
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
    const lock = await onDirectory(files, this.#machine.lock(files))
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
