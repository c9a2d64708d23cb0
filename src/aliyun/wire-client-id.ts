/**
 * The Client Identifier in the form of the platform: `id|name=value,name=value|`. The id before the first `|` names the
 * client, and is signed. The parameters between the two `|` are not signed. There are no quotes, so a `|`, `,` or `=` in a
 * value would forge a parameter. Such a value is refused, never rewritten.
 */

import { quote } from '../codec/field-checks.js'
import { UsageError } from '../errors.js'
import { requirePacketText } from './device-text.js'

/** The parameters that this package sets itself, and the names in the signed content; all in lower case. */
const reservedNames: ReadonlySet<string> = new Set([
  'securemode',
  'signmethod',
  'timestamp',
  'clientid',
  'productkey',
  'devicename',
  'devicesecret',
  'productsecret',
  'random',
])

/** The longest id that the platform accepts, in characters. */
const idLengthMax = 64

/** Refuses an id that the platform would refuse or misread. */
export function requireClientId(id: unknown): asserts id is string {
  if (id === '') throw new UsageError('clientId is empty: give one, or leave it out for "productKey.deviceName"')
  requirePacketText('clientId', id)
  const length = [...id].length
  if (length > idLengthMax) {
    throw new UsageError(
      `clientId has ${length} characters, the platform takes ${idLengthMax}: use a MAC address or a serial number (default productKey.deviceName)`,
    )
  }
  const forbidden = /[|,]/.exec(id)?.[0]
  if (forbidden !== undefined) {
    throw new UsageError(
      `clientId holds "${forbidden}", which ends the id on the wire: give the id alone (default productKey.deviceName)`,
    )
  }
}

/** Joins an id and its parameters, in the given order. */
export function wireClientId(id: string, parameters: readonly (readonly [name: string, value: string])[]): string {
  return `${id}|${parameters.map(([name, value]) => `${name}=${value}`).join(',')}|`
}

/** The parameters of the caller. Refuses one that the platform could misread as another parameter. */
export function requireExtensions(extensions: unknown): [name: string, value: string][] {
  if (extensions === undefined) return []
  if (typeof extensions !== 'object' || extensions === null) {
    throw new UsageError('extensions must be an object of names and values, such as { _v: "1.0" }')
  }
  const seen = new Set<string>()
  return Object.entries(extensions).map(([name, value]): [string, string] => {
    const extension = `the extension ${quote(name)}`
    requirePacketText('the name of an extension', name)
    if (typeof value !== 'string') throw new UsageError(`${extension} has a value that is no string: write it as one`)
    if (value !== '') requirePacketText(`the value of ${extension}`, value)
    if (/[|,=]/.test(name) || /[|,=]/.test(value)) {
      throw new UsageError(
        `${extension} holds "|", "," or "=" in its name or value, which would forge a field: remove it`,
      )
    }
    const key = name.toLowerCase()
    if (reservedNames.has(key)) {
      throw new UsageError(`${extension} is a field of its own: use the option of that name instead`)
    }
    if (seen.has(key)) throw new UsageError(`${extension} is given twice in different case: keep one`)
    seen.add(key)
    return [name, value]
  })
}
