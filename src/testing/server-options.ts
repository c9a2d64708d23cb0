/** What a test server and its `publish` are given, and the checks of it. */
import type { TlsOptions } from 'node:tls'
import type { QoS } from '../codec/control-packet.js'
import { requireQos } from '../codec/field-checks.js'
import { topicNameLength } from '../codec/topic.js'
import { UsageError } from '../errors.js'
import { isRecord, namesOf, requireOptions } from '../option-names.js'
import type { Habits, ServerName } from './broker/habits.js'
import type { ServedMessage } from './broker/served-session.js'
import { payloadBytes, requireFlag, requireText, requireWhole } from './option-checks.js'

/** Where a test server listens, and how it behaves. */
export interface TestServerOptions {
  /** The port, 0 to 65,535. Default 0: one that is free. */
  readonly port?: number | undefined
  /** The address to listen on. Default `::1`, or `127.0.0.1` on a machine without IPv6. */
  readonly host?: string | undefined
  /** The certificate and all else that `tls.createServer` of Node takes: the server speaks TLS. Default: plain TCP. */
  readonly tls?: TlsOptions | undefined
  /** What the server does where the standard leaves it open, or wrong on purpose: the name of a real server, or habits. */
  readonly habits?: ServerName | Habits | undefined
  /** The largest packet in bytes that is taken from a client, 2 to 268,435,460. Default 16,777,216. */
  readonly maxPacketBytes?: number | undefined
  /** How many packets `received` and `receives` remember at least, 1 to 1,000,000. Default 10,000, of at most 128 MiB. */
  readonly packetsKept?: number | undefined
  /**
   * How many bytes a connection in memory takes before the one who writes has to wait, 1 to 1,073,741,824. Default: that of Node's
   * streams, 16,384 or 65,536.
   */
  readonly highWaterMark?: number | undefined
}

/** How the server publishes a message. */
export interface ServerPublishOptions {
  /** Default 0. */
  readonly qos?: QoS | undefined
  /** Whether the message is kept for those who subscribe later. Default false. */
  readonly retain?: boolean | undefined
}

const optionNames = namesOf<TestServerOptions>({
  port: true,
  host: true,
  tls: true,
  habits: true,
  maxPacketBytes: true,
  packetsKept: true,
  highWaterMark: true,
})
const publishNames = namesOf<ServerPublishOptions>({ qos: true, retain: true })

/** @throws UsageError for an option that does not fit; `habits` are checked where they are read. */
export function requireServerOptions(options: TestServerOptions): void {
  requireOptions('testServer()', options, optionNames)
  const { port, host, tls, maxPacketBytes, packetsKept, highWaterMark } = options
  requireWhole('port', port, 0, 65_535)
  requireText('host', host)
  requireWhole('packetsKept', packetsKept, 1, 1_000_000)
  requireWhole('highWaterMark', highWaterMark, 1, 1_073_741_824)
  requireWhole('maxPacketBytes', maxPacketBytes, 2, 268_435_460)
  if (tls !== undefined && !isRecord(tls)) throw new UsageError('tls has to be an object with at least cert and key')
}

/** The message of a `publish`. @throws UsageError for what does not fit. */
export function messageOf(topic: string, payload: string | Uint8Array, options: ServerPublishOptions): ServedMessage {
  requireOptions('publish()', options, publishNames)
  const { qos = 0, retain = false } = options
  topicNameLength(topic)
  requireQos(qos, 'qos', '4.3')
  requireFlag('retain', retain)
  return { topic, payload: payloadBytes(payload), qos, retain }
}
