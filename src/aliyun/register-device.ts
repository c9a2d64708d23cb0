/**
 * Dynamic registration: a device that knows only the secret of its product gets its own credentials.
 *
 * The device connects once, over TLS. Its Client Identifier asks for a registration, and its password is signed with the
 * secret of the product. The platform accepts the connection, and publishes the answer on a topic without a subscription:
 * `/ext/register` for a device that its owner has entered in the console before, `/ext/regnwl` for any other. Both topics
 * have the same handler, because the content of the answer decides. The platform closes the connection after 15 seconds;
 * we disconnect when the answer has come. There is no second attempt, because each attempt may replace the secret of the
 * one before.
 */

import { randomBytes } from 'node:crypto'
import { MqttClient } from '../client/mqtt-client.js'
import type { Message, MessageHandler } from '../client/options/client-options.js'
import { outline } from '../codec/field-checks.js'
import { ConnectionLostError, TimeoutError, UsageError } from '../errors.js'
import { namesOf, requireOptions } from '../option-names.js'
import { type ConnectionChoice, connectionOptions } from './destination.js'
import type { SecretDevice, TokenDevice } from './device.js'
import { requireIdentity, requireText } from './device-text.js'
import { parseAnswer } from './platform-answer.js'
import { aliyunProfile } from './platform-profile.js'
import { type SignMethod, sign } from './signature.js'
import { requireClientId, wireClientId } from './wire-client-id.js'

