/** `mqtt311 platform`: an emulator of Alibaba Cloud IoT Platform as a server, to develop devices against. */
import { ConnectionLostError, isMqttError, UsageError } from '../../errors.js'
import { codeOf } from '../../realms/foreign-values.js'
import { type CommandLine, requireNoPositionals } from '../command-line.js'
import { EarlyEnd } from '../conversation/conversation.js'
import { readLines } from '../conversation/standard-input.js'
import { readInput } from '../flags/input-file.js'
import { knownOptions, readKnown } from '../flags/known-devices.js'
import { requireUsableCertificates } from '../flags/tls.js'
import { CommandFailure, exitCode, isOrderedEnd } from '../outcome/exit-code.js'
import { asTyped } from '../outcome/failure-message.js'
import type { PlatformEvent } from '../platform/events.js'
import { type PlatformServer, startPlatformServer } from '../platform/platform-server.js'
import { breakages } from '../platform/rules.js'
import { platformLine } from '../print/platform-event.js'
import { note, print } from '../terminal/output.js'
import { defineCommand } from './command.js'

const serverOptions = [
  {
    name: 'host',
    short: 'h',
    value: 'ADDRESS',
    about: 'the address to listen on; default ::1, or 127.0.0.1 without IPv6',
  },
  { name: 'port', short: 'p', value: 'PORT', about: 'default 1883; 0: any free port' },
  { name: 'cert', value: 'FILE', about: 'TLS with this certificate of the server, in PEM' },
  { name: 'key', value: 'FILE', about: 'private key of --cert, in PEM' },
  { name: 'stdin-line', short: 'l', about: 'publishes lines of standard input: TOPIC MESSAGE' },
  { name: 'no-limits', about: 'does not keep the limits on rates, sizes and numbers' },
  {
    name: 'broken',
    value: 'WHAT',
    about: `does on purpose: ${breakages[0]} refuses each; ${breakages.slice(1).join(', ')}: is lost`,
  },
] as const

type Line = CommandLine<(typeof serverOptions)[number]['name'] | (typeof knownOptions)[number]['name']>

/** A longer line of standard input is no message that the platform would take. */
const lineBytesMax = 1_048_576

export const command = defineCommand({
  name: 'platform',
  about: 'a server like Alibaba Cloud IoT Platform, to develop devices against.',
  usage: ['--device KEY/NAME=SECRET [OPTION]...'],
  groups: [
    { title: 'Devices and products; each may be given several times', options: knownOptions },
    { title: 'Server', options: serverOptions },
  ],
  paragraphs: [
    'It admits devices by the rules of the platform, and keeps its limits. It prints a line for all that it sees, with the reason for each refusal, ' +
      'which the platform itself never tells. It emulates the documentation, and neither the rights of topics nor rules that forward messages.',
    'With -l, a line TOPIC MESSAGE is published at QoS 1 to the devices that have subscribed to the topic. SIGINT and SIGTERM end the server.',
    'Environment: PRODUCT_KEY with DEVICE_NAME and DEVICE_SECRET is a device too, PRODUCT_KEY with PRODUCT_SECRET a product. ' +
      'The secrets stand in no output but the answer to a registration.',
  ],
  examples: [
    'mqtt311 platform --device a1/lamp=secret -l',
    'mqtt311 platform --secrets-file devices -p 0',
    'mqtt311 platform --secrets-file devices \\',
    '  --cert server.pem --key server-key.pem',
    'mqtt311 sub -h ::1 --product-key a1 --device-name lamp \\',
    '  --device-secret secret --secure-mode 3 \\',
    '  -t /a1/lamp/user/get',
  ],
  async run(line) {
    requireNoPositionals(line)
    const known = await readKnown(line)
    const output = new EventOutput()
    const platform = await listen(line, {
      ...known,
      tls: await readServerTls(line),
      broken: line.choice('broken', breakages),
      limits: line.has('no-limits') ? 'off' : 'enforced',
      tell: (event: PlatformEvent) => output.line(platformLine(new Date(), event)),
    })
    const end = new EarlyEnd(undefined)
    try {
      if (platform.note !== undefined) note(`mqtt311: ${platform.note}`)
      const { devices, products } = known
      output.line(
        `listening on ${platform.url}, with ${counted(devices, 'device')} and ${counted(products, 'product')}`,
      )
      const published = line.has('stdin-line') ? publishLines(platform, output) : Promise.resolve()
      await Promise.race([end.promise, output.failed, published.then(() => end.promise)])
    } catch (error) {
      // SIGINT is the normal end of a server.
      if (!isOrderedEnd(error)) throw error
    } finally {
      end.stop()
      await platform.close()
    }
    return exitCode('done')
  },
})

async function readServerTls(line: Line) {
  const [cert, key] = [line.text('cert'), line.text('key')]
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) {
    throw new UsageError('the certificate of the server needs its private key: give --cert and --key together')
  }
  const tls = { cert: await readInput(cert, '--cert'), key: await readInput(key, '--key') }
  await requireUsableCertificates(tls)
  return tls
}

async function listen(line: Line, options: Parameters<typeof startPlatformServer>[0]): Promise<PlatformServer> {
  const host = line.text('host')?.replace(/^\[(.*)\]$/, '$1')
  const port = line.integer('port', 0, 65_535) ?? 1883
  try {
    return await startPlatformServer({ ...options, port, hosts: host === undefined ? undefined : [host] })
  } catch (error) {
    if (!(error instanceof ConnectionLostError)) throw error
    throw new CommandFailure('unreachable', `${error.message}${adviceFor(codeOf(error.cause))}`, { cause: error })
  }
}

function adviceFor(code: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return ': another program has it; give another by -p, 0 for any free one'
    case 'EACCES':
      return ': this user may not; give one above 1023 by -p'
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return ': -h is no address of this machine'
    default:
      return code === '' ? '' : ` (${code})`
  }
}

function counted(list: readonly unknown[], name: string): string {
  return `${list.length} ${name}${list.length === 1 ? '' : 's'}`
}

/** The end of standard input is not the end of the server. */
async function publishLines(platform: PlatformServer, output: EventOutput): Promise<void> {
  for await (const bytes of readLines(process.stdin, lineBytesMax)) {
    // Latin-1 keeps each byte apart: a message need not be text.
    const [, name = '', rest = ''] =
      /^[\t ]*([^\t ]+)[\t ]?(.*)$/s.exec(bytes.toString('latin1').replace(/\r$/, '')) ?? []
    if (name === '') continue
    const [topic, message] = [Buffer.from(name, 'latin1').toString(), Buffer.from(rest, 'latin1')]
    try {
      if (platform.publish(topic, message, 1) === 0)
        output.line('standard input: no device has subscribed to this topic')
    } catch (error) {
      if (!isMqttError(error)) throw error
      note(`mqtt311: a line of standard input begins with no topic: ${asTyped(error.message)}`)
    }
  }
}

/** Prints lines in order. */
class EventOutput {
  /** Rejects when a line cannot be written. */
  readonly failed: Promise<never>
  #fail: (error: unknown) => void = () => {}

  constructor() {
    this.failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => {})
  }

  line(text: string): void {
    print(`${text}\n`).catch((error: unknown) => this.#fail(error))
  }
}
