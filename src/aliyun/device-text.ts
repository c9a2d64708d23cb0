/**
 * The checks that all names and secrets of a device share: text with a UTF-8 form, and text that is allowed in a packet.
 * TypeScript already requires strings; JavaScript does not.
 */

import { kindOf } from '../codec/field-checks.js'
import { hasLoneSurrogate } from '../codec/utf8.js'
import { UsageError } from '../errors.js'

/**
 * Refuses a value that is not text with a UTF-8 form. The message never has the value: it may be a secret, even for a name,
 * if the caller has mixed up the options.
 */
export function requireText(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string')
    throw new UsageError(`${name} is missing: give it as a string, not as ${kindOf(value)}`)
  if (value.length === 0) throw new UsageError(`${name} is empty: give it as the console of the platform shows it`)
  if (hasLoneSurrogate(value)) {
    throw new UsageError(`${name} holds a lone surrogate, which has no UTF-8 form to sign`, {
      statement: 'MQTT-1.5.3-1',
    })
  }
}

/** As `requireText`, for text that also goes into the CONNECT packet. */
export function requirePacketText(name: string, value: unknown): asserts value is string {
  requireText(name, value)
  if (value.includes('\0')) throw new UsageError(`${name} holds U+0000: remove it`, { statement: 'MQTT-1.5.3-2' })
}

/** Checks the two halves of the user name. The first `&` separates them, so the device name cannot have a `&`. */
export function requireIdentity(productKey: unknown, deviceName: unknown): void {
  requirePacketText('productKey', productKey)
  requirePacketText('deviceName', deviceName)
  if (deviceName.includes('&')) {
    throw new UsageError(
      'deviceName holds "&", which separates it from productKey in the user name: choose a name without it',
    )
  }
}
