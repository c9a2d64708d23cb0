/** The options of a test server and of its `publish`, and their checks. */
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
  /** The port, 0 to 65,535. Default 0: any free port. */
  readonly port?: number | undefined
  /** The address to listen on. Default `::1`, or `127.0.0.1` on a machine without IPv6. */
  readonly host?: string | undefined
  /** Makes the server use TLS: the certificate and other options of `tls.createServer` of Node. Default: plain TCP. */
  readonly tls?: TlsOptions | undefined
  /** How the server behaves where real servers differ: the name of a real server, or single habits. */
  readonly habits?: ServerName | Habits | undefined
  /** The largest packet in bytes that the server accepts, 2 to 268,435,460. Default 16,777,216. */
  readonly maxPacketBytes?: number | undefined
  /** How many packets `received` and `receives` remember at least, 1 to 1,000,000. Default 10,000. Payloads of 128 MiB at most. */
  readonly packetsKept?: number | undefined
  /**
   * When so many bytes wait in a connection in memory, its writer has to wait, 1 to 1,073,741,824. Default: the one of Node's streams,
   * 16,384 or 65,536.
   */
  readonly highWaterMark?: number | undefined
}

/** How the server publishes a message. */
export interface ServerPublishOptions {
  /** Default 0. */
  readonly qos?: QoS | undefined
  /** Whether the server keeps the message for later subscribers. Default false. */
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

/** @throws UsageError for a wrong option. (`allHabits` checks `habits`.) */
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

/** The message of a `publish`. @throws UsageError for a wrong Topic Name, payload or option. */
export function messageOf(topic: string, payload: string | Uint8Array, options: ServerPublishOptions): ServedMessage {
  requireOptions('publish()', options, publishNames)
  const { qos = 0, retain = false } = options
  topicNameLength(topic)
  requireQos(qos, 'qos', '4.3')
  requireFlag('retain', retain)
  return { topic, payload: payloadBytes(payload), qos, retain }
}
