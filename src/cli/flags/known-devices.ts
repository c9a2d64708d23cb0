/** Reads the devices and the products that the emulator of the platform knows. */
import { randomBytes } from 'node:crypto'
import { requireIdentity } from '../../aliyun/device-text.js'
import { outline } from '../../codec/field-checks.js'
import { UsageError } from '../../errors.js'
import type { CommandLine, Option } from '../command-line.js'
import type { PlatformDevice, PlatformProduct } from '../platform/registry.js'
import { readCertificate, readUtf8 } from './input-file.js'

export const knownOptions = [
  {
    name: 'device',
    value: 'KEY/NAME=SECRET',
    about:
      'a device: ProductKey, DeviceName and DeviceSecret; others on this machine may see it as the command starts. Without =SECRET: a device that ' +
      'gets its secret by register',
  },
  { name: 'device-cert', value: 'KEY/NAME=FILE', about: 'a device with this certificate, in PEM' },
  { name: 'product', value: 'KEY=SECRET', about: 'a product with its ProductSecret: its devices may register' },
  { name: 'secrets-file', value: 'FILE', about: 'lines as --device and --product take them: better' },
] as const satisfies readonly Option[]

type Line = CommandLine<(typeof knownOptions)[number]['name'] | 'cert'>

interface Known {
  readonly devices: readonly PlatformDevice[]
  readonly products: readonly PlatformProduct[]
}

/** @throws UsageError that never shows what was typed, but for the names of a device */
export async function readKnown(line: Line): Promise<Known> {
  const file = line.text('secrets-file')
  const written = file === undefined ? [] : await readLinesOf(file)
  const isDevice = ({ text }: WrittenLine) => text.includes('/') && !/^[^/]*=/.test(text)
  const products = merged(
    productOfEnvironment(),
    [
      ...written.filter((one) => !isDevice(one)).map(({ text, where }) => readProduct(text, where)),
      ...line.texts('product').map((text) => readProduct(text, '--product')),
    ],
    ({ productKey }) => `product ${productKey}`,
  )
  const certified = line.texts('device-cert').map(readCertified)
  const secret = [
    ...written.filter(isDevice).map(({ text, where }) => readDevice(text, where, products)),
    ...line.texts('device').map((text) => readDevice(text, '--device', products)),
  ]
  requireTls(line)
  const devices = merged<PlatformDevice>(
    deviceOfEnvironment(),
    [...secret, ...(await Promise.all(certified.map(readItsCertificate)))],
    ({ productKey, deviceName }) => `device ${productKey}/${deviceName}`,
  )
  if (devices.length === 0 && products.length === 0) {
    throw new UsageError(
      'no device could connect: give --device KEY/NAME=SECRET, or set PRODUCT_KEY, DEVICE_NAME and DEVICE_SECRET',
    )
  }
  if (devices.length === 0 && !line.has('cert')) {
    throw new UsageError('no device could connect: devices register over TLS only: give --cert and --key, or a device')
  }
  return { devices, products }
}

/** What is given goes before what the environment has. Of two that are given, one would be left out in silence. */
function merged<T>(ofEnvironment: readonly T[], given: readonly T[], nameOf: (one: T) => string): T[] {
  const names = new Set<string>()
  for (const name of given.map(nameOf)) {
    if (names.has(name)) throw new UsageError(`the ${name} is given twice: leave out one of the two`)
    names.add(name)
  }
  return [...ofEnvironment.filter((one) => !names.has(nameOf(one))), ...given]
}

/** Over plain TCP these devices could never connect. */
function requireTls(line: Line): void {
  if (line.has('cert')) return
  if (line.has('product')) {
    throw new UsageError('devices register over TLS only: give --cert and --key, or leave out --product')
  }
  if (line.has('device-cert')) {
    throw new UsageError('devices show a certificate over TLS only: give --cert and --key, or leave out --device-cert')
  }
}

interface WrittenLine {
  readonly text: string
  readonly where: string
}

async function readLinesOf(path: string): Promise<WrittenLine[]> {
  const lines = (await readUtf8(path, '--secrets-file')).split(/\r?\n/)
  return lines
    .map((text, index) => ({ text, where: `line ${index + 1} of --secrets-file` }))
    .filter(({ text }) => text.trim() !== '' && !text.startsWith('#'))
}

function readProduct(text: string, where: string): PlatformProduct {
  const [, productKey, productSecret] = /^([^/=]+)=(.+)$/s.exec(text) ?? []
  if (productKey !== undefined && productSecret !== undefined) return { productKey, productSecret }
  throw new UsageError(`${where} takes a product as KEY=SECRET, not ${outline(text)}`)
}

function readDevice(text: string, where: string, products: readonly PlatformProduct[]): PlatformDevice {
  const { names, value } = readNamed(text, where, 'KEY/NAME=SECRET')
  if (value !== undefined && value !== '') return { ...names, deviceSecret: value }
  if (products.some(({ productKey }) => productKey === names.productKey)) {
    return { ...names, deviceSecret: randomBytes(16).toString('hex') }
  }
  throw new UsageError(
    `${where} has a device without a secret: write =SECRET, or give --product so that it can register`,
  )
}

function readCertified(text: string) {
  const { names, value } = readNamed(text, '--device-cert', 'KEY/NAME=FILE')
  if (value) return { names, path: value }
  throw new UsageError('--device-cert has a device without a file: write KEY/NAME=FILE')
}

async function readItsCertificate({ names, path }: ReturnType<typeof readCertified>): Promise<PlatformDevice> {
  return { ...names, certificate: await readCertificate(path, '--device-cert') }
}

function readNamed(text: string, where: string, form: string) {
  const [, productKey, deviceName, , value] = /^([^/=]+)\/([^=]+)(=(.*))?$/s.exec(text) ?? []
  if (productKey === undefined || deviceName === undefined) {
    throw new UsageError(`${where} takes a device as ${form}, not ${outline(text)}`)
  }
  requireIdentity(productKey, deviceName)
  return { names: { productKey, deviceName }, value }
}

function deviceOfEnvironment(): PlatformDevice[] {
  const { PRODUCT_KEY: productKey, DEVICE_NAME: deviceName, DEVICE_SECRET: deviceSecret } = process.env
  return productKey && deviceName && deviceSecret ? [{ productKey, deviceName, deviceSecret }] : []
}

function productOfEnvironment(): PlatformProduct[] {
  const { PRODUCT_KEY: productKey, PRODUCT_SECRET: productSecret } = process.env
  return productKey && productSecret ? [{ productKey, productSecret }] : []
}
