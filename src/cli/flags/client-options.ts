/** Makes the options of a client from the command line and the environment. */
import type { ClientOptions, WillOptions } from '../../client/options/client-options.js'
import type { QoS } from '../../codec/control-packet.js'
import { UsageError } from '../../errors.js'
import { parseServerUrl } from '../../transport/endpoint.js'
import { type CommandLine, firstGiven, readInteger, requireOne } from '../command-line.js'
import { note } from '../terminal/output.js'
import { type ConnectionOptionName, endpointOptions, platformOptions } from './connection-flags.js'
import { readSecret } from './input-file.js'
import { profileNamed } from './server-profile.js'
import { readTls } from './tls.js'

type Line = CommandLine<ConnectionOptionName>

export interface ConnectionSettings {
  readonly options: ClientOptions
  /** Of -t and of the URL of -L, as mosquitto_sub takes both; if there is none, of the URL of the environment. */
  readonly topics: readonly string[]
}

/** Also reads the files that the options name. @throws UsageError, CommandFailure */
export async function readConnection(
  line: CommandLine<ConnectionOptionName | 'topic'>,
  deviceOfEnvironment: 'counts' | 'is left out' = 'counts',
): Promise<ConnectionSettings> {
  requireVersion(line)
  const server = readServer(line)
  if (/^unix:/i.test(server.options.url ?? '')) requireNoAddress(line)
  const login = readLoginOfUrl(line, server.options.url)
  const shared: ClientOptions = {
    ...server.options,
    tls: await readTls(line),
    family: readFamily(line),
    localAddress: line.text('bind-address'),
    keepAlive: line.integer('keepalive', 0, 65_535),
    cleanSession: line.has('disable-clean-session') ? false : undefined,
    connectTimeoutMs: line.milliseconds('connect-timeout'),
    maxInFlight: line.integer('max-inflight', 1, 65_535),
    will: readWill(line),
  }
  const named = line.text('server')
  const profile = named === undefined ? undefined : profileNamed(named)
  const topics = readTopics(line, server.topic)
  const isDevice = hasPlatformOption(line) || (deviceOfEnvironment === 'counts' && environmentNamesDevice(line))
  if (isDevice) return { options: await deviceOptions(line, shared, login), topics }
  return { options: { ...shared, profile, ...(await readLogin(line, login)) }, topics }
}

function readTopics(line: CommandLine<'topic' | 'url'>, ofUrl: string | undefined): readonly string[] {
  const typed = line.texts('topic')
  return ofUrl !== undefined && (typed.length === 0 || line.has('url')) ? [ofUrl, ...typed] : typed
}

function requireVersion(line: Line): void {
  const version = line.text('protocol-version')
  if (version === undefined || /^(mqttv)?(311|3\.1\.1)$/.test(version)) return
  throw new UsageError(`this client speaks MQTT 3.1.1 only: write -V mqttv311, or leave it out`)
}

interface Server {
  readonly options: Pick<ClientOptions, 'url' | 'host' | 'port'>
  readonly topic: string | undefined
}

function readServer(line: Line): Server {
  const { MQTT_URL, MQTT_HOST, MQTT_PORT } = process.env
  const [url, host, path] = [line.text('url'), line.text('host'), line.text('unix')]
  const port = line.integer('port', 1, 65_535)
  if (path !== undefined) {
    if (url === undefined && host === undefined && port === undefined) return readUrl(`unix:${path}`)
    throw new UsageError('--unix names the server: leave out -L, -h and -p')
  }
  if (url !== undefined) {
    if (host === undefined && port === undefined) return readUrl(url)
    throw new UsageError('-L names the server and its port: leave out -h and -p')
  }
  if (host !== undefined || port !== undefined)
    return { options: { host: host ?? 'localhost', port }, topic: undefined }
  if (MQTT_URL) return readUrl(MQTT_URL)
  const ofEnvironment = MQTT_PORT ? readInteger('MQTT_PORT', MQTT_PORT, 1, 65_535) : undefined
  return { options: { host: MQTT_HOST || 'localhost', port: ofEnvironment }, topic: undefined }
}

/** A local socket has neither. @throws UsageError */
function requireNoAddress(line: Line): void {
  const given = firstGiven(line, ['bind-address', 'family', '4', '6'])
  if (given !== undefined) throw new UsageError(`${given} is for TCP, and the server is a local socket: leave it out`)
}

/** All after the first '/' is the topic, without any decoding. */
function readUrl(url: string): Server {
  if (/^unix:/i.test(url)) return { options: { url }, topic: undefined }
  const { server = url, topic = '' } =
    /^(?<server>[a-z][a-z0-9+.-]*:\/\/[^/]*)(\/(?<topic>.*))?$/is.exec(url)?.groups ?? {}
  // Without this check a password with '/' would be cut there, and its second part sent as a topic.
  if (topic.includes('@') && !server.includes('@')) {
    throw new UsageError("the URL has '@' behind '/': write '/' in a password as %2F, and give a topic with '@' by -t")
  }
  // A URL without a scheme has its topic in `server`, and the next check would miss a topic.
  parseServerUrl(server)
  return { options: { url: server }, topic: topic === '' ? undefined : topic }
}

type Login = Pick<ClientOptions, 'username' | 'password'>

/** The user of the URL of -L, who goes before the one of the environment. @throws UsageError if an option names one too */
function readLoginOfUrl(line: Line, url: string | undefined): Login {
  if (url === undefined || !line.has('url')) return {}
  const { username, password } = parseServerUrl(url)
  if (username === undefined) return {}
  const given = firstGiven(line, password === undefined ? ['username'] : ['username', 'password', 'password-file'])
  if (given !== undefined) throw new UsageError(`${given} and the URL of -L both say who connects: give one of them`)
  return { username, password }
}

