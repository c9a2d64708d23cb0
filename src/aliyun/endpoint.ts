/**
 * The addresses of the platform.
 *
 * | endpoint             | host                                             | address family                    |
 * | -------------------- | ------------------------------------------------ | --------------------------------- |
 * | `'ipv6'`             | `ipv6.itls.cn-shanghai.aliyuncs.com`             | 6                                 |
 * | `'product'`          | `${productKey}.iot-as-mqtt.${region}.aliyuncs.com` | in cn-shanghai 6 (AAAA by support ticket), elsewhere both |
 * | `{ instanceId }`     | `${instanceId}.mqtt.iothub.aliyuncs.com`         | both, IPv6 first                  |
 * | `'x509'`             | `x509.itls.cn-shanghai.aliyuncs.com`             | both, IPv6 first                  |
 * | `{ host, port }`     | as given                                         | both, IPv6 first                  |
 *
 * `{ instanceId }` is for Enterprise and new public instances, `'x509'` for devices with a certificate.
 *
 * A connection over IPv6 needs three things: a route of the network (`curl -6`), an AAAA record of the host (`dig AAAA`), and
 * `family` 6 or 0. The endpoint `'ipv6'` always has an AAAA record. It is for tests only: in production the documentation asks
 * for the host of the product. The platform has IPv6 in cn-shanghai only.
 *
 * Ports and roots, the same for all hosts of the platform:
 *
 * | port       | its certificate ends in                             | what to pass                                   |
 * | ---------- | --------------------------------------------------- | ---------------------------------------------- |
 * | 1883, 443  | GlobalSign (R1 by the documentation, to 2028-01-28) | nothing: `aliyunRoots()` is the default        |
 * | 8883       | the private "Aliyun IoT Root CA" (to 2053)          | `tls: { ca: [...aliyunRoots(), aliyunIotRoot] }` |
 */

import { outline } from '../codec/field-checks.js'
import { UsageError } from '../errors.js'
import { requireText } from './device-text.js'

/** Regions with a public instance; `cn-beijing` and `cn-shenzhen` have Enterprise instances only. */
export type Region =
  | 'cn-shanghai'
  | 'ap-northeast-1'
  | 'ap-southeast-1'
  | 'eu-central-1'
  | 'us-west-1'
  | 'us-east-1'
  | 'cn-beijing'
  | 'cn-shenzhen'

export const regions: readonly Region[] = [
  'cn-shanghai',
  'ap-northeast-1',
  'ap-southeast-1',
  'eu-central-1',
  'us-west-1',
  'us-east-1',
  'cn-beijing',
  'cn-shenzhen',
]

/** The regions without a public instance. */
const enterpriseOnly: readonly Region[] = ['cn-beijing', 'cn-shenzhen']

/** The endpoint of the platform: a public one, that of your instance, or a host and port. */
export type Endpoint =
  | 'ipv6'
  | 'product'
  | 'x509'
  | { readonly instanceId: string }
  | { readonly host: string; readonly port?: number | undefined }

/** The address of an endpoint. `family` is 6 for an endpoint that is meant for IPv6. */
export interface EndpointAddress {
  readonly host: string
  readonly port: number
  readonly family: 6 | undefined
}

/** The port for TLS and for plain TCP. */
export const platformPort = 1883

/** One label of a host name. Other text could change the host name to that of another owner. */
const hostLabel = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i

export function endpointAddress(endpoint: Endpoint, region: Region, productKey: string | undefined): EndpointAddress {
  requireRegion(region)
  switch (endpoint) {
    case 'ipv6':
    case 'x509':
      if (region !== 'cn-shanghai') {
        throw new UsageError(
          `the endpoint "${endpoint}" is in cn-shanghai only, not in ${region}: use the endpoint "product" or { instanceId }`,
        )
      }
      return {
        host: `${endpoint}.itls.cn-shanghai.aliyuncs.com`,
        port: platformPort,
        family: endpoint === 'ipv6' ? 6 : undefined,
      }
    case 'product':
      if (enterpriseOnly.includes(region)) {
        throw new UsageError(
          `${region} has no public instance: use the endpoint { instanceId }, which the console shows`,
        )
      }
      requireLabel('productKey', productKey)
      return {
        host: `${productKey}.iot-as-mqtt.${region}.aliyuncs.com`,
        port: platformPort,
        family: region === 'cn-shanghai' ? 6 : undefined,
      }
    default:
      return ownAddress(endpoint)
  }
}

let warned: 'not yet' | 'already' = 'not yet'

/** Tells once in each process that the endpoint `'ipv6'` is not for production. */
export function warnOfTestEndpoint(): void {
  if (warned === 'already') return
  warned = 'already'
  process.emitWarning(
    'the host ipv6.itls.cn-shanghai.aliyuncs.com is for tests only: in production use endpoint "product" or { instanceId }',
    'Mqtt311Warning',
  )
}

function ownAddress(endpoint: Exclude<Endpoint, string>): EndpointAddress {
  if (typeof endpoint !== 'object' || endpoint === null) {
    throw new UsageError(
      `endpoint must be "ipv6", "product", "x509", { instanceId } or { host, port }, not ${outline(endpoint)}`,
    )
  }
  if ('instanceId' in endpoint) {
    requireLabel('instanceId', endpoint.instanceId)
    return { host: `${endpoint.instanceId}.mqtt.iothub.aliyuncs.com`, port: platformPort, family: undefined }
  }
  return { host: endpoint.host, port: endpoint.port ?? platformPort, family: undefined }
}

function requireRegion(region: Region): void {
  if (regions.includes(region)) return
  throw new UsageError(
    `region must be one of ${regions.join(', ')}, not ${outline(region)}; for another, use the endpoint { host }`,
  )
}

function requireLabel(name: string, value: string | undefined): asserts value is string {
  if (value === undefined)
    throw new UsageError(`this endpoint is named after the ${name}: give it, or choose another endpoint`)
  requireText(name, value)
  if (!hostLabel.test(value)) {
    throw new UsageError(
      `${name} becomes part of the host name, so it may hold only letters, digits and "-", at most 63 of them`,
    )
  }
}
