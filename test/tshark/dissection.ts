/** tshark's reading of a capture, from its PDML: a line for each field. */
import { execFile } from 'node:child_process'
import { type ConnectionReading, type Field, type PacketReading, textOrBytes } from './packet-reading.js'

export interface Ports {
  /** Ports of MQTT besides 1883. */
  readonly mqtt?: readonly number[]
  /** Ports of MQTT over TLS besides 8883. */
  readonly tls?: readonly number[]
  readonly keyLog?: string
}

/** @throws what tshark says if it is not there, or cannot read the capture */
export function tshark(args: readonly string[]): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, LC_ALL: 'C.UTF-8' }
  return new Promise((resolve, reject) => {
    execFile('tshark', args, { env, maxBuffer: 2 ** 28 }, (error, stdout) => (error ? reject(error) : resolve(stdout)))
  })
}

export async function dissect(file: string, { mqtt = [], tls = [], keyLog }: Ports = {}): Promise<ConnectionReading[]> {
  const decodeAs = [...mqtt.map((port) => `tcp.port==${port},mqtt`), ...tls.map((port) => `tls.port==${port},mqtt`)]
  const text = await tshark([
    ...['-r', file, '-T', 'pdml', '-o', 'tcp.reassemble_out_of_order:TRUE'],
    // Without CONNECT in the capture it takes packets for those of MQTT 5.
    ...['-o', 'mqtt.default_version:MQTT v3.1.1'],
    ...decodeAs.flatMap((rule) => ['-d', rule]),
    ...tls.flatMap((port) => ['-d', `tcp.port==${port},tls`]),
    ...(keyLog === undefined ? [] : ['-o', `tls.keylog_file:${keyLog}`]),
  ])
  const streams = new Map<string, PacketReading[]>()
  for (const frame of text.split('<packet>').slice(1)) {
    const shown = new Map(fieldsOf(frame).map(({ name, show }) => [name, show]))
    const stream = shown.get('tcp.stream')
    if (stream === undefined) continue
    const host = (end: 'src' | 'dst') => shown.get(`ip.${end}`) ?? `[${shown.get(`ipv6.${end}`)}]`
    const packets = streams.get(stream) ?? []
    streams.set(stream, packets)
    for (const packet of frame.split('<proto name="mqtt"').slice(1)) {
      const [fields = ''] = packet.split('</proto>')
      packets.push({
        from: `${host('src')}:${shown.get('tcp.srcport')}`,
        to: `${host('dst')}:${shown.get('tcp.dstport')}`,
        atUs: Math.floor(Number(shown.get('frame.time_epoch')) * 1e6 + 0.001),
        fields: fieldsOf(fields).flatMap(comparable),
      })
    }
  }
  return [...streams.values()]
}

interface PdmlField {
  readonly name: string
  readonly show: string
  readonly value: string
}

function fieldsOf(pdml: string): PdmlField[] {
  return [...pdml.matchAll(/<field name="([^"]*)"(.*)$/gm)].map(([, name = '', attributes = '']) => ({
    name,
    show: unescapeXml(/ show="([^"]*)"/.exec(attributes)?.[1] ?? ''),
    value: / value="([^"]*)"/.exec(attributes)?.[1] ?? '',
  }))
}

function unescapeXml(text: string): string {
  const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', '#x27': "'", amp: '&' }
  return text.replace(/&(lt|gt|quot|#x27|amp);/g, (_, name: string) => named[name] ?? '')
}

const texts: ReadonlySet<string> = new Set([
  ...['mqtt.protoname', 'mqtt.clientid', 'mqtt.willtopic', 'mqtt.username', 'mqtt.topic'],
])
const bytesOnly: ReadonlySet<string> = new Set(['mqtt.willmsg', 'mqtt.passwd', 'mqtt.msg'])

/** Fields without bytes are left out: explain names bytes. */
function comparable({ name, show, value }: PdmlField): Field[] {
  if (value === '' || name === 'mqtt.passwd') return []
  const bytes = Buffer.from(value.length % 2 === 0 ? value : '', 'hex')
  if (texts.has(name)) return [[name, textOrBytes(show, bytes)]]
  if (bytesOnly.has(name)) return [[name, bytes.toString('hex')]]
  return [[name, String({ True: 1, False: 0 }[show] ?? Number(show))]]
}