/** The device that is registered, and the server. */
export interface Registration extends ConnectionChoice {
  /** The ProductKey, as the console shows it. */
  readonly productKey: string
  /** The ProductSecret: the key of the signature, as UTF-8 text. It is never in an error. */
  readonly productSecret: string
  /** The DeviceName, without `&`. */
  readonly deviceName: string
  /**
   * Whether the owner has entered the device in the console. Default true; false asks for a token instead of a
   * secret.
   */
  readonly preRegistered?: boolean | undefined
  /** The instance of the product, if it belongs to one. It also chooses the endpoint, unless `endpoint` is given. */
  readonly instanceId?: string | undefined
  /** 1 to 64 characters without `|` and `,`. Default: `productKey.deviceName`. */
  readonly clientId?: string | undefined
  /** Default `hmacsha256`. */
  readonly signMethod?: SignMethod | undefined
  /** Milliseconds from the call to the answer: 1 to 15,000, when the platform closes the connection. Default 10,000. */
  readonly timeoutMs?: number | undefined
  /** Aborts the registration, which then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | null | undefined
}

const registrationNames = namesOf<Registration>({
  productKey: true,
  productSecret: true,
  deviceName: true,
  preRegistered: true,
  instanceId: true,
  clientId: true,
  signMethod: true,
  timeoutMs: true,
  signal: true,
  region: true,
  endpoint: true,
  url: true,
  host: true,
  port: true,
  family: true,
  servers: true,
  stream: true,
  tls: true,
})

const answerTopics = ['/ext/register', '/ext/regnwl']

const timeoutMsDefault = 10_000
const timeoutMsMax = 15_000

/**
 * Registers a device and returns the device for `aliyun`: with `deviceSecret`, or with `clientId` and `deviceToken`. Store
 * the result before you do anything else: the platform sends the secret only once, or makes a new one each time.
 *
 * @example
 * ```ts
 * import { connect } from 'mqtt311'
 * import { aliyun, registerDevice } from 'mqtt311/aliyun'
 *
 * const url = 'mqtts://platform.example.com'
 * const device = await registerDevice({ productKey: 'a1', productSecret: 'secret of the product', deviceName: 'lamp', url })
 * const client = await connect(aliyun(device))
 * ```
 *
 * @throws UsageError before any byte is sent; ConnectionRefusedError with Return Code 4 (the ProductSecret or ProductKey is
 * wrong) or 5 (registration is switched off, or the device is not in the console); ConnectionLostError; TimeoutError; an Error
 * without a `code` if the answer cannot be used; or `signal.reason` (all as rejections)
 */
export async function registerDevice(registration: Registration): Promise<SecretDevice | TokenDevice> {
  requireOptions('registerDevice()', registration, registrationNames)
  const { timeoutMs = timeoutMsDefault } = registration
  if (!(Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= timeoutMsMax)) {
    throw new UsageError(
      `timeoutMs must be 1 to ${timeoutMsMax}, when the platform closes the connection, not ${outline(timeoutMs)}`,
    )
  }
  const answer = firstAnswer(registration)
  const choice = destinationOf(registration)
  const { endpoint: _endpoint, region: _region, ...server } = choice
  const client = new MqttClient({
    ...server,
    ...connectionOptions({ productKey: registration.productKey }, choice),
    ...credentialsOf(registration),
    profile: aliyunProfile,
    reconnect: false,
    handlers: Object.fromEntries(answerTopics.map((topic) => [topic, answer.handler])),
    signal: registration.signal,
  })
  const timeout = startTimeout(timeoutMs)
  try {
    return await Promise.race([answer.promise, ended(client), timeout.promise])
  } catch (error) {
    // A client that is aborted with a reason that is no Error ends with a ClosedError.
    const { signal } = registration
    throw signal?.aborted ? signal.reason : error
  } finally {
    timeout.stop()
    await client.end()
  }
}

/** The device in the first answer. A wrong answer rejects, because the platform does not send a second one. */
function firstAnswer({ productKey, deviceName }: Registration) {
  let handler: MessageHandler = () => {}
  const promise = new Promise<SecretDevice | TokenDevice>((resolve, reject) => {
    handler = (message) => {
      try {
        resolve(deviceOf(message, productKey, deviceName))
      } catch (error) {
        reject(error)
      }
    }
  })
  return { promise, handler }
}

function deviceOf(message: Message, productKey: string, deviceName: string): SecretDevice | TokenDevice {
  const answer = parseAnswer(message.topic, message.text())
  // The secret of another device would be stored under the name of this one.
  for (const [name, own] of [
    ['productKey', productKey],
    ['deviceName', deviceName],
  ] as const) {
    if ((answer.get(name) ?? own) === own) continue
    throw new Error(
      `the platform's answer on ${message.topic} is for another device: its ${name} is not the one that was sent`,
    )
  }
  // An empty secret is none.
  const { deviceSecret, clientId, deviceToken } = Object.fromEntries(answer)
  if (deviceSecret) return { productKey, deviceName, deviceSecret }
  if (clientId && deviceToken) return { productKey, deviceName, clientId, deviceToken }
  throw new Error(`the platform's answer on ${message.topic} has neither deviceSecret nor clientId and deviceToken`)
}

/** Rejects when the connection fails, or ends before the answer. */
async function ended(client: MqttClient): Promise<never> {
  await client.connect()
  await client.closed
  throw new ConnectionLostError('the platform closed the connection before it answered the registration', {
    reason: 'closed',
  })
}

function startTimeout(timeoutMs: number) {
  let stop = () => {}
  const promise = new Promise<never>((_, reject) => {
    const message = `the platform did not answer the registration within ${timeoutMs} ms: is dynamic registration switched on for the product?`
    const timer = setTimeout(() => reject(new TimeoutError(message, { operation: 'register', timeoutMs })), timeoutMs)
    stop = () => clearTimeout(timer)
  })
  return { promise, stop }
}

/** A product of an instance is registered at that instance, unless the caller names another server. */
function destinationOf(registration: Registration): ConnectionChoice {
  const { region, url, host, port, family, servers, stream, tls, instanceId } = registration
  const server = url ?? host ?? servers ?? stream
  const ofInstance = instanceId === undefined || server !== undefined ? undefined : { instanceId }
  const endpoint = registration.endpoint ?? ofInstance
  return { endpoint, region, url, host, port, family, servers, stream, tls }
}

function credentialsOf(registration: Registration) {
  const { productKey, deviceName, productSecret, instanceId, preRegistered = true } = registration
  const { signMethod = 'hmacsha256' } = registration
  requireIdentity(productKey, deviceName)
  requireText('productSecret', productSecret)
  const id = registration.clientId ?? `${productKey}.${deviceName}`
  requireClientId(id)
  if (instanceId !== undefined) {
    requireText('instanceId', instanceId)
    if (/[|,=]/.test(instanceId)) throw new UsageError('instanceId holds "|", "," or "=", which would forge a field')
  }
  const random = randomBytes(8).toString('hex')
  return {
    clientId: wireClientId(id, [
      ['securemode', preRegistered ? '2' : '-2'],
      ['authType', preRegistered ? 'register' : 'regnwl'],
      ['random', random],
      ['signmethod', signMethod],
      ...(instanceId === undefined ? [] : [['instanceId', instanceId] as const]),
    ]),
    username: `${deviceName}&${productKey}`,
    password: sign(signMethod, productSecret, { deviceName, productKey, random }),
  }
}
