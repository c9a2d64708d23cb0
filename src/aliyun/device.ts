/**
 * The three kinds of device, told apart by what they prove their identity with; each with what belongs to it and
 * nothing else.
 */

import type { ConnectionOptions } from 'node:tls'
import { UsageError } from '../errors.js'
import { namesOf, requireOptions } from '../option-names.js'
import { requireIdentity, requireText } from './device-text.js'
import { inputTable, type SignConnectInput } from './sign-connect.js'
import { requireClientId } from './wire-client-id.js'

/** The two names by which the platform knows a device. */
export interface DeviceIdentity {
  /** Of the product, as the console shows it. */
  readonly productKey: string
  /** Of the device within its product. */
  readonly deviceName: string
}

/** A device with a secret of its own: each CONNECT is signed with it. */
export interface SecretDevice extends SignConnectInput {
  readonly deviceToken?: undefined
  readonly cert?: undefined
  readonly key?: undefined
  readonly onIdentity?: undefined
}

/**
 * A device that was registered without having been announced: it got a client id and a token, and shows the token as
 * password.
 */
export interface TokenDevice extends DeviceIdentity {
  /** As the registration gave it. */
  readonly clientId: string
  /** As the registration gave it: what stands in for a signature. */
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

interface CertificateDeviceBase {
  /** The certificate of the device, in PEM. */
  readonly cert: NonNullable<ConnectionOptions['cert']>
  /** Its private key, in PEM; its passphrase, if it has one, goes into the option `tls` of `aliyun`. */
  readonly key: NonNullable<ConnectionOptions['key']>
  /**
   * 1 to 64 characters without `|` and `,`. Default: `productKey.deviceName`, and `.` as long as these are not known.
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

/** A device with an X.509 certificate at its first connection: the platform tells it who it is. */
export interface AnonymousCertificateDevice extends CertificateDeviceBase {
  readonly productKey?: undefined
  readonly deviceName?: undefined
  /**
   * Is called with the names that the platform gave, once for each connection that had none to show. Keep them, and
   * connect with them from then on: the topics of a device begin with them. What it returns is awaited, as with any
   * handler.
   */
  readonly onIdentity: (identity: DeviceIdentity) => unknown
}

/** A device with an X.509 certificate. */
export type CertificateDevice = IdentifiedCertificateDevice | AnonymousCertificateDevice

/** Whatever can show the platform who it is: by a secret, by a token, or by a certificate. */
export type Device = SecretDevice | TokenDevice | CertificateDevice

/** What any kind of device may have: which of them go together is told apart by the proof. */
const deviceNames = namesOf<SecretDevice>({
  ...inputTable,
  deviceToken: true,
  cert: true,
  key: true,
  onIdentity: true,
})

/**
 * The device again, checked as far as that goes without connecting. The compiler has done this for TypeScript; here
 * it is done for JavaScript, and for values that only look like what they are declared as.
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
        'give productKey and deviceName, or onIdentity: the platform tells the names, and somebody has to listen',
      )
    }
  }
  return device
}
