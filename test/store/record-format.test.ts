import { describe, expect, it } from 'vitest'
import { viewOf } from '../../src/store/file/checksum.js'
import { decodeHeader, encodeHeader, fileName, parseFileName, seedOf } from '../../src/store/file/file-header.js'
import { decodeRecord, type FileRecord, RecordWriter } from '../../src/store/file/record-format.js'

const payload = Buffer.from('hi')
/** Written out, because files of earlier versions have to stay readable. Seed and offset are 0. */
const records: readonly [FileRecord, string][] = [
  [{ kind: 'queued', sequence: 258, topic: 'ä', payload, qos: 2, retain: true }, '01 000000000102 05 0002 c3a4 6869'],
  [{ kind: 'queued', sequence: 1, topic: 't', payload, qos: 1, retain: false }, '01 000000000001 02 0001 74 6869'],
  [{ kind: 'bound', sequence: 2 ** 48 - 1, packetId: 4660 }, '02 ffffffffffff 1234'],
  [{ kind: 'received', sequence: 1 }, '03 000000000001'],
  [{ kind: 'settled', sequence: 2 }, '04 000000000002'],
  [{ kind: 'withdrawn', sequence: 3 }, '05 000000000003'],
  [{ kind: 'held', packetId: 65_535 }, '06 ffff'],
  [{ kind: 'held', packetId: 1, content: { bytes: 258, checksum: 0xfedcba98 } }, '06 0001 00000102 fedcba98'],
  [{ kind: 'released', packetId: 1 }, '07 0001'],
  [{ kind: 'forgotten' }, '08'],
  [{ kind: 'synced', offset: 4 }, '09 000000000004'],
  [{ kind: 'complete' }, '0a'],
  [{ kind: 'abandoned', sequence: 4 }, '0b 000000000004'],
  [{ kind: 'reserved', packetId: 258 }, '0c 0102'],
]

function encode(record: FileRecord, seed = 0, offset = 0): Buffer {
  const writer = new RecordWriter(seed, offset)
  writer.write(record)
  return writer.bytes
}
const decode = (bytes: Buffer, offset = 0, seed = 0) => decodeRecord(bytes, viewOf(bytes), offset, seed)

describe('a record', () => {
  it.each(records)('%o has these bytes, and they are that record', (record, body) => {
    const bytes = encode(record)
    expect(bytes.subarray(8).toString('hex')).toBe(body.replaceAll(' ', ''))
    expect(bytes.readUInt32BE(0)).toBe(bytes.length - 8)
    expect(decode(bytes)).toEqual({ record, end: bytes.length })
  })

  it.each(records)('%o is none if it is cut anywhere', (record) => {
    const bytes = encode(record)
    for (let length = 0; length < bytes.length; length++) expect(decode(bytes.subarray(0, length))).toBeUndefined()
  })

  it.each(records)('%o is none at another place or in another file', (record) => {
    const bytes = encode(record, 1, 100)
    const file = Buffer.concat([Buffer.alloc(100), bytes])
    expect(decode(file, 100, 1)?.record).toEqual(record)
    expect(decode(file, 100, 2)).toBeUndefined()
    expect(decode(bytes, 0, 1)).toBeUndefined()
  })

  it('that was written whole and is unknown to this version is a StoreError, not a torn tail', () => {
    const future = Buffer.from('0000000124468ed463', 'hex')
    expect(() => decode(future)).toThrow(/kind 99/)
  })

  it('gives a payload of its own, which keeps no file in memory', () => {
    const bytes = encode({ kind: 'queued', sequence: 1, topic: 't', payload, qos: 1, retain: false })
    const record = decode(bytes)?.record
    bytes.fill(0)
    expect(record).toMatchObject({ payload })
  })
})

describe('a header', () => {
  const file = { kind: 'segment', number: 7 } as const
  const cursor = { nextSequence: 513, nextPacketId: 65_535 }

  it('has these bytes, and they are that header', () => {
    const bytes = encodeHeader(file, 'ä', cursor, 9)
    expect(bytes.subarray(0, -4).toString('hex')).toBe(
      `${Buffer.from('mqtt311j').toString('hex')}000201000000000007000000000009000000000201ffff0002c3a4`,
    )
    expect(decodeHeader(bytes, file)).toEqual({
      sessionId: 'ä',
      previousLength: 9,
      cursor,
      length: bytes.length,
      seed: seedOf(bytes),
    })
  })

  it('has room for the longest session identity, and a longer one is refused', () => {
    const longest = 'x'.repeat(65_535)
    expect(decodeHeader(encodeHeader(file, longest, cursor, 9), file)?.sessionId).toBe(longest)
    expect(() => encodeHeader(file, `${longest}x`, cursor, 9)).toThrow('65536 bytes is over 65535')
  })

  it('is none if it is cut or changed anywhere', () => {
    const bytes = encodeHeader(file, 's', cursor, 9)
    for (let at = 0; at < bytes.length; at++) {
      expect(decodeHeader(bytes.subarray(0, at), file)).toBeUndefined()
      const changed = Buffer.from(bytes)
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
      expect(decodeHeader(changed, file)).toBeUndefined()
    }
  })

  it('of a renamed file is refused', () => {
    const bytes = encodeHeader(file, 's', cursor, 9)
    expect(() => decodeHeader(bytes, { kind: 'segment', number: 8 })).toThrow(/another name/)
    expect(() => decodeHeader(bytes, { kind: 'snapshot', number: 7 })).toThrow(/another name/)
  })

  it('of another format, or of a later version of this one, is refused', () => {
    const later = Buffer.from('6d7174743331316a000301000000000007000000000009000000000201ffff000173b11c185c', 'hex')
    expect(() => decodeHeader(later, file)).toThrow(/format version 3, and this version of mqtt311 reads up to 2/)
    const other = Buffer.from('6d7174743331316b000201000000000007000000000009000000000201ffff000173c1164161', 'hex')
    expect(() => decodeHeader(other, file)).toThrow(/no journal of mqtt311/)
  })

  it('is found by its name, and no other file is', () => {
    expect(fileName(file)).toBe('segment-00000007.journal')
    expect(parseFileName('segment-00000007.journal')).toEqual(file)
    expect(parseFileName('snapshot-123456789.journal')).toEqual({ kind: 'snapshot', number: 123_456_789 })
    for (const name of ['segment-7.journal', 'segment-00000007.journal.unfinished', 'lock-0-1-2', 'notes.txt']) {
      expect(parseFileName(name)).toBeUndefined()
    }
  })
})

describe('a record that outgrows its memory', () => {
  it.each(['held', 'released', 'reserved'] as const)('is written whole: %s', (kind) => {
    const writer = new RecordWriter(0, 0, 8)
    writer.write({ kind, packetId: 311 })
    expect(writer.length).toBe(11)
  })
})
