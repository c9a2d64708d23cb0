/**
 * Journal records as bytes. Numbers are big-endian, as in MQTT.
 *
 *   length     4 bytes   the length of the body
 *   checksum   4 bytes   CRC-32C of length and body; its seed is the seed of the file combined with the offset of the record
 *   body                 one byte for the kind, then
 *     1 queued      sequence (6), flags (1: bit 0 RETAIN, bits 1 and 2 QoS), topic length (2), topic in UTF-8, payload
 *     2 bound       sequence (6), Packet Identifier (2)
 *     3 received    sequence (6)
 *     4 settled     sequence (6)
 *     5 withdrawn   sequence (6)
 *     6 held        Packet Identifier (2), and if noted the length (4) and the checksum (4) of the message
 *     7 released    Packet Identifier (2)
 *     8 forgotten
 *     9 synced      offset (6): all bytes of the file before this offset were safe on disk when the record was written
 *    10 complete    the end of a snapshot
 *    11 abandoned   sequence (6)
 *    12 reserved    Packet Identifier (2)
 *
 * Only the store uses `synced` and `complete`. `synced` distinguishes damage from a torn tail, see journal-recovery.ts.
 *
 * The seed of a file is the checksum of its header, which has the number of the file and the session. So bytes of another
 * file, or bytes at another place (such as a journal inside a payload), are never taken for a record of this file.
 */
import { StoreError } from '../../errors.js'
import type { JournalRecord } from '../../protocol/journal/journal-record.js'
import { crc32c, viewOf } from './checksum.js'

/** Any record in a file: a record of the session, or one that the store adds. */
export type FileRecord =
  | JournalRecord
  | { readonly kind: 'synced'; readonly offset: number }
  | { readonly kind: 'complete' }

export interface DecodedRecord {
  readonly record: FileRecord
  /** Offset of the byte after the record. */
  readonly end: number
}

const kinds = {
  queued: 1,
  bound: 2,
  received: 3,
  settled: 4,
  withdrawn: 5,
  held: 6,
  released: 7,
  forgotten: 8,
  synced: 9,
  complete: 10,
  abandoned: 11,
  reserved: 12,
} as const satisfies Record<FileRecord['kind'], number>

const prefixLength = 8
const numberLength = 6
const highestNumber = 2 ** (8 * numberLength) - 1
/** The length of the fixed part of a `queued` record: kind, sequence, flags, topic length. */
const queuedFixedLength = 1 + numberLength + 1 + 2

const numberBodyLength = 1 + numberLength
const packetIdBodyLength = 1 + 2
/** The length of the body of `held` with the content of the message. */
const contentBodyLength = packetIdBodyLength + 4 + 4
/** The length of the body of each kind; a `queued` body has no fixed length. */
const bodyLengths: ReadonlyMap<number, number> = new Map([
  [kinds.bound, numberBodyLength + 2],
  [kinds.received, numberBodyLength],
  [kinds.settled, numberBodyLength],
  [kinds.withdrawn, numberBodyLength],
  [kinds.held, packetIdBodyLength],
  [kinds.released, packetIdBodyLength],
  [kinds.forgotten, 1],
  [kinds.synced, numberBodyLength],
  [kinds.complete, 1],
  [kinds.abandoned, numberBodyLength],
  [kinds.reserved, packetIdBodyLength],
])
export const syncedRecordLength = prefixLength + numberBodyLength

/** Encodes records for a file; the first one will be at `offset`. `write` copies its record before it returns. */
export class RecordWriter {
  readonly #seed: number
  #offset: number
  #bytes: Buffer
  #view: DataView
  #length = 0

  constructor(seed: number, offset: number, capacity = 1024) {
    this.#seed = seed
    this.#offset = offset
    this.#bytes = Buffer.allocUnsafe(capacity)
    this.#view = viewOf(this.#bytes)
  }

  get length(): number {
    return this.#length
  }