function readFamily(line: Line): 4 | 6 | undefined {
  const family = line.choice('family', ['4', '6'])
  const asked = new Set([family, line.has('4') ? '4' : undefined, line.has('6') ? '6' : undefined])
  if (asked.has('4') && asked.has('6')) throw new UsageError('-4 and -6 exclude each other: leave both out for either')
  if (asked.has('4')) return 4
  return asked.has('6') ? 6 : undefined
}

function readWill(line: Line): WillOptions | undefined {
  const topic = line.text('will-topic')
  if (topic !== undefined) {
    return {
      topic,
      payload: line.text('will-payload') ?? '',
      qos: readQos(line, 'will-qos'),
      retain: line.has('will-retain'),
    }
  }
  if (!line.has('will-payload') && !line.has('will-qos') && !line.has('will-retain')) return undefined
  throw new UsageError('a will needs --will-topic')
}

/** The topic of a command that takes one. @throws UsageError */
export function oneTopic(command: string, [topic, second]: readonly string[]): string | undefined {
  if (second === undefined) return topic
  throw new UsageError(`${command} takes one topic: give it once, by -t or in the URL of -L`)
}

export function readQos<Name extends string>(line: CommandLine<Name>, name: Name): QoS {
  switch (line.choice(name, ['0', '1', '2'])) {
    case '1':
      return 1
    case '2':
      return 2
    default:
      return 0
  }
}

async function readLogin(line: Line, ofUrl: Login): Promise<Pick<ClientOptions, 'clientId' | 'username' | 'password'>> {
  const { MQTT_CLIENT_ID, MQTT_USERNAME, MQTT_PASSWORD } = process.env
  requireOne(line, 'id', 'id-prefix')
  requireOne(line, 'password', 'password-file')
  const prefix = line.text('id-prefix')
  const clientId = line.text('id') ?? (prefix === undefined ? MQTT_CLIENT_ID || undefined : `${prefix}${process.pid}`)
  if (line.has('disable-clean-session') && !clientId) {
    throw new UsageError('-c keeps a persistent session, which needs a Client Identifier: give one by -i')
  }
  const file = line.text('password-file')
  const password =
    file === undefined
      ? (line.text('password') ?? ofUrl.password ?? MQTT_PASSWORD)
      : await readSecret(file, '--password-file')
  return {
    clientId,
    username: line.text('username') ?? ofUrl.username ?? (MQTT_USERNAME || undefined),
    password: password || undefined,
  }
}

/** Whether an option says that the client is a device. */
export function hasPlatformOption(line: Line): boolean {
  return platformOptions.some(({ name }) => line.has(name))
}

/** Whether the environment does, and nothing names another server, user or password. */
function environmentNamesDevice(line: Line): boolean {
  const { PRODUCT_KEY, DEVICE_NAME, DEVICE_SECRET, DEVICE_TOKEN, MQTT_URL, MQTT_HOST, MQTT_USERNAME, MQTT_PASSWORD } =
    process.env
  const others = (['url', 'host', 'port', 'unix', 'username', 'password', 'password-file'] as const).some((name) =>
    line.has(name),
  )
  if (!PRODUCT_KEY || !DEVICE_NAME || !(DEVICE_SECRET || DEVICE_TOKEN)) return false
  if (!others && !MQTT_URL && !MQTT_HOST && !MQTT_USERNAME && !MQTT_PASSWORD) return true
  note(
    'mqtt311: the device of PRODUCT_KEY and DEVICE_NAME is not used, because another server or user is named: --product-key asks for it',
  )
  return false
}

async function deviceOptions(line: Line, shared: ClientOptions, ofUrl: Login): Promise<ClientOptions> {
  for (const name of ['username', 'password', 'password-file', 'id-prefix'] as const) {
    if (line.has(name)) throw new UsageError(`--${name} is made from the device: leave it out`)
  }
  if (ofUrl.username !== undefined) throw new UsageError('the user of the URL is made from the device: leave it out')
  if (line.has('server')) throw new UsageError('the platform has a profile of its own: leave out --server')
  const { readConnectingDevice, readEndpoint } = await import('./device.js')
  const { aliyun } = await import('../../aliyun/index.js')
  const { MQTT_URL, MQTT_HOST } = process.env
  const { url, host, port, ...others } = shared
  const typed = (['url', 'host', 'unix'] as const).find((name) => line.has(name))
  const endpoint = endpointOptions.find(({ name }) => line.has(name))
  if (typed !== undefined && endpoint !== undefined) requireOne(line, typed, endpoint.name)
  // The host is that of the platform, unless the user names another one. What is typed goes before the environment.
  const namesServer = typed !== undefined || line.has('port') || Boolean(MQTT_URL || MQTT_HOST)
  const ownPort = line.has('port') ? { port } : {}
  const server = namesServer && endpoint === undefined ? { url, host, port } : { ...readEndpoint(line), ...ownPort }
  const device = await readConnectingDevice(line, typeof shared.tls === 'object' ? shared.tls : {})
  if (line.text('endpoint') === 'x509' && !('cert' in device)) {
    throw new UsageError('--endpoint x509 takes a certificate and no signature: give --cert and --key, or leave it out')
  }
  return aliyun(device, { ...withoutUndefined(others), ...server })
}

/** The preset fills in absent options only; it takes an option that is present and undefined as set by the caller. */
function withoutUndefined(options: ClientOptions): ClientOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
