/** Reads the devices and the products that the emulator of the platform knows. */
import { randomBytes } from 'node:crypto'
import { requireIdentity } from '../../aliyun/device-text.js'
import { outline } from '../../codec/field-checks.js'
import { UsageError } from '../../errors.js'
import type { CommandLine, Option } from '../command-line.js'
import type { PlatformDevice, PlatformProduct } from '../platform/registry.js'
import { readCertificate, readInput } from './input-file.js'

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

/** @throws UsageError that never shows what was typed */
export async function readKnown(line: Line): Promise<Known> {
  requireTls(line)
  const file = line.text('secrets-file')
  const written = file === undefined ? [] : await readLinesOf(file)
  const isDevice = (text: string) => text.includes('/') && !/^[^/]*=/.test(text)
  const products = [
    ...productOfEnvironment(),
    ...written.filter((text) => !isDevice(text)).map((text) => readProduct(text, 'a line of --secrets-file')),
    ...line.texts('product').map((text) => readProduct(text, '--product')),
  ]
  const devices = [
    ...deviceOfEnvironment(),
    ...written.filter(isDevice).map((text) => readDevice(text, 'a line of --secrets-file', products)),
    ...line.texts('device').map((text) => readDevice(text, '--device', products)),
    ...(await Promise.all(line.texts('device-cert').map(readCertifiedDevice))),
  ]
  if (devices.length === 0 && products.length === 0) {
    throw new UsageError(
      'no device could connect: give --device KEY/NAME=SECRET, or set PRODUCT_KEY, DEVICE_NAME and DEVICE_SECRET',
    )
  }
  return { devices, products }
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

async function readLinesOf(path: string): Promise<string[]> {
  const text = (await readInput(path, '--secrets-file')).toString('utf8')
  return text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'))
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

async function readCertifiedDevice(text: string): Promise<PlatformDevice> {
  const { names, value } = readNamed(text, '--device-cert', 'KEY/NAME=FILE')
  if (value) return { ...names, certificate: await readCertificate(value, '--device-cert') }
  throw new UsageError('--device-cert has a device without a file: write KEY/NAME=FILE')
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
