/** The options that all connecting commands share: the server, the client, TLS, the device, and what stderr shows. */
import type { Option, OptionGroup } from '../command-line.js'
import { profileNames } from './server-profile.js'

const serverOptions = [
  {
    name: 'host',
    short: 'h',
    aliases: ['hostname'],
    value: 'HOST',
    about: 'name or address, IPv6 with or without brackets; default localhost',
  },
  { name: 'port', short: 'p', value: 'PORT', about: 'default 1883, with TLS 8883 (platform: 1883)' },
  {
    name: 'url',
    short: 'L',
    value: 'URL',
    about: 'mqtt[s]://[user[:password]@]host[:port][/topic]; IPv6 in brackets; a password is visible, as with -P',
  },
  { name: 'unix', value: 'PATH', about: 'a local socket, instead of -h and -p; also by -L unix:PATH' },
  {
    name: 'server',
    value: 'NAME',
    about: `refuses what this kind of server does not take: ${profileNames.join(', ')}`,
  },
  { name: 'bind-address', short: 'A', value: 'ADDRESS', about: 'the address of this machine to connect from' },
  { name: '4', short: '4', about: 'IPv4 only' },
  { name: '6', short: '6', about: 'IPv6 only' },
  { name: 'family', value: '4|6', about: 'as -4 or -6; default: both, IPv6 first' },
  { name: 'connect-timeout', value: 'SEC', about: 'time for the server to send CONNACK; default 30' },
] as const satisfies readonly Option[]

const clientOptions = [
  {
    name: 'id',
    short: 'i',
    aliases: ['client-id', 'clientId'],
    value: 'ID',
    about: 'Client Identifier; default: a random one',
  },
  { name: 'id-prefix', short: 'I', value: 'TEXT', about: 'Client Identifier: this and the process id' },
  { name: 'username', short: 'u', value: 'NAME', about: 'user name' },
  {
    name: 'password',
    short: 'P',
    aliases: ['pw'],
    value: 'TEXT',
    about: 'password; others on this machine may see it as the command starts',
  },
  { name: 'password-file', value: 'FILE', about: 'the password is in this file: better' },
  { name: 'keepalive', short: 'k', value: 'SEC', about: 'Keep Alive, 0 to 65535; default 60 (platform: 360)' },
  {
    name: 'disable-clean-session',
    short: 'c',
    aliases: ['no-clean'],
    about: 'persistent session: the server keeps it for -i',
  },
  { name: 'max-inflight', short: 'M', value: 'N', about: 'unacknowledged messages on their way; default 100' },
  { name: 'protocol-version', short: 'V', value: 'VERSION', about: 'mqttv311 or 311: this client speaks 3.1.1 only' },
  { name: 'options', short: 'o', value: 'FILE', about: 'more options, one a line, such as -h ::1' },
  { name: 'will-topic', value: 'TOPIC', about: 'the server publishes a will if we vanish' },
  { name: 'will-payload', aliases: ['will-message'], value: 'TEXT', about: 'payload of the will; default empty' },
  { name: 'will-qos', value: '0|1|2', about: 'QoS of the will; default 0' },
  { name: 'will-retain', about: 'the will is retained' },
] as const satisfies readonly Option[]

export const tlsOptions = [
  { name: 'tls', about: 'TLS, verified, with the roots of Node.js (platform: GlobalSign)' },
  { name: 'protocol', value: 'mqtt|mqtts', about: 'mqtts: as --tls; mqtt: without TLS' },
  { name: 'cafile', aliases: ['ca'], value: 'FILE', about: 'TLS with these roots, in PEM, and no others' },
  { name: 'capath', value: 'DIR', about: 'as --cafile, with the files of a directory' },
  { name: 'cert', value: 'FILE', about: 'client certificate, in PEM' },
  { name: 'key', value: 'FILE', about: 'private key of --cert, in PEM' },
  { name: 'servername', value: 'NAME', about: 'the name in the server certificate, if it is not -h' },
  { name: 'ciphers', value: 'LIST', about: 'the ciphers, as OpenSSL writes them' },
  { name: 'tls-version', value: 'VERSION', about: 'tlsv1.2 or tlsv1.3, and no other' },
  { name: 'psk', value: 'HEX', about: 'a key shared with the server, instead of certificates; visible to others' },
  { name: 'psk-identity', value: 'NAME', about: 'the name of the key of --psk' },
  { name: 'tls-keylog', value: 'FILE', about: 'adds the keys of TLS to this file, for Wireshark and explain' },
  { name: 'tls-alpn', value: 'NAME', about: 'protocol to ask for by ALPN, such as mqtt' },
] as const satisfies readonly Option[]

