/** `mqtt311 register`: dynamic registration on Alibaba Cloud IoT Platform. */
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { registerDevice } from '../../aliyun/index.js'
import { isMqttError, UsageError } from '../../errors.js'
import { codeOf, isError } from '../../realms/foreign-values.js'
import { type CommandLine, requireNoPositionals, requireOne } from '../command-line.js'
import { EarlyEnd } from '../conversation/conversation.js'
import { startReporting } from '../conversation/reporting.js'
import { type EndpointOptionName, signedEndpointOptions } from '../flags/connection-flags.js'
import { readDeviceNames, readEndpoint, readSignMethod, required, signedEndpoints } from '../flags/device.js'
import { readCertificate, readSecret } from '../flags/input-file.js'
import { CommandFailure, exitCode } from '../outcome/exit-code.js'
import { isResetInHandshake } from '../outcome/failure-message.js'
import { environment, type Field, json, labelled } from '../print/login-format.js'
import { print } from '../terminal/output.js'
import { defineCommand } from './command.js'

const productOptions = [
  { name: 'product-key', value: 'KEY', about: 'ProductKey' },
  {
    name: 'product-secret',
    value: 'SECRET',
    about: 'ProductSecret; others on this machine may see it as the command starts',
  },
  { name: 'product-secret-file', value: 'FILE', about: 'the ProductSecret is in this file: better' },
  { name: 'device-name', value: 'NAME', about: 'DeviceName' },
  { name: 'token', about: 'the device was not entered in the console: get a token instead of a secret' },
  { name: 'id', short: 'i', aliases: ['client-id'], value: 'ID', about: 'default ProductKey.DeviceName' },
  { name: 'sign-method', value: 'METHOD', about: 'hmacsha256 (default), sha256, hmacsha1, hmacmd5' },
] as const

const serverOptions = [
  ...signedEndpointOptions,
  { name: 'host', short: 'h', value: 'HOST', about: 'another host, such as an emulator' },
  { name: 'port', short: 'p', value: 'PORT', about: 'port of -h; default 1883' },
  { name: 'cafile', aliases: ['ca'], value: 'FILE', about: 'trust these roots, in PEM, and no others' },
  { name: 'timeout', short: 'W', value: 'SEC', about: 'time for the platform to answer; at most 15, default 10' },
] as const

const outputOptions = [
  { name: 'format', value: 'FORMAT', about: 'text (default), env, or json' },
  { name: 'output', short: 'o', value: 'FILE', about: 'a new file that only you can read, instead of standard output' },
  { name: 'debug', short: 'd', about: 'a line on stderr for each packet, in or out' },
  { name: 'trace', about: 'every packet explained on stderr; the answer of the platform contains the secret' },
  { name: 'quiet', about: 'nothing on stderr but what -d and --trace print' },
] as const

export const command = defineCommand({
  name: 'register',
  about: 'gets the secret of a device from Alibaba Cloud IoT Platform.',
  usage: ['--product-key KEY --device-name NAME [OPTION]...'],
  groups: [
    { title: 'Device', options: productOptions },
    { title: 'Server', options: serverOptions },
    { title: 'Output', options: outputOptions },
  ],
  paragraphs: [
    'The output is a secret. The platform sends it only once, or makes a new one each time: keep it. --format env gives PRODUCT_KEY, DEVICE_NAME and ' +
      'DEVICE_SECRET, which pub and sub read; with --token, MQTT_CLIENT_ID and DEVICE_TOKEN, which they read too.',
    'Environment: PRODUCT_KEY, PRODUCT_SECRET and DEVICE_NAME; the command line goes first.',
  ],
  examples: [
    'mqtt311 register --product-key a1 --product-secret-file product \\',
    '  --device-name lamp --format env -o lamp.env',
  ],
  async run(line) {
    requireNoPositionals(line)
    const format = line.choice('format', ['text', 'env', 'json']) ?? 'text'
    requireOne(line, 'product-secret', 'product-secret-file')
    const file = line.text('product-secret-file')
    const { PRODUCT_SECRET } = process.env
    const secret =
      file === undefined
        ? (line.text('product-secret') ?? PRODUCT_SECRET)
        : await readSecret(file, '--product-secret-file')
    const cafile = line.text('cafile')
    const ca = cafile === undefined ? undefined : await readCertificate(cafile, '--cafile')
    const registration = {
      ...readDeviceNames(line),
      productSecret: required(secret, 'ProductSecret', '--product-secret-file', 'PRODUCT_SECRET'),
      preRegistered: !line.has('token'),
      clientId: line.text('id'),
      signMethod: readSignMethod(line),
      ...placeOf(line),
      tls: ca === undefined ? undefined : { ca },
      timeoutMs: line.milliseconds('timeout', 15),
    }
    const output = line.text('output')
    // Made before the platform is asked: the platform may send the secret only once, so the file must not fail later.
    const target = output === undefined ? undefined : await createFile(output)
    // A signal ends the command only after the file is away.
    const end = new EarlyEnd(undefined)
    let text: string
    try {
      await startReporting(line)
      text = inFormat(format, fieldsOf(await Promise.race([registerDevice(registration), end.promise])))
    } catch (error) {
      await target?.close()
      // An empty file would stop the next try.
      if (output !== undefined) await unlink(output)
      throw withAdvice(error)
    } finally {
      end.stop()
    }
    if (target === undefined) await print(text)
    else await writeInto(target, text)
    return exitCode('done')
  },
})

