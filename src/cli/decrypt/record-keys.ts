/**
 * Key logs of TLS (`SSLKEYLOGFILE`, `--tls-keylog`): lines of a label, the random number of ClientHello, and a secret. And what follows from
 * the secrets: the keys of the ciphers of TLS 1.2 and 1.3 with authentication.
 */
import { createDecipheriv, createHmac } from 'node:crypto'

type SecretLabel =
  | 'CLIENT_RANDOM'
  | 'CLIENT_HANDSHAKE_TRAFFIC_SECRET'
  | 'SERVER_HANDSHAKE_TRAFFIC_SECRET'
  | 'CLIENT_TRAFFIC_SECRET_0'
  | 'SERVER_TRAFFIC_SECRET_0'

export class KeyLog {
  readonly #secrets = new Map<string, Buffer>()

  constructor(text: string) {
    for (const [, label = '', random = '', secret = ''] of text.matchAll(/^(\w+) ([0-9a-f]{64}) ([0-9a-f]+)\s*$/gim)) {
      this.#secrets.set(`${label} ${random.toLowerCase()}`, Buffer.from(secret, 'hex'))
    }
  }

  get isEmpty(): boolean {
    return this.#secrets.size === 0
  }

  secret(label: SecretLabel, clientRandom: Uint8Array): Buffer | undefined {
    return this.#secrets.get(`${label} ${Buffer.from(clientRandom).toString('hex')}`)
  }
}

export interface CipherSuite {
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305'
  readonly hash: 'sha256' | 'sha384'
}

const aes128: CipherSuite = { cipher: 'aes-128-gcm', hash: 'sha256' }
const aes256: CipherSuite = { cipher: 'aes-256-gcm', hash: 'sha384' }
const chacha: CipherSuite = { cipher: 'chacha20-poly1305', hash: 'sha256' }

/** By the numbers of IANA. Older suites have no authentication of their own, and no server should choose them. */
const suites: ReadonlyMap<number, CipherSuite> = new Map([
  ...[0x1301, 0x009c, 0x009e, 0x00a8, 0xc02b, 0xc02f].map((number) => [number, aes128] as const),
  ...[0x1302, 0x009d, 0x009f, 0x00a9, 0xc02c, 0xc030].map((number) => [number, aes256] as const),
  ...[0x1303, 0xcca8, 0xcca9, 0xccaa, 0xccab].map((number) => [number, chacha] as const),
])

export function cipherSuite(number: number): CipherSuite | undefined {
  return suites.get(number)
}

const tagBytes = 16

/** One direction of a connection: a key, and the number of the next record. */
export class RecordKey {
  readonly #suite: CipherSuite
  readonly #key: Buffer
  readonly #iv: Buffer
  #sequence = 0n

  constructor(suite: CipherSuite, key: Buffer, iv: Buffer) {
    this.#suite = suite
    this.#key = key
    this.#iv = iv
  }

  /** Undefined if the record is not of this key. `explicit` is the part of the nonce that TLS 1.2 sends with AES. */
  decrypt(sealed: Uint8Array, additional: (sequence: Buffer) => Uint8Array, explicit?: Uint8Array): Buffer | undefined {
    if (sealed.length < tagBytes) return undefined
    const sequence = Buffer.alloc(8)
    sequence.writeBigUInt64BE(this.#sequence)
    const { cipher } = this.#suite
    // One of the literals, so that the compiler knows the methods of authentication.
    const name = cipher === 'chacha20-poly1305' ? cipher : cipher === 'aes-128-gcm' ? cipher : 'aes-256-gcm'
    const nonce = explicit === undefined ? exclusiveOr(this.#iv, sequence) : Buffer.concat([this.#iv, explicit])
    const end = sealed.length - tagBytes
    try {
      const decipher =
        name === 'chacha20-poly1305'
          ? createDecipheriv(name, this.#key, nonce, { authTagLength: tagBytes })
          : createDecipheriv(name, this.#key, nonce)
      decipher.setAAD(additional(sequence), { plaintextLength: end })
      decipher.setAuthTag(sealed.subarray(end))
      const plain = Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()])
      this.#sequence += 1n
      return plain
    } catch {
      return undefined
    }
  }
}

/** The sequence number, at the end of the vector. */
function exclusiveOr(iv: Buffer, sequence: Buffer): Buffer {
  const nonce = Buffer.from(iv)
  for (const [index, byte] of sequence.entries()) nonce[4 + index] = (nonce[4 + index] ?? 0) ^ byte
  return nonce
}

function keyBytes({ cipher }: CipherSuite): number {
  return cipher === 'aes-128-gcm' ? 16 : 32
}

/** TLS 1.3: the keys of a traffic secret (RFC 8446, section 7.3). */
export function keyOfSecret(suite: CipherSuite, secret: Buffer): RecordKey {
  return new RecordKey(suite, expand(suite, secret, 'key', keyBytes(suite)), expand(suite, secret, 'iv', 12))
}

/** TLS 1.3: the secret after a KeyUpdate. */
export function nextSecret(suite: CipherSuite, secret: Buffer): Buffer {
  return expand(suite, secret, 'traffic upd', secret.length)
}

/** HKDF-Expand-Label without a context. No caller wants more than one block of the hash. */
function expand({ hash }: CipherSuite, secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`)
  const info = Buffer.concat([Buffer.from([0, length, name.length]), name, Buffer.from([0, 1])])
  return createHmac(hash, secret).update(info).digest().subarray(0, length)
}

/** TLS 1.2: the keys of both sides (RFC 5246, section 6.3). */
export function keysOfMaster(suite: CipherSuite, master: Buffer, randoms: { client: Buffer; server: Buffer }) {
  const seed = Buffer.concat([Buffer.from('key expansion'), randoms.server, randoms.client])
  const hmac = (...data: Buffer[]) => createHmac(suite.hash, master).update(Buffer.concat(data)).digest()
  const [key, iv] = [keyBytes(suite), suite.cipher === 'chacha20-poly1305' ? 12 : 4]
  let [chain, block] = [seed, Buffer.alloc(0)]
  while (block.length < 2 * (key + iv)) {
    chain = hmac(chain)
    block = Buffer.concat([block, hmac(chain, seed)])
  }
  const slice = (from: number, length: number) => block.subarray(from, from + length)
  return {
    client: new RecordKey(suite, slice(0, key), slice(2 * key, iv)),
    server: new RecordKey(suite, slice(key, key), slice(2 * key + iv, iv)),
  }
}
