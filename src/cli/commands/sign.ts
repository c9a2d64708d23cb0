/** `mqtt311 sign`: the credentials of a device of Alibaba Cloud IoT Platform in CONNECT. */
import { type EndpointAddress, endpointAddress } from '../../aliyun/endpoint.js'
import { type SignedConnect, signConnect } from '../../aliyun/sign-connect.js'
import { UsageError } from '../../errors.js'
import { firstGiven, requireNoPositionals } from '../command-line.js'
import { signatureOptions, signedEndpointOptions } from '../flags/connection-flags.js'
import { readDevice, readEndpoint, signedEndpoints } from '../flags/device.js'
import { exitCode } from '../outcome/exit-code.js'
import {
  environment,
  type Field,
  json,
  type LoginFormat,
  labelled,
  loginFormats,
  shellQuote,
} from '../print/login-format.js'
import { print } from '../terminal/output.js'
import { defineCommand } from './command.js'

const ownOptions = [
  { name: 'id', short: 'i', aliases: ['client-id'], value: 'ID', about: 'before the |; default ProductKey.DeviceName' },
  { name: 'format', value: 'FORMAT', about: 'text (default), env, json, or mosquitto' },
] as const

export const command = defineCommand({
  name: 'sign',
  about: 'client id, user name and password for Alibaba Cloud IoT Platform.',
  usage: ['--product-key KEY --device-name NAME [OPTION]...'],
  groups: [
    { title: 'Device', options: signatureOptions },
    { title: 'Endpoint, for --format env and mosquitto', options: signedEndpointOptions },
    { title: 'Output', options: ownOptions },
  ],
  paragraphs: [
    'The password is a signature, made anew with each call. It does not reveal the secret, but anyone who has the password can connect as the device. ' +
      '--format env gives MQTT_URL, MQTT_CLIENT_ID, MQTT_USERNAME and MQTT_PASSWORD, which pub and sub read; --format mosquitto ' +
      'the options of mosquitto_pub and mosquitto_sub.',
    'Environment: PRODUCT_KEY, DEVICE_NAME and DEVICE_SECRET; the command line goes first.',
  ],
  examples: [
    'mqtt311 sign --product-key a1 --device-name lamp --device-secret-file secret',
    'mqtt311 sign --format json --timestamp none --sign-method hmacsha1',
    'eval mosquitto_sub "$(mqtt311 sign --format mosquitto)" -t /a1/lamp/user/get',
  ],
  async run(line) {
    requireNoPositionals(line)
    const format = line.choice('format', loginFormats) ?? 'text'
    const device = await readDevice(line)
    const { endpoint = 'ipv6', region = 'cn-shanghai' } = readEndpoint(line, signedEndpoints)
    const ofServer = firstGiven(line, ['region', 'endpoint', 'instance-id'])
    if (!namesServer(format) && ofServer !== undefined)
      throw new UsageError(
        `${ofServer} says where the server is, and --format ${format} does not: use env or mosquitto`,
      )
    if (namesServer(format) && endpoint === 'ipv6' && device.secureMode === 3) {
      throw new UsageError('the endpoint ipv6 speaks TLS, and --secure-mode 3 is plain TCP: give another by --endpoint')
    }
    const address = endpointAddress(endpoint, region, device.productKey)
    await print(inFormat(format, signConnect(device), address, device.secureMode === 3 ? 'mqtt' : 'mqtts'))
    return exitCode('done')
  },
})

function namesServer(format: LoginFormat): boolean {
  return format === 'env' || format === 'mosquitto'
}

function inFormat(
  format: LoginFormat,
  { clientId, username, password }: SignedConnect,
  { host, port }: EndpointAddress,
  scheme: 'mqtt' | 'mqtts',
): string {
  const login: readonly Field[] = [
    { label: 'client id', member: 'clientId', variable: 'MQTT_CLIENT_ID', value: clientId },
    { label: 'user name', member: 'username', variable: 'MQTT_USERNAME', value: username },
    { label: 'password', member: 'password', variable: 'MQTT_PASSWORD', value: password },
  ]
  switch (format) {
    case 'text':
      return labelled(login)
    case 'json':
      return json(login)
    case 'env': {
      const url = { label: 'server', member: 'url', variable: 'MQTT_URL', value: `${scheme}://${host}:${port}` }
      return environment([url, ...login])
    }
    case 'mosquitto': {
      const security = scheme === 'mqtts' ? ' --tls-use-os-certs' : ''
      const options = `-i ${shellQuote(clientId)} -u ${shellQuote(username)} -P ${shellQuote(password)}`
      return `-V mqttv311 -h ${host} -p ${port} -k 360 ${options}${security}\n`
    }
  }
}
