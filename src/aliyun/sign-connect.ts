/** The credentials of a CONNECT packet, signed with the secret of a device. */

import { outline } from '../codec/field-checks.js'
import { UsageError } from '../errors.js'
import { namesOf, requireOptions } from '../option-names.js'
import { requireIdentity, requireText } from './device-text.js'
import { type SignMethod, sign } from './signature.js'
import { requireClientId, requireExtensions, wireClientId } from './wire-client-id.js'

/** 2: TLS. 3: plain TCP. The Client Identifier has this number. */
export type SecureMode = 2 | 3

/** The device whose CONNECT is signed, and how. */
export interface SignConnectInput {
  /** The ProductKey, as the console shows it. */
  readonly productKey: string
  /** The DeviceName, without `&`. */
  readonly deviceName: string
  /** The DeviceSecret: the key of the signature, as UTF-8 text. It is never in an error or in the result. */
  readonly deviceSecret: string
  /**
   * 1 to 64 characters without `|` and `,`; the platform advises a MAC address or a serial number. Default:
   * `productKey.deviceName`.
   */
  readonly clientId?: string | undefined
  /** Default `hmacsha256`. The Client Identifier always names the method, because the platform's own default is `hmacmd5`. */
  readonly signMethod?: SignMethod | undefined
  /** Milliseconds since 1970, as a number or as digits; with false no timestamp is sent and signed. Default: `Date.now()`. */
  readonly timestamp?: number | string | false | undefined
  /** Default 2 (TLS). With 3 (plain TCP) the network can read everything, except the secret itself. */
  readonly secureMode?: SecureMode | undefined
  /**
   * More parameters for the Client Identifier, such as `{ _v: 'app-1.0' }`. They follow our own parameters in the given
   * order, and are not signed.
   */
  readonly extensions?: Readonly<Record<string, string>> | undefined
}

/** The names of the options of `signConnect`. */
export const inputTable = {
  productKey: true,
  deviceName: true,
  deviceSecret: true,
  clientId: true,
  signMethod: true,
  timestamp: true,
  secureMode: true,
  extensions: true,
} as const satisfies Readonly<Record<keyof SignConnectInput, true>>

const inputNames = namesOf<SignConnectInput>(inputTable)

/** The three fields of CONNECT that prove who the device is. */
export interface SignedConnect {
  /** `id|securemode=2,signmethod=hmacsha256,timestamp=...|` */
  readonly clientId: string
  /** `deviceName&productKey` */
  readonly username: string
  /** The signature in upper-case hex. */
  readonly password: string
}

/**
 * Signs a CONNECT packet for Alibaba Cloud IoT Platform.
 *
 * @example
 * ```ts
 * import { signConnect } from 'mqtt311/aliyun'
 *
 * const { username } = signConnect({ productKey: 'a1', deviceName: 'lamp', deviceSecret: 'secret of the lamp' })
 * console.log(username) // prints: lamp&a1
 * ```
 *
 * @throws UsageError if the platform would refuse or misread a value; the message says what to do and never has the
 * secret.
 */
export function signConnect(input: SignConnectInput): SignedConnect {
  requireOptions('signConnect()', input, inputNames)
  return signConnectOf(input)
}

/** `signConnect` without the check for unknown options, which `requireDevice` has done for a device. */
export function signConnectOf(input: SignConnectInput): SignedConnect {
  const { productKey, deviceName, deviceSecret, signMethod = 'hmacsha256', secureMode = 2 } = input
  requireIdentity(productKey, deviceName)
  requireText('deviceSecret', deviceSecret)
  const clientId = input.clientId ?? `${productKey}.${deviceName}`
  requireClientId(clientId)
  if (secureMode !== 2 && secureMode !== 3) {
    throw new UsageError(`secureMode must be 2 (TLS) or 3 (plain TCP), not ${outline(secureMode)}`)
  }
  const timestamp = timestampDigits(input.timestamp)
  const extensions = requireExtensions(input.extensions)
  return {
    password: sign(signMethod, deviceSecret, { clientId, deviceName, productKey, timestamp }),
    username: `${deviceName}&${productKey}`,
    clientId: wireClientId(clientId, [
      ['securemode', String(secureMode)],
      ['signmethod', signMethod],
      ...(timestamp === undefined ? [] : [['timestamp', timestamp] as const]),
      ...extensions,
    ]),
  }
}

/**
 * The digits of the timestamp, or undefined for no timestamp. The sent and the signed digits must be the same text, so a
 * string is not changed.
 */
function timestampDigits(timestamp: number | string | false | undefined): string | undefined {
  if (timestamp === false) return undefined
  if (timestamp === undefined) return String(Date.now())
  if (typeof timestamp === 'string' && /^\d+$/.test(timestamp)) return timestamp
  if (typeof timestamp === 'number' && Number.isSafeInteger(timestamp) && timestamp >= 0) return String(timestamp)
  throw new UsageError(
    `timestamp must be milliseconds since 1970 as a whole number or its digits, or false for none, not ${outline(timestamp)}`,
  )
}
