/** The options of TLS: whether it is used, and which certificates each side trusts. No option switches verification off. */
import type { ConnectionOptions } from 'node:tls'
import { UsageError } from '../../errors.js'
import { isError } from '../../realms/foreign-values.js'
import type { CommandLine } from '../command-line.js'
import { CommandFailure } from '../outcome/exit-code.js'
import type { ConnectionOptionName } from './connection-flags.js'
import { readCertificate, readCertificates, readInput } from './input-file.js'

type Line = CommandLine<ConnectionOptionName>

/** True: TLS with the roots of Node.js. Undefined: the URL decides; without a URL there is no TLS. */
export async function readTls(line: Line): Promise<true | ConnectionOptions | undefined> {
  const [cafile, capath] = [line.text('cafile'), line.text('capath')]
  const [cert, key] = [line.text('cert'), line.text('key')]
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError('a client certificate needs its private key: give --cert and --key together')
  }
  const roots = [
    ...(cafile === undefined ? [] : [await readCertificate(cafile, '--cafile')]),
    ...(capath === undefined ? [] : await readCertificates(capath, '--capath')),
  ]
  const alpn = line.text('tls-alpn')
  const servername = line.text('servername')
  const settings: ConnectionOptions = {
    ...(roots.length === 0 ? {} : { ca: roots }),
    ...(cert === undefined || key === undefined
      ? {}
      : { cert: await readInput(cert, '--cert'), key: await readInput(key, '--key') }),
    ...(servername === undefined ? {} : { servername }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
  }
  await requireUsableCertificates(settings)
  const protocol = readProtocol(line)
  if (Object.keys(settings).length > 0) {
    if (protocol === 'mqtt') throw new UsageError('--protocol mqtt is plain TCP: leave out what belongs to TLS')
    return settings
  }
  return line.has('tls') || protocol === 'mqtts' ? true : undefined
}

/** Without this check a wrong file would show only when the connection is made, and look like a fault of the connection. */
async function requireUsableCertificates(settings: ConnectionOptions): Promise<void> {
  if (settings.ca === undefined && settings.cert === undefined) return
  const { createSecureContext } = await import('node:tls')
  try {
    createSecureContext(settings)
  } catch (error) {
    const reason = isError(error) ? error.message : String(error)
    const text = `the certificates and the key cannot be used: ${reason}; give them in PEM, and the key that belongs to --cert`
    throw new CommandFailure('noInput', text, { cause: error })
  }
}

/** `--protocol`, as in MQTT.js. */
function readProtocol(line: Line): 'mqtt' | 'mqtts' | undefined {
  if (/^wss?$/i.test(line.text('protocol') ?? '')) {
    throw new UsageError('WebSocket is not built in: write --protocol mqtts for TLS over TCP')
  }
  const protocol = line.choice('protocol', ['mqtt', 'mqtts'])
  if (protocol === 'mqtt' && line.has('tls')) {
    throw new UsageError('--protocol mqtt is plain TCP, and --tls is not: give one of them')
  }
  return protocol
}