type Registered = Awaited<ReturnType<typeof registerDevice>>

/** Where the platform is, and the instance of the product. @throws UsageError if that is said twice */
function placeOf(line: CommandLine<EndpointOptionName | 'host' | 'port'>) {
  const { endpoint, region } = readEndpoint(line, signedEndpoints)
  const instanceId = line.text('instance-id')
  const host = line.text('host')
  const port = line.integer('port', 1, 65_535)
  if (host !== undefined) {
    requireOne(line, 'host', 'endpoint')
    requireOne(line, 'host', 'region')
    return { endpoint: { host, port }, instanceId }
  }
  if (port !== undefined) throw new UsageError('--port is the port of -h: give -h too, or leave out --port')
  // `registerDevice` sends the instance to the platform, and finds the host by it.
  return instanceId === undefined ? { endpoint, region } : { instanceId, region }
}

/** More than an answer takes. */
const reservedBytes = 4096

/** Makes the file with room for the answer, so that a full disk is known before the platform is asked. */
async function createFile(path: string): Promise<FileHandle> {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'wx', 0o600)
    await file.writeFile(' '.repeat(reservedBytes))
    return file
  } catch (error) {
    await file?.close()
    if (file !== undefined) await unlink(path)
    throw new CommandFailure('noOutput', `the file of -o ${whyNotCreated(codeOf(error))}`, { cause: error })
  }
}

async function writeInto(file: FileHandle, text: string): Promise<void> {
  try {
    const { bytesWritten } = await file.write(text, 0)
    await file.truncate(bytesWritten)
  } finally {
    await file.close()
  }
}

function withAdvice(error: unknown): unknown {
  // `registerDevice` has no class for an answer that cannot be used. A subclass, such as TypeError, is a fault of this program.
  if (isError(error) && error.constructor === Error && codeOf(error) === '') {
    const text = `${error.message}; this is a fault of the platform`
    return new CommandFailure('protocol', text, { cause: error })
  }
  if (!isMqttError(error) || error.code !== 'MQTT_CONNECTION_LOST' || !isResetInHandshake(error)) return error
  return new CommandFailure('tls', `${error.message}; devices register over TLS: do -h and -p name a port for TLS?`, {
    cause: error,
  })
}

function whyNotCreated(code: string): string {
  switch (code) {
    case 'EEXIST':
      return 'is there already, and is not written over: name a new one'
    case 'ENOENT':
    case 'ENOTDIR':
      return 'cannot be written: there is no such directory'
    case 'EACCES':
    case 'EPERM':
      return 'cannot be written: this user may not write there'
    case 'ENOSPC':
    case 'EDQUOT':
      return 'cannot be written: the disk is full'
    default:
      return `cannot be written${code === '' ? '' : ` (${code})`}`
  }
}

function fieldsOf(device: Registered): readonly Field[] {
  const names: readonly Field[] = [
    { label: 'product key', member: 'productKey', variable: 'PRODUCT_KEY', value: device.productKey },
    { label: 'device name', member: 'deviceName', variable: 'DEVICE_NAME', value: device.deviceName },
  ]
  if (device.deviceToken === undefined) {
    const secret = {
      label: 'device secret',
      member: 'deviceSecret',
      variable: 'DEVICE_SECRET',
      value: device.deviceSecret,
    }
    return [...names, secret]
  }
  return [
    ...names,
    { label: 'client id', member: 'clientId', variable: 'MQTT_CLIENT_ID', value: device.clientId },
    { label: 'device token', member: 'deviceToken', variable: 'DEVICE_TOKEN', value: device.deviceToken },
  ]
}

function inFormat(format: 'text' | 'env' | 'json', fields: readonly Field[]): string {
  switch (format) {
    case 'text':
      return labelled(fields)
    case 'env':
      return environment(fields)
    case 'json':
      return json(fields)
  }
}
