/**
 * Writes fields into reserved room. Each function returns the offset after its field. The caller has checked the values
 * before.
 */
import { packetSize, writeFixedHeader } from '../fixed-header.js'
import type { OutputChunk } from './output-chunk.js'

/** Up to this number of bytes a loop is faster than a native copy. */
const MAX_LOOP_BYTES = 24

/** Reserves room for a whole packet, writes its fixed header, and returns the offset of its variable header. */
export function beginPacket(chunk: OutputChunk, firstByte: number, remainingLength: number): number {
  const start = chunk.reserve(packetSize(remainingLength))
  return writeFixedHeader(chunk.bytes, start, firstByte, remainingLength)
}

export function writeUint16(bytes: Buffer, offset: number, value: number): number {
  bytes[offset] = value >>> 8
  bytes[offset + 1] = value & 0xff
  return offset + 2
}

/** Writes a string after its two-byte length. The caller has counted its bytes: `length`. */
export function writeText(bytes: Buffer, offset: number, text: string, length: number): number {
  const start = writeUint16(bytes, offset, length)
  if (text.length !== length) {
    bytes.write(text, start, 'utf8')
  } else if (length > MAX_LOOP_BYTES) {
    bytes.write(text, start, 'latin1')
  } else {
    // Text with as many bytes as characters is ASCII.
    for (let index = 0; index < length; index += 1) bytes[start + index] = text.charCodeAt(index)
  }
  return start + length
}

/** Writes bytes after their two-byte length. */
export function writeBinary(bytes: Buffer, offset: number, value: Uint8Array): number {
  const start = writeUint16(bytes, offset, value.length)
  bytes.set(value, start)
  return start + value.length
}
