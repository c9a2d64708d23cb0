/**
 * The three kinds of device: with a secret, with a token, or with a certificate. The type of each kind allows only the
 * members of that kind.
 */

import type { ConnectionOptions } from 'node:tls'
import type { CredentialsAttempt } from '../client/options/client-options.js'
import { UsageError } from '../errors.js'
import { namesOf, requireOptions } from '../option-names.js'
import { requireIdentity, requireText } from './device-text.js'
import { inputTable, type SignConnectInput } from './sign-connect.js'
import { requireClientId } from './wire-client-id.js'

/** The two names of a device on the platform. */
export interface DeviceIdentity {
  /** The ProductKey, as the console shows it. */
  readonly productKey: string
  /** The DeviceName, which is unique in the product. */
  readonly deviceName: string
}

/** A device with its own secret, which signs each CONNECT. */
export interface SecretDevice extends SignConnectInput {
  readonly deviceToken?: undefined
  readonly cert?: undefined
  readonly key?: undefined
  readonly onIdentity?: undefined
}

/**
 * A device that was registered without an entry in the console. The registration gave it a client id and a token; the token
 * is its password.
 */
export interface TokenDevice extends DeviceIdentity {
  /** The client id from the registration. */
  readonly clientId: string
  /** The token from the registration; it replaces a signature. */
  readonly deviceToken: string
  readonly deviceSecret?: undefined
  readonly signMethod?: undefined
  readonly timestamp?: undefined
  readonly secureMode?: undefined
  readonly extensions?: undefined
  readonly cert?: undefined
  readonly key?: undefined
  readonly onIdentity?: undefined
}

/** A certificate or a key; or a function that gives it, which is called for each attempt, with the argument of `credentials`. */
export type Renewable<Pem> = Pem | ((attempt: CredentialsAttempt) => Pem | Promise<Pem>)

interface CertificateDeviceBase {
  /** The certificate of the device, in PEM. A function renews it. */
  readonly cert: Renewable<NonNullable<ConnectionOptions['cert']>>
  /** The private key of the certificate, in PEM. A function renews it. A passphrase goes into the option `tls` of `aliyun`. */
  readonly key: Renewable<NonNullable<ConnectionOptions['key']>>
  /**
   * 1 to 64 characters without `|` and `,`. Default: `productKey.deviceName`, or `.` while these are unknown.
   */
  readonly clientId?: string | undefined
  readonly deviceSecret?: undefined
  readonly deviceToken?: undefined
  readonly signMethod?: undefined
  readonly timestamp?: undefined
  readonly secureMode?: undefined
  readonly extensions?: undefined
}

/** A device with an X.509 certificate, whose names are known. */
export interface IdentifiedCertificateDevice extends CertificateDeviceBase, DeviceIdentity {
  readonly onIdentity?: undefined
}

/** A device with an X.509 certificate at its first connection: the platform sends its names. */
export interface AnonymousCertificateDevice extends CertificateDeviceBase {
  readonly productKey?: undefined
  readonly deviceName?: undefined
  /**
   * Called with the names from the platform, once for each connection without names. Store the names, and use them for later
   * connections: the topics of a device begin with them. A returned promise is awaited, as with any handler.
   */
  readonly onIdentity: (identity: DeviceIdentity) => unknown
}

/** A device with an X.509 certificate. */
export type CertificateDevice = IdentifiedCertificateDevice | AnonymousCertificateDevice

/** A device with a secret, with a token, or with a certificate. */
export type Device = SecretDevice | TokenDevice | CertificateDevice

/** The members that any kind of device may have. */
const deviceNames = namesOf<SecretDevice>({
  ...inputTable,
  deviceToken: true,
  cert: true,
  key: true,
  onIdentity: true,
})

/**
 * Checks a device as far as possible without a connection, and returns it. The compiler checks the types for TypeScript; this
 * function is for JavaScript, and for values that do not have their declared type.
 */
export function requireDevice(device: Device): Device {
  requireOptions('a device', device, deviceNames)
  const proofs = [device.deviceSecret, device.deviceToken, device.cert].filter((proof) => proof !== undefined)
  if (proofs.length !== 1) {
    throw new UsageError(
      `a device has one proof of its identity, this one has ${proofs.length}: give deviceSecret, or clientId and deviceToken, or cert and key`,
    )
  }
  if (device.deviceToken !== undefined) {
    requireIdentity(device.productKey, device.deviceName)
    requireClientId(device.clientId)
    requireText('deviceToken', device.deviceToken)
  }
  if (device.cert !== undefined) {
    if (device.key === undefined)
      throw new UsageError('key is missing: a certificate proves nothing without its private key')
    if (device.clientId !== undefined) requireClientId(device.clientId)
    if (device.productKey !== undefined || device.deviceName !== undefined) {
      requireIdentity(device.productKey, device.deviceName)
    } else if (typeof device.onIdentity !== 'function') {
      throw new UsageError(
        'give productKey and deviceName, or onIdentity: the platform then sends the names, and it receives them',
      )
    }
  }
  return device
}
