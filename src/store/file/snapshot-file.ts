/**
 * Compaction: a snapshot file replaces all segments with a lower number.
 *
 * The process may stop after any step without loss, because of the order of the steps: write the file under an unfinished
 * name, sync it, rename it, sync the directory, and only then remove the replaced files.
 */
import type { StoredSession } from '../../protocol/journal/journal-record.js'
import { recordsOf } from '../../protocol/journal/session-reducer.js'
import { encodeHeader, fileName, parseFileName, seedOf, unfinishedName } from './file-header.js'
import { appendAll, type JournalFile, type JournalFiles, onFile } from './journal-files.js'
import { RecordWriter } from './record-format.js'

/** The bytes encoded at a time. This takes a fraction of a millisecond, so appends during a compaction do not wait long. */
const chunkBytes = 65_536

/** Writes the snapshot and removes the replaced files. Returns the length of the snapshot, or undefined if `signal` aborted. */
export async function writeSnapshot(
  files: JournalFiles,
  number: number,
  sessionId: string,
  session: StoredSession,
  signal: AbortSignal,
): Promise<number | undefined> {
  const name = fileName({ kind: 'snapshot', number })
  const unfinished = unfinishedName(name)
  const header = encodeHeader({ kind: 'snapshot', number }, sessionId, session, 0)
  const file = await onFile(files, 'create', unfinished, files.create(unfinished))
  let length: number | undefined
  try {
    length = await onFile(files, 'write', unfinished, writeRecords(file, header, session, signal))
    if (length !== undefined) await onFile(files, 'sync', unfinished, file.sync())
  } finally {
    await file.close()
  }
  if (length === undefined) {
    await removeFiles(files, [unfinished])
    return undefined
  }
  await onFile(files, 'rename', unfinished, files.rename(unfinished, name))
  await onFile(files, 'sync the directory for', name, files.syncDirectory())
  const replaced = (await files.list()).filter((other) => (parseFileName(other)?.number ?? number) < number)
  await removeFiles(files, replaced)
  return length
}

export async function removeFiles(files: JournalFiles, names: readonly string[]): Promise<void> {
  for (const name of names) await onFile(files, 'remove', name, files.remove(name))
}

async function writeRecords(
  file: JournalFile,
  header: Buffer,
  session: StoredSession,
  signal: AbortSignal,
): Promise<number | undefined> {
  const writer = new RecordWriter(seedOf(header), header.length, 2 * chunkBytes)
  let length = 0
  const write = async (bytes: Buffer) => {
    await appendAll(file, bytes)
    length += bytes.length
  }
  await write(header)
  for (const record of recordsOf(session)) {
    writer.write(record)
    if (writer.length < chunkBytes) continue
    await write(writer.bytes)
    writer.clear()
    if (signal.aborted) return undefined
  }
  writer.write({ kind: 'complete' })
  await write(writer.bytes)
  return length
}
