/**
 * The names of the journal files, and the header of each file.
 *
 *   magic          8 bytes   "mqtt311j"
 *   version        2 bytes   2; 1 in a file that 0.1.0 has begun, to which this version may have added records
 *   kind           1 byte    1 segment, 2 snapshot
 *   number         6 bytes   as in the name
 *   previous       6 bytes   the length of the previous segment, to notice if that has lost its end; 0 if there is none
 *   nextSequence   6 bytes   the cursor of the session at the beginning of the file
 *   nextPacketId   2 bytes
 *   identity       2 bytes of length, then the identity of the session in UTF-8
 *   checksum       4 bytes   CRC-32C of all bytes before; also the seed for the checksums of the records
 */
import { StoreError } from '../../errors.js'
import type { SessionCursor } from '../../protocol/journal/session-reducer.js'
import { crc32c, viewOf } from './checksum.js'

export interface JournalFileName {
  /** A segment has the records in order; a snapshot has the session that all segments with lower numbers result in. */
  readonly kind: 'segment' | 'snapshot'
  readonly number: number
}

export interface FileHeader {
  readonly sessionId: string
  readonly previousLength: number
  readonly cursor: SessionCursor
  /** The length of the header: the offset of the first record. */
  readonly length: number
  /** The seed of the checksums of the records. */
  readonly seed: number
}

const magic = 'mqtt311j'
const version = 2
const unfinishedSuffix = '.unfinished'
const kindBytes = { segment: 1, snapshot: 2 } as const
/** The length of all fields before the identity. */
const fixedLength = 33
const checksumLength = 4

/** The name of a journal file. */
export function fileName({ kind, number }: JournalFileName): string {
  return `${kind}-${String(number).padStart(8, '0')}.journal`
}

/** The kind and number in a file name; undefined if the file does not belong to the journal. */
export function parseFileName(name: string): JournalFileName | undefined {
  const [, kind, digits] = /^(segment|snapshot)-(\d{8,15})\.journal$/.exec(name) ?? []
  if (kind !== 'segment' && kind !== 'snapshot') return undefined
  return { kind, number: Number(digits) }
}

/** The name of a snapshot that is not whole yet. A file with this name does not count. */
export function unfinishedName(name: string): string {
  return `${name}${unfinishedSuffix}`
}

export function isUnfinished(name: string): boolean {
  return name.endsWith(`.journal${unfinishedSuffix}`)
}

/** Encodes a header. `seedOf` returns the seed for the checksums of the records. */
export function encodeHeader(
  { kind, number }: JournalFileName,
  sessionId: string,
  cursor: SessionCursor,
  previousLength: number,
): Buffer {
  const identity = Buffer.from(sessionId)
  if (identity.length > 65_535) throw new StoreError(`a session identity of ${identity.length} bytes is over 65535`)
  const bytes = Buffer.alloc(fixedLength + identity.length + checksumLength)
  let at = bytes.write(magic, 'latin1')
  at = bytes.writeUInt16BE(version, at)
  at = bytes.writeUInt8(kindBytes[kind], at)
  at = bytes.writeUIntBE(number, at, 6)
  at = bytes.writeUIntBE(previousLength, at, 6)
  at = bytes.writeUIntBE(cursor.nextSequence, at, 6)
  at = bytes.writeUInt16BE(cursor.nextPacketId, at)
  at = bytes.writeUInt16BE(identity.length, at)
  bytes.set(identity, at)
  at += identity.length
  bytes.writeUInt32BE(crc32c(viewOf(bytes), 0, at), at)
  return bytes
}

/** The checksum at the end of an encoded header. */
export function seedOf(header: Buffer): number {
  return header.readUInt32BE(header.length - checksumLength)
}

/** The header at the start of a file; undefined if the bytes are no header. Throws a StoreError if it is of another file. */
export function decodeHeader(bytes: Buffer, { kind, number }: JournalFileName): FileHeader | undefined {
  if (bytes.length < fixedLength + checksumLength) return undefined
  const identityEnd = fixedLength + bytes.readUInt16BE(fixedLength - 2)
  const length = identityEnd + checksumLength
  if (length > bytes.length) return undefined
  if (bytes.readUInt32BE(identityEnd) !== crc32c(viewOf(bytes), 0, identityEnd)) return undefined

  if (bytes.toString('latin1', 0, 8) !== magic) throw new StoreError('this is no journal of mqtt311')
  const found = bytes.readUInt16BE(8)
  if (found > version)
    throw new StoreError(`format version ${found}, and this version of mqtt311 reads up to ${version}`)
  if (bytes.readUInt8(10) !== kindBytes[kind] || bytes.readUIntBE(11, 6) !== number) {
    throw new StoreError('the header belongs to a file of another name: the files were renamed or mixed up')
  }
  return {
    sessionId: bytes.toString('utf8', fixedLength, identityEnd),
    previousLength: bytes.readUIntBE(17, 6),
    cursor: { nextSequence: bytes.readUIntBE(23, 6), nextPacketId: bytes.readUInt16BE(29) },
    length,
    seed: bytes.readUInt32BE(identityEnd),
  }
}
