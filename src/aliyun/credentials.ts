/** Makes the credentials of each kind of device, again for every attempt. */

import type { Credentials } from '../client/options/client-options.js'
import type { CertificateDevice, Device, DeviceIdentity, TokenDevice } from './device.js'
import { signConnectOf } from './sign-connect.js'
import { wireClientId } from './wire-client-id.js'

/** Makes credentials. `learn` gives it the names of a device that did not know them at first. */
export interface CredentialSource {
  credentials(): Credentials
  learn(identity: DeviceIdentity): void
}

/** The stored session belongs to the id before the first `|`: the part after it changes with every timestamp. */
function sessionOf(clientId: string): string {
  return clientId.slice(0, clientId.indexOf('|'))
}

export function credentialSource(device: Device): CredentialSource {
  if (device.cert !== undefined) return certificateSource(device)
  const make = device.deviceToken === undefined ? () => signConnectOf(device) : () => tokenCredentials(device)
  return {
    credentials() {
      const { clientId, username, password } = make()
      return { clientId, username, password, sessionId: sessionOf(clientId) }
    },
    learn() {},
  }
}

function tokenCredentials({ clientId, productKey, deviceName, deviceToken }: TokenDevice) {
  return {
    clientId: wireClientId(clientId, [
      ['securemode', '-2'],
      ['authType', 'connwl'],
    ]),
    username: `${deviceName}&${productKey}`,
    password: deviceToken,
  }
}

/**
 * The TLS handshake proves who the device is, so there is no signature, and the password is empty. While the names are
 * unknown, the user name is empty too. With names, the Client Identifier has the parameters of a signed one.
 */
function certificateSource(device: CertificateDevice): CredentialSource {
  let identity: DeviceIdentity | undefined = device.productKey === undefined ? undefined : device
  // One client has one session, so the name of the session does not change when the names of the device become known.
  const sessionId = device.clientId ?? (identity === undefined ? '.' : `${identity.productKey}.${identity.deviceName}`)
  return {
    credentials() {
      if (identity === undefined) {
        return { clientId: wireClientId(sessionId, [['securemode', '2']]), username: '', password: '', sessionId }
      }
      const { productKey, deviceName } = identity
      const id = device.clientId ?? `${productKey}.${deviceName}`
      const parameters = [
        ['securemode', '2'],
        ['signmethod', 'hmacsha256'],
        ['timestamp', String(Date.now())],
      ] as const
      return {
        clientId: wireClientId(id, parameters),
        username: `${deviceName}&${productKey}`,
        password: '',
        sessionId,
      }
    },
    learn(known) {
      identity = known
    },
  }
}
