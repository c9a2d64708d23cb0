/**
 * Who is let in. This file reads a CONNECT packet as the platform's documentation says that it is read. Nothing here is shared
 * with the signer of the package, so that one mistake cannot hide in both.
 *
 * The documentation says what is refused with 2 (a malformed Client Identifier, a Keep Alive outside its range) and
 * with 4 (a wrong signature). It does not say what becomes of a will, which it calls unsupported: here it is refused
 * with 5, so that a client that lets one through cannot pass its tests.
 */

import type { ConnectPacket } from '../../codec/control-packet.js'
import type { DeviceNames } from './events.js'
import { keyOf, type PlatformDevice, type Registry } from './registry.js'
import { checkSignature, isEqual } from './signature-check.js'

type Refusal = { readonly kind: 'refused'; readonly returnCode: 2 | 3 | 4 | 5; readonly reason: string }

export type Admission =
  | { readonly kind: 'device'; readonly names: DeviceNames; readonly announced: boolean }
  | { readonly kind: 'registration'; readonly names: DeviceNames; readonly topic: string; readonly answer: object }

export type Verdict = Refusal | Admission

export interface Conditions {
  /** Seconds. */
  readonly keepAlive: { readonly min: number; readonly max: number }
  /** How the connection came: the secure mode has to agree with it. */
  readonly overTls: boolean
  /** SHA-256 fingerprint of the client certificate, if there is one. */
  readonly fingerprint: string | undefined
  /** True makes every right signature a wrong one. */
  readonly signaturesBroken: boolean
}

export function judge(connect: ConnectPacket<Buffer>, registry: Registry, conditions: Conditions): Verdict {
  const { min, max } = conditions.keepAlive
  const { keepAlive, clientId: wireClientId, username, password = Buffer.alloc(0) } = connect
  if (keepAlive < min || keepAlive > max)
    return refuse(2, `Keep Alive ${keepAlive} is outside ${min} to ${max} seconds`)
  if (connect.will !== undefined) return refuse(5, 'a will is not supported')

  const parts = readClientId(wireClientId)
  if (typeof parts === 'string') return refuse(2, parts)
  const { id, parameters } = parts
  const claim: Claim = { id, wireClientId, parameters, password, conditions, registry }
  if (username === undefined || username === '') return judgeAnonymous(claim)
  const names = readNames(username)
  if (names === undefined) return refuse(4, 'the user name is not deviceName&productKey')
  const authType = parameters.get('authType')
  switch (authType) {
    case 'register':
      return secureModeFault(claim, '2') ?? judgeRegistration(claim, names)
    case 'regnwl':
      return secureModeFault(claim, '-2') ?? judgeEnrolment(claim, names)
    case 'connwl':
      return secureModeFault(claim, '-2') ?? judgeToken(claim, names)
    case undefined:
      return secureModeFault(claim, conditions.overTls ? '2' : '3') ?? judgeDevice(claim, names)
    default:
      return refuse(2, `authType=${authType} is not one of register, regnwl, connwl`)
  }
}

/** What a CONNECT packet claims, and by what that is judged. */
interface Claim {
  readonly id: string
  readonly wireClientId: string
  readonly parameters: ReadonlyMap<string, string>
  readonly password: Buffer
  readonly conditions: Conditions
  readonly registry: Registry
}

function secureModeFault({ parameters, conditions }: Claim, expected: string): Refusal | undefined {
  const mode = parameters.get('securemode')
  if (mode === expected) return undefined
  const came = parameters.has('authType')
    ? `authType=${parameters.get('authType')}`
    : `a connection over ${conditions.overTls ? 'TLS' : 'plain TCP'}`
  return refuse(2, `${came} needs securemode=${expected}, and the client id has ${mode ?? 'none'}`)
}

/** No names at all: only a certificate can tell whose connection this is. */
function judgeAnonymous({ password, conditions, registry }: Claim): Verdict {
  const device = conditions.fingerprint === undefined ? undefined : registry.deviceOfCertificate(conditions.fingerprint)
  if (device === undefined || password.length > 0) return refuse(4, 'no user name, and no certificate that is known')
  return letIn(device, true)
}

function judgeDevice(claim: Claim, names: DeviceNames): Verdict {
  const { registry, conditions, parameters } = claim
  const device = registry.device(keyOf(names))
  if (device === undefined) return refuse(4, `no such device${adviceForNames(names, registry)}`)
  if ('certificate' in device) {
    const { fingerprint } = conditions
    const owner = fingerprint === undefined ? undefined : registry.deviceOfCertificate(fingerprint)
    if (owner !== device) return refuse(4, 'not the certificate of this device')
    return claim.password.length > 0 ? refuse(4, 'a device with a certificate has no password') : letIn(device, false)
  }
  if (!('deviceSecret' in device)) return refuse(4, 'this device connects with a token')
  const timestamp = parameters.get('timestamp')
  if (timestamp !== undefined && !/^\d+$/.test(timestamp)) return refuse(2, 'the timestamp is no number')
  const { deviceName, productKey } = names
  const values = { clientId: claim.id, deviceName, productKey, ...(timestamp === undefined ? {} : { timestamp }) }
  return signatureFault(claim, device.deviceSecret, values) ?? letIn(device, false)
}