  /** The bytes so far. A later `write` may change them, so read them after the last one. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Forgets the bytes so far and reuses their memory; the next record follows them in the file. */
  clear(): void {
    this.#offset += this.#length
    this.#length = 0
  }

  /** Writes the offset into the `synced` record, which is the first record. */
  patchSynced(offset: number): void {
    const length = this.#length
    this.#length = 0
    this.write({ kind: 'synced', offset })
    this.#length = length
  }

  write(record: FileRecord): void {
    switch (record.kind) {
      case 'queued': {
        const { topic, payload } = record
        const topicLength = Buffer.byteLength(topic)
        if (topicLength > 65_535) throw new StoreError(`a topic of ${topicLength} bytes is over the 65535 of MQTT`)
        let at = this.#begin(kinds.queued, queuedFixedLength + topicLength + payload.length)
        at = this.#number(record.sequence, at)
        at = this.#bytes.writeUInt8((record.retain ? 1 : 0) | (record.qos << 1), at)
        at = this.#bytes.writeUInt16BE(topicLength, at)
        at += this.#bytes.write(topic, at)
        this.#bytes.set(payload, at)
        return this.#finish(at + payload.length)
      }
      case 'bound': {
        const at = this.#number(record.sequence, this.#begin(kinds.bound, numberBodyLength + 2))
        return this.#finish(this.#bytes.writeUInt16BE(record.packetId, at))
      }
      case 'received':
      case 'settled':
      case 'withdrawn':
      case 'abandoned':
        return this.#finish(this.#number(record.sequence, this.#begin(kinds[record.kind], numberBodyLength)))
      case 'held': {
        const { packetId, content } = record
        const at = this.#begin(kinds.held, content === undefined ? packetIdBodyLength : contentBodyLength)
        const next = this.#bytes.writeUInt16BE(packetId, at)
        if (content === undefined) return this.#finish(next)
        return this.#finish(this.#bytes.writeUInt32BE(content.checksum, this.#bytes.writeUInt32BE(content.bytes, next)))
      }
      case 'released':
      case 'reserved': {
        // `#begin` may replace `#bytes`, so it is called before `#bytes` is read.
        const at = this.#begin(kinds[record.kind], packetIdBodyLength)
        return this.#finish(this.#bytes.writeUInt16BE(record.packetId, at))
      }
      case 'forgotten':
      case 'complete':
        return this.#finish(this.#begin(kinds[record.kind], 1))
      case 'synced':
        return this.#finish(this.#number(record.offset, this.#begin(kinds.synced, numberBodyLength)))
    }
  }

  /** Makes room for a record, writes its length and kind, and returns the offset after the kind. */
  #begin(kind: number, bodyLength: number): number {
    const end = this.#length + prefixLength + bodyLength
    if (end > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(end, 2 * this.#bytes.length))
      grown.set(this.bytes)
      this.#bytes = grown
      this.#view = viewOf(grown)
    }
    this.#view.setUint32(this.#length, bodyLength)
    this.#view.setUint8(this.#length + prefixLength, kind)
    return this.#length + prefixLength + 1
  }

  #number(value: number, at: number): number {
    if (value > highestNumber) throw new StoreError(`${value} is over the ${highestNumber} that a record holds`)
    return this.#bytes.writeUIntBE(value, at, numberLength)
  }

  #finish(end: number): void {
    const seed = seedAt(this.#seed, this.#offset + this.#length)
    this.#view.setUint32(this.#length + 4, recordChecksum(this.#view, this.#length, end, seed))
    this.#length = end
  }
}

/**
 * The record at `offset`, or undefined if there is none: too few bytes, or a wrong checksum. If the checksum is right and
 * the bytes are still no known record, another version has written them: that is a StoreError.
 */
