/**
 * pcapng: a file of blocks, each with its length at both ends. A Section Header says the byte order, an Interface Description the kind of frames
 * and the unit of time, and other blocks hold frames or the secrets of TLS. Blocks of other types are passed over.
 */
import { groupDigits } from '../listing/numerals.js'
import type { Capture, Frame } from './frame.js'

const sectionHeader = 0x0a0d0d0a
const interfaceDescription = 1
const obsoletePacket = 2
const simplePacket = 3
const enhancedPacket = 6
const decryptionSecrets = 10

/** 'TLSK', the type of secrets that is a key log of TLS. */
const tlsKeyLog = 0x544c534b

interface Interface {
  readonly linkType: number
  readonly perSecond: number
  readonly offsetSeconds: number
}

/** The bodies of blocks, read one after the other. */
class Section {
  readonly frames: Frame[] = []
  tlsSecrets = ''
  #littleEndian = true
  #interfaces: Interface[] = []

  begin(littleEndian: boolean): void {
    this.#littleEndian = littleEndian
    this.#interfaces = []
  }

  /** @returns what is wrong with the block */
  take(type: number, body: Uint8Array): string | undefined {
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
    switch (type) {
      case interfaceDescription:
        return this.#interface(view, body)
      case enhancedPacket:
        return this.#packet(view, body, 0, (at) => view.getUint32(at, this.#littleEndian), 20)
      case obsoletePacket:
        return this.#packet(view, body, 0, (at) => view.getUint16(at, this.#littleEndian), 20)
      case simplePacket:
        return this.#simple(view, body)
      case decryptionSecrets:
        return this.#secrets(view, body)
      default:
        return undefined
    }
  }

  #interface(view: DataView, body: Uint8Array): string | undefined {
    if (body.length < 8) return 'an Interface Description has 8 bytes or more'
    const options = this.#options(view, 8)
    const [resolution = 6] = options.get(9) ?? []
    const shift = options.get(14)
    const offsetSeconds =
      shift === undefined || shift.length < 8
        ? 0
        : Number(new DataView(shift.buffer, shift.byteOffset, 8).getBigInt64(0, this.#littleEndian))
    // The top bit chooses between powers of 2 and of 10.
    const perSecond = resolution < 0x80 ? 10 ** resolution : 2 ** (resolution & 0x7f)
    this.#interfaces.push({ linkType: view.getUint16(0, this.#littleEndian), perSecond, offsetSeconds })
    return undefined
  }

  #options(view: DataView, from: number): ReadonlyMap<number, Uint8Array> {
    const options = new Map<number, Uint8Array>()
    for (let at = from; at + 4 <= view.byteLength; ) {
      const [code, length] = [view.getUint16(at, this.#littleEndian), view.getUint16(at + 2, this.#littleEndian)]
      if (code === 0 || at + 4 + length > view.byteLength) break
      options.set(code, new Uint8Array(view.buffer, view.byteOffset + at + 4, length))
      at += 4 + padded(length)
    }
    return options
  }

  #packet(
    view: DataView,
    body: Uint8Array,
    idAt: number,
    readId: (at: number) => number,
    dataAt: number,
  ): string | undefined {
    if (body.length < dataAt) return `a block with a frame has ${dataAt} bytes or more in front of the frame`
    const id = readId(idAt)
    const [high, low, length] = [4, 8, 12].map((at) => view.getUint32(at, this.#littleEndian))
    const of = this.#interfaces[id]
    if (of === undefined) return `a frame is of interface ${id}, and no block before it describes that interface`
    if (length === undefined || dataAt + length > body.length) return 'a frame is longer than its block'
    // A count of nanoseconds since 1970 is no exact number here, so the seconds are parted from it first.
    const units = (BigInt(high ?? 0) << 32n) | BigInt(low ?? 0)
    const perSecond = BigInt(Math.max(1, Math.round(of.perSecond)))
    const seconds = Number(units / perSecond) + of.offsetSeconds
    const atUs = seconds * 1e6 + (Number(units % perSecond) / of.perSecond) * 1e6
    this.frames.push({ bytes: body.subarray(dataAt, dataAt + length), linkType: of.linkType, atUs })
    return undefined
  }

  #simple(view: DataView, body: Uint8Array): string | undefined {
    const [of] = this.#interfaces
    if (of === undefined) return 'a frame comes before the description of its interface'
    if (body.length < 4) return 'a Simple Packet has 4 bytes or more'
    const length = Math.min(view.getUint32(0, this.#littleEndian), body.length - 4)
    this.frames.push({ bytes: body.subarray(4, 4 + length), linkType: of.linkType, atUs: undefined })
    return undefined
  }

  #secrets(view: DataView, body: Uint8Array): string | undefined {
    if (body.length < 8) return 'a block of Decryption Secrets has 8 bytes or more'
    if (view.getUint32(0, this.#littleEndian) !== tlsKeyLog) return undefined
    const length = view.getUint32(4, this.#littleEndian)
    if (8 + length > body.length) return 'Decryption Secrets are longer than their block'
    this.tlsSecrets += `${new TextDecoder().decode(body.subarray(8, 8 + length))}\n`
    return undefined
  }
}

/** Reads a file that begins with a Section Header. */
export function readPcapng(bytes: Uint8Array): Capture {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const section = new Section()
  let littleEndian = true
  const stop = (number: number, why: string): Capture => ({
    frames: section.frames,
    fault: `the capture is cut or damaged: block ${groupDigits(number)}: ${why}`,
    tlsSecrets: section.tlsSecrets,
  })
  let number = 0
  for (let at = 0; at < bytes.length; ) {
    number += 1
    const left = bytes.length - at
    if (left < 12) return stop(number, `a block has 12 bytes or more, and ${left} are left`)
    if (view.getUint32(at, true) === sectionHeader) {
      const order = byteOrder(view, at + 8)
      if (order === undefined) return stop(number, 'the byte-order magic of a Section Header is 1a2b3c4d')
      littleEndian = order === 'little-endian'
      section.begin(littleEndian)
    }
    const [type, length] = [view.getUint32(at, littleEndian), view.getUint32(at + 4, littleEndian)]
    if (length < 12 || length % 4 !== 0)
      return stop(number, `its length is ${groupDigits(length)}: a multiple of 4, from 12 on, is valid`)
    if (length > left)
      return stop(number, `its length is ${groupDigits(length)}, and ${groupDigits(left)} bytes are left`)
    const again = view.getUint32(at + length - 4, littleEndian)
    if (again !== length)
      return stop(number, `its length is ${length} at its start and ${groupDigits(again)} at its end`)
    const fault = section.take(type, bytes.subarray(at + 8, at + length - 4))
    if (fault !== undefined) return stop(number, fault)
    at += length
  }
  return { frames: section.frames, tlsSecrets: section.tlsSecrets }
}

function byteOrder(view: DataView, at: number): 'little-endian' | 'big-endian' | undefined {
  if (view.getUint32(at, true) === 0x1a2b3c4d) return 'little-endian'
  return view.getUint32(at, false) === 0x1a2b3c4d ? 'big-endian' : undefined
}

function padded(length: number): number {
  return (length + 3) & ~3
}
