/**
 * Decrypts a captured connection of TLS 1.2 or 1.3 with a key log. The two Hello messages say which secrets and which cipher it has. The records of
 * the handshake in TLS 1.3 have keys of their own; a record that these do not open is the first of the data.
 */
import type { ConversationPart, Side } from '../../explain/capture/conversation.js'
import { joinBytes } from '../../explain/input/hex-text.js'
import {
  type CipherSuite,
  cipherSuite,
  type KeyLog,
  keyOfSecret,
  keysOfMaster,
  nextSecret,
  type RecordKey,
} from './record-keys.js'

export type Decryption = { readonly parts: readonly ConversationPart[] } | { readonly why: string }

const changeCipherSpec = 20
const handshake = 22
const applicationData = 23

/** The random number of a ServerHello that asks for another ClientHello (RFC 8446, section 4.1.3). */
const helloRetry = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c'

interface SideState {
  /** Bytes of an incomplete record. */
  rest: Uint8Array
  /** Handshake messages in clear, until there is the Hello. */
  hello: Uint8Array
  key: RecordKey | undefined
  /** TLS 1.3: what comes after `key`. */
  secret: Buffer | undefined
  /** TLS 1.2: everything behind ChangeCipherSpec is encrypted. */
  isEncrypted: boolean
}

const newSide = (): SideState => ({
  rest: new Uint8Array(0),
  hello: new Uint8Array(0),
  key: undefined,
  secret: undefined,
  isEncrypted: false,
})

export function decryptConnection(parts: readonly ConversationPart[], keys: KeyLog): Decryption {
  const connection = new TlsConnection(keys)
  for (const part of parts) {
    if ((part.missing ?? 0) > 0) return connection.result('bytes are missing in the capture')
    connection.take(part)
  }
  return connection.result(undefined)
}

class TlsConnection {
  readonly #keys: KeyLog
  readonly #sides = { client: newSide(), server: newSide() }
  readonly #plain: ConversationPart[] = []
  #clientRandom: Buffer | undefined
  #suite: CipherSuite | undefined
  #version: 'TLS 1.2' | 'TLS 1.3' = 'TLS 1.2'
  #why: string | undefined

  constructor(keys: KeyLog) {
    this.#keys = keys
  }

