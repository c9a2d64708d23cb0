/** The rows of fixtures/vectors/signatures.csv. */

import { readFileSync } from 'node:fs'
import type { SignMethod } from '../../src/aliyun/index.js'

export interface SignatureVector {
  readonly name: string
  readonly method: SignMethod
  readonly productKey: string
  readonly deviceName: string
  readonly clientId: string
  readonly timestamp: string
  readonly random: string
  readonly secureMode: 2 | 3
  readonly secret: string
  readonly wireClientId: string
  readonly password: string
}

const file = new URL('../../fixtures/vectors/signatures.csv', import.meta.url)

/** No field of this file holds a line break or a double quote, so a field is either quoted or free of commas. */
function fieldsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
}

function methodNamed(name: string): SignMethod {
  if (name === 'hmacmd5' || name === 'hmacsha1' || name === 'hmacsha256' || name === 'sha256') return name
  throw new Error(`signatures.csv names the method ${name}`)
}

const [header = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
const columns = fieldsOf(header)

export const signatureVectors: readonly SignatureVector[] = lines.map((line) => {
  const fields = fieldsOf(line)
  const field = (column: string) => {
    const value = fields[columns.indexOf(column)]
    if (value === undefined) throw new Error(`signatures.csv has no column ${column} in: ${line}`)
    return value
  }
  return {
    name: field('name'),
    method: methodNamed(field('sign_method')),
    productKey: field('product_key'),
    deviceName: field('device_name'),
    clientId: field('client_id'),
    timestamp: field('timestamp'),
    random: field('random'),
    secureMode: field('secure_mode') === '3' ? 3 : 2,
    secret: field('secret'),
    wireClientId: field('wire_client_id'),
    password: field('password'),
  }
})