export function decodeRecord(bytes: Buffer, view: DataView, offset: number, seed: number): DecodedRecord | undefined {
  if (bytes.length - offset <= prefixLength) return undefined
  const bodyLength = view.getUint32(offset)
  const end = offset + prefixLength + bodyLength
  if (bodyLength === 0 || end > bytes.length) return undefined
  if (view.getUint32(offset + 4) !== recordChecksum(view, offset, end, seedAt(seed, offset))) return undefined
  const record = decodeBody(bytes.subarray(offset + prefixLength, end))
  if (record === undefined) {
    const kind = view.getUint8(offset + prefixLength)
    throw new StoreError(`a record of kind ${kind} and ${bodyLength} bytes, which this version does not know`)
  }
  return { record, end }
}

/**
 * The highest offset in any `synced` record after `from`. After damage the start of the next record is unknown, so all bytes
 * are searched.
 */
export function highestSynced(bytes: Buffer, view: DataView, from: number, seed: number): number {
  const start = Buffer.from([0, 0, 0, numberBodyLength])
  let highest = 0
  for (let at = bytes.indexOf(start, from); at !== -1; at = bytes.indexOf(start, at + 1)) {
    const isSynced = bytes.length - at >= syncedRecordLength && view.getUint8(at + prefixLength) === kinds.synced
    const decoded = isSynced ? decodeRecord(bytes, view, at, seed) : undefined
    if (decoded?.record.kind === 'synced') highest = Math.max(highest, decoded.record.offset)
  }
  return highest
}

function seedAt(seed: number, offset: number): number {
  return seed ^ offset
}

function recordChecksum(view: DataView, start: number, end: number, seed: number): number {
  return crc32c(view, start + prefixLength, end, crc32c(view, start, start + 4, seed))
}

/** The record in a body; undefined if its kind is unknown, or if its length does not fit its kind. */
function decodeBody(body: Buffer): FileRecord | undefined {
  const kind = body.readUInt8(0)
  if (kind === kinds.queued) return decodeQueued(body)
  if (kind === kinds.held && body.length === contentBodyLength) {
    const content = {
      bytes: body.readUInt32BE(packetIdBodyLength),
      checksum: body.readUInt32BE(packetIdBodyLength + 4),
    }
    return { kind: 'held', packetId: body.readUInt16BE(1), content }
  }
  if (body.length !== bodyLengths.get(kind)) return undefined
  switch (kind) {
    case kinds.bound:
      return { kind: 'bound', sequence: numberOf(body), packetId: body.readUInt16BE(1 + numberLength) }
    case kinds.received:
      return { kind: 'received', sequence: numberOf(body) }
    case kinds.settled:
      return { kind: 'settled', sequence: numberOf(body) }
    case kinds.withdrawn:
      return { kind: 'withdrawn', sequence: numberOf(body) }
    case kinds.held:
      return { kind: 'held', packetId: body.readUInt16BE(1) }
    case kinds.released:
      return { kind: 'released', packetId: body.readUInt16BE(1) }
    case kinds.forgotten:
      return { kind: 'forgotten' }
    case kinds.synced:
      return { kind: 'synced', offset: numberOf(body) }
    case kinds.complete:
      return { kind: 'complete' }
    case kinds.abandoned:
      return { kind: 'abandoned', sequence: numberOf(body) }
    case kinds.reserved:
      return { kind: 'reserved', packetId: body.readUInt16BE(1) }
    default:
      return undefined
  }
}

function numberOf(body: Buffer): number {
  return body.readUIntBE(1, numberLength)
}

function decodeQueued(body: Buffer): FileRecord | undefined {
  if (body.length < queuedFixedLength) return undefined
  const sequence = body.readUIntBE(1, numberLength)
  const flags = body.readUInt8(1 + numberLength)
  const qos = flags >> 1
  const topicEnd = queuedFixedLength + body.readUInt16BE(queuedFixedLength - 2)
  if ((qos !== 1 && qos !== 2) || topicEnd > body.length) return undefined
  const topic = body.toString('utf8', queuedFixedLength, topicEnd)
  // A copy: a payload that waits for days must not keep the whole file in memory.
  const payload = Buffer.from(body.subarray(topicEnd))
  return { kind: 'queued', sequence, topic, payload, qos, retain: (flags & 1) === 1 }
}