  result(end: string | undefined): Decryption {
    if (this.#plain.length > 0) return { parts: this.#plain }
    return { why: this.#why ?? end ?? 'no record of data could be opened' }
  }

  take({ side, bytes, atUs }: ConversationPart): void {
    const state = this.#sides[side]
    let rest = state.rest.length === 0 ? bytes : joinBytes([state.rest, bytes])
    while (rest.length >= 5) {
      const size = 5 + ((rest[3] ?? 0) << 8) + (rest[4] ?? 0)
      if (rest.length < size) break
      this.#record(side, state, rest.subarray(0, size), atUs)
      rest = rest.subarray(size)
    }
    state.rest = rest
  }

  #record(side: Side, state: SideState, record: Uint8Array, atUs: number | undefined): void {
    const [type = 0] = record
    const body = record.subarray(5)
    if (type === changeCipherSpec) {
      state.isEncrypted = this.#version === 'TLS 1.2'
      return
    }
    if (this.#version === 'TLS 1.3' && type === applicationData) return this.#inner(side, state, record, atUs)
    if (state.isEncrypted) {
      const plain = state.key?.decrypt(...sealed12(record, this.#suite))
      if (plain !== undefined && type === applicationData) this.#plain.push({ side, bytes: plain, atUs })
      return
    }
    if (type === handshake && !this.#hasKeys(side)) {
      state.hello = joinBytes([state.hello, body])
      this.#readHello(side, state)
    }
  }

  #hasKeys(side: Side): boolean {
    return side === 'client' ? this.#suite !== undefined : this.#sides.server.key !== undefined
  }

  /** A record of TLS 1.3: its true type is its last byte that is not 0. */
  #inner(side: Side, state: SideState, record: Uint8Array, atUs: number | undefined): void {
    const additional = () => record.subarray(0, 5)
    let plain = state.key?.decrypt(record.subarray(5), additional)
    const suite = this.#suite
    if (plain === undefined && suite !== undefined && state.secret !== undefined) {
      const key = keyOfSecret(suite, state.secret)
      plain = key.decrypt(record.subarray(5), additional)
      if (plain !== undefined) state.key = key
    }
    if (plain === undefined) return
    let end = plain.length
    while (end > 0 && plain[end - 1] === 0) end -= 1
    const type = plain[end - 1]
    const content = plain.subarray(0, end - 1)
    if (type === applicationData) this.#plain.push({ side, bytes: content, atUs })
    // KeyUpdate: the next record has the next key.
    if (type === handshake && content[0] === 24 && suite !== undefined && state.secret !== undefined) {
      state.secret = nextSecret(suite, state.secret)
      state.key = keyOfSecret(suite, state.secret)
    }
  }

  #readHello(side: Side, { hello }: SideState): void {
    const message = Buffer.from(hello)
    if (message.length < 4 || message.length < 4 + message.readUIntBE(1, 3)) return
    const body = message.subarray(4, 4 + message.readUIntBE(1, 3))
    const random = body.subarray(2, 34)
    if (side === 'client') {
      if (message[0] === 1) this.#clientRandom ??= random
      return
    }
    if (message[0] !== 2) return
    if (random.toString('hex') === helloRetry) {
      this.#sides.server.hello = message.subarray(4 + body.length)
      return
    }
    this.#agree(body, random)
  }

  #agree(body: Buffer, serverRandom: Buffer): void {
    const at = 35 + (body[34] ?? 0)
    if (body.length < at + 2 || this.#clientRandom === undefined) return
    const number = body.readUInt16BE(at)
    const suite = cipherSuite(number)
    if (suite === undefined) {
      this.#why = `the cipher suite 0x${number.toString(16)} is not known here`
      return
    }
    this.#suite = suite
    this.#version = chosenVersion(body, at + 3)
    const secret = (label: Parameters<KeyLog['secret']>[0]) =>
      this.#keys.secret(label, this.#clientRandom ?? serverRandom)
    const { client, server } = this.#sides
    if (this.#version === 'TLS 1.3') {
      const early = [secret('CLIENT_HANDSHAKE_TRAFFIC_SECRET'), secret('SERVER_HANDSHAKE_TRAFFIC_SECRET')]
      const [ofClient, ofServer] = early.map((one) => (one === undefined ? undefined : keyOfSecret(suite, one)))
      client.key = ofClient
      server.key = ofServer
      client.secret = secret('CLIENT_TRAFFIC_SECRET_0')
      server.secret = secret('SERVER_TRAFFIC_SECRET_0')
      if (client.secret === undefined || server.secret === undefined) this.#why = noSecret
      return
    }
    const master = secret('CLIENT_RANDOM')
    if (master === undefined) {
      this.#why = noSecret
      return
    }
    const keys = keysOfMaster(suite, master, { client: this.#clientRandom, server: serverRandom })
    client.key = keys.client
    server.key = keys.server
  }
}

const noSecret = 'the key log has no secret of this connection'

/** TLS 1.3 is chosen by an extension; the version in its old place is that of TLS 1.2. */
function chosenVersion(body: Buffer, from: number): 'TLS 1.2' | 'TLS 1.3' {
  for (let at = from + 2; at + 4 <= body.length; at += 4 + body.readUInt16BE(at + 2)) {
    if (body.readUInt16BE(at) === 43 && body.subarray(at + 4, at + 6).toString('hex') === '0304') return 'TLS 1.3'
  }
  return 'TLS 1.2'
}

/** The arguments that open a record of TLS 1.2. */
function sealed12(record: Uint8Array, suite: CipherSuite | undefined): Parameters<RecordKey['decrypt']> {
  const explicitBytes = suite?.cipher === 'chacha20-poly1305' ? 0 : 8
  const sealed = record.subarray(5 + explicitBytes)
  const plainBytes = Math.max(0, sealed.length - 16)
  const additional = (sequence: Buffer) =>
    Buffer.concat([sequence, record.subarray(0, 3), Buffer.from([plainBytes >> 8, plainBytes & 0xff])])
  return explicitBytes === 0 ? [sealed, additional] : [sealed, additional, record.subarray(5, 13)]
}