/** The names and the secret of a device of Alibaba Cloud IoT Platform, and how CONNECT is signed. */
export const signatureOptions = [
  { name: 'product-key', value: 'KEY', about: 'ProductKey' },
  { name: 'device-name', value: 'NAME', about: 'DeviceName' },
  { name: 'device-secret', value: 'SECRET', about: 'DeviceSecret; visible to others, as with -P' },
  { name: 'device-secret-file', value: 'FILE', about: 'the DeviceSecret is in this file: better' },
  { name: 'sign-method', value: 'METHOD', about: 'hmacsha256 (default), sha256, hmacsha1, hmacmd5' },
  { name: 'timestamp', value: 'MS', about: 'time to sign, or none; default: now' },
  { name: 'secure-mode', value: '2|3', about: '2: TLS (default), 3: plain TCP' },
] as const satisfies readonly Option[]

/** How a device without a secret proves who it is; a device with --cert and --key needs none of these. */
const tokenOptions = [
  { name: 'device-token-file', value: 'FILE', about: 'instead of a secret: what register --token gave, with its -i' },
] as const satisfies readonly Option[]

const endpointOption = {
  name: 'endpoint',
  value: 'KIND',
  about: 'ipv6 (default), product, or x509 (with --cert)',
} as const

export const endpointOptions = [
  { name: 'region', value: 'REGION', about: 'default cn-shanghai' },
  endpointOption,
  { name: 'instance-id', value: 'ID', about: 'the endpoint of an instance' },
] as const satisfies readonly Option[]

/** For a command that signs, and so has no certificate. */
export const signedEndpointOptions = endpointOptions.map((option) =>
  option === endpointOption ? { ...endpointOption, about: 'ipv6 (default) or product' } : option,
)

/** If any of these is given, the client is a device of the platform. */
export const platformOptions = [...signatureOptions, ...tokenOptions, ...endpointOptions]

const reportOptions = [
  { name: 'debug', short: 'd', about: 'a line on stderr for each packet, in or out' },
  { name: 'trace', about: 'every byte of each packet explained on stderr' },
  { name: 'capture', value: 'FILE', about: 'the packets as pcapng for Wireshark, in clear, with the password' },
  { name: 'quiet', about: 'nothing on stderr but what -d and --trace print' },
] as const satisfies readonly Option[]

export type ConnectionOptionName =
  | (typeof serverOptions)[number]['name']
  | (typeof clientOptions)[number]['name']
  | (typeof tlsOptions)[number]['name']
  | DeviceOptionName
  | EndpointOptionName
  | (typeof reportOptions)[number]['name']

export type DeviceOptionName = SignatureOptionName | (typeof tokenOptions)[number]['name']
export type SignatureOptionName = (typeof signatureOptions)[number]['name']
export type EndpointOptionName = (typeof endpointOptions)[number]['name']

export const connectionGroups: readonly OptionGroup<ConnectionOptionName>[] = [
  { title: 'Server', options: serverOptions },
  { title: 'Client', options: clientOptions },
  { title: 'TLS (also by mqtts://, and by each of these)', options: tlsOptions },
  {
    title: 'Alibaba Cloud IoT Platform: a device, instead of -i, -u and -P',
    options: platformOptions,
  },
  { title: 'Messages to you', options: reportOptions },
]

export const environmentText =
  'Environment: MQTT_URL, or MQTT_HOST and MQTT_PORT; MQTT_CLIENT_ID, MQTT_USERNAME, MQTT_PASSWORD; PRODUCT_KEY, DEVICE_NAME ' +
  'and DEVICE_SECRET or DEVICE_TOKEN. The command line goes first: a server given there replaces that of the environment, and ' +
  'a device of the environment counts only if no server, user or password is given.'