function adviceForNames({ productKey, deviceName }: DeviceNames, registry: Registry): string {
  const swapped = registry.device(keyOf({ productKey: deviceName, deviceName: productKey }))
  return swapped === undefined ? '' : ': the names are swapped, the user name is deviceName&productKey'
}

function judgeToken(claim: Claim, names: DeviceNames): Verdict {
  const device = claim.registry.device(keyOf(names))
  if (device === undefined || !('deviceToken' in device)) return refuse(4, 'no such device with a token')
  if (device.clientId !== claim.id) return refuse(4, 'the client id is not the one that came with the token')
  return isEqual(claim.password, Buffer.from(device.deviceToken))
    ? letIn(device, false)
    : refuse(4, 'the token is wrong')
}

/** A device that was entered in advance asks for its secret. */
function judgeRegistration(claim: Claim, names: DeviceNames): Verdict {
  const wrong = productFault(claim, names)
  if (wrong !== undefined) return wrong
  const device = claim.registry.device(keyOf(names))
  if (device === undefined || !('deviceSecret' in device)) return refuse(5, 'this device was not entered in advance')
  const { productKey, deviceName, deviceSecret } = device
  return { kind: 'registration', names, topic: '/ext/register', answer: { productKey, deviceName, deviceSecret } }
}

/** A device that nobody entered asks to be let in from now on. */
function judgeEnrolment(claim: Claim, names: DeviceNames): Verdict {
  const wrong = productFault(claim, names)
  if (wrong !== undefined) return wrong
  const instanceId = claim.registry.product(names.productKey)?.instanceId
  if (claim.parameters.get('instanceId') !== instanceId) return refuse(5, 'not the instance of this product')
  const given = claim.registry.enrol(names)
  return { kind: 'registration', names, topic: '/ext/regnwl', answer: { ...names, ...given } }
}

function productFault(claim: Claim, { productKey, deviceName }: DeviceNames): Refusal | undefined {
  if (!claim.conditions.overTls) return refuse(2, 'registration goes over TLS only')
  const product = claim.registry.product(productKey)
  if (product === undefined) return refuse(4, 'no such product')
  const random = claim.parameters.get('random')
  if (random === undefined || random === '') return refuse(2, 'a registration needs random')
  return signatureFault(claim, product.productSecret, { deviceName, productKey, random })
}

function signatureFault(
  { parameters, wireClientId, password, conditions }: Claim,
  secret: string,
  values: Readonly<Record<string, string>>,
): Refusal | undefined {
  const verdict = checkSignature({ method: parameters.get('signmethod'), values, wireClientId, secret, password })
  if (verdict !== 'right') return refuse(verdict.fault === 'wrong' ? 4 : 2, verdict.reason)
  return conditions.signaturesBroken ? refuse(4, 'every signature counts as wrong here') : undefined
}

function letIn(device: PlatformDevice, announced: boolean): Verdict {
  if (device.disabled === true) return refuse(5, 'this device is disabled')
  const { productKey, deviceName } = device
  return { kind: 'device', names: { productKey, deviceName }, announced }
}

/** The two parts of a Client Identifier, or what is wrong with it. */
function readClientId(
  wire: string,
): { readonly id: string; readonly parameters: ReadonlyMap<string, string> } | string {
  const [, id = '', text] = /^([^|,]*)\|([^|]*)\|$/su.exec(wire) ?? []
  if (text === undefined) return 'the client id is not id|name=value,name=value|'
  const { length } = [...id]
  if (length < 1 || length > 64) return `the part of the client id before the | has ${length} characters, not 1 to 64`
  const parameters = new Map<string, string>()
  for (const parameter of text.split(',')) {
    const [, name, value] = /^([^=]+)=([^=]*)$/s.exec(parameter) ?? []
    if (name === undefined || value === undefined) return 'the client id has a parameter that is not name=value'
    if (parameters.has(name)) return `the client id has ${name} twice`
    parameters.set(name, value)
  }
  return { id, parameters }
}

function readNames(username: string): DeviceNames | undefined {
  const [, deviceName, productKey] = /^([^&]+)&(.+)$/s.exec(username) ?? []
  return deviceName === undefined || productKey === undefined ? undefined : { productKey, deviceName }
}

function refuse(returnCode: 2 | 3 | 4 | 5, reason: string): Refusal {
  return { kind: 'refused', returnCode, reason }
}
