/** The options of TLS: whether it is used, and which certificates each side trusts. No option switches verification off. */
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { outline } from '../../codec/field-checks.js'
import { UsageError } from '../../errors.js'
import { codeOf, isError } from '../../realms/foreign-values.js'
import { checkIPv6Identity } from '../../transport/tls-context.js'
import { type CommandLine, requireOne } from '../command-line.js'
import { CommandFailure } from '../outcome/exit-code.js'
import type { ConnectionOptionName } from './connection-flags.js'
import { readCertificate, readCertificates, readInput } from './input-file.js'

type Line = CommandLine<ConnectionOptionName>

/**
 * True: TLS with the roots of Node.js. False: no TLS, and a URL or a device that asks for it is refused. Undefined: these decide; without them
 * there is no TLS.
 */
export async function readTls(line: Line): Promise<boolean | ConnectionOptions | undefined> {
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
  // Node.js ends the process for a name without a byte.
  if (alpn === '' || Buffer.byteLength(alpn ?? '') > 255)
    throw new UsageError(`--tls-alpn takes a name of 1 to 255 bytes, not ${outline(alpn)}`)
  const servername = line.text('servername')
  const settings: ConnectionOptions = {
    ...(roots.length === 0 ? {} : { ca: roots }),
    ...(cert === undefined || key === undefined
      ? {}
      : { cert: await readInput(cert, '--cert'), key: await readInput(key, '--key') }),
    ...(servername === undefined ? {} : { servername }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
    ...readVersion(line),
    ...readSharedKey(line),
  }
  await requireUsableCertificates(settings)
  const keyLog = line.text('tls-keylog')
  const hasSettings = Object.keys(settings).length > 0
  const protocol = readProtocol(line)
  if (protocol === 'mqtt') {
    if (!hasSettings && keyLog === undefined) return false
    throw new UsageError('--protocol mqtt is plain TCP: leave out what belongs to TLS')
  }
  if (keyLog !== undefined) await logKeys(keyLog)
  if (hasSettings) return settings
  return line.has('tls') || keyLog !== undefined || protocol === 'mqtts' ? true : undefined
}

function readVersion(line: Line): ConnectionOptions {
  const [version, ciphers] = [line.choice('tls-version', ['tlsv1.2', 'tlsv1.3']), line.text('ciphers')]
  const name = version === 'tlsv1.2' ? 'TLSv1.2' : 'TLSv1.3'
  return {
    ...(version === undefined ? {} : { minVersion: name, maxVersion: name }),
    ...(ciphers === undefined ? {} : { ciphers }),
  }
}

/**
 * With a shared key there is no certificate: that the server has the key proves who it is. But --ciphers may let the server choose a cipher
 * with a certificate, and then the certificate counts as ever.
 */
function readSharedKey(line: Line): ConnectionOptions {
  const [key, identity] = [line.text('psk'), line.text('psk-identity')]
  if (key === undefined && identity === undefined) return {}
  if (key === undefined || identity === undefined) {
    throw new UsageError('a shared key has a name: give --psk and --psk-identity together')
  }
  if (!/^([0-9a-f]{2})+$/i.test(key)) {
    throw new UsageError(`--psk takes whole bytes in hexadecimal, not ${outline(key)}`)
  }
  const file = (['cafile', 'capath', 'cert'] as const).find((name) => line.has(name))
  if (file !== undefined) requireOne(line, 'psk', file)
  if (line.text('tls-version') === 'tlsv1.3') {
    throw new UsageError('Node.js has shared keys in TLS 1.2 only: leave out --tls-version tlsv1.3, or --psk')
  }
  const psk = Buffer.from(key, 'hex')
  return {
    ciphers: 'PSK',
    maxVersion: 'TLSv1.2',
    ...readVersion(line),
    pskCallback: () => ({ psk, identity }),
    checkServerIdentity: (host, certificate) =>
      certificate.raw === undefined ? undefined : checkIPv6Identity(host, certificate),
  }
}

/** Sockets tell their keys to whoever made them, so `tls.connect` is replaced in this process. */
async function logKeys(path: string): Promise<void> {
  const { appendFileSync } = await import('node:fs')
  const write = (keys: string | Uint8Array) => {
    try {
      appendFileSync(path, keys, { mode: 0o600 })
    } catch (error) {
      throw new CommandFailure('noOutput', `the file of --tls-keylog cannot be written (${codeOf(error)})`)
    }
  }
  write('')
  const tls = process.getBuiltinModule('node:tls')
  const { connect } = tls
  tls.connect = (...given: unknown[]) => {
    const socket: TLSSocket = Reflect.apply(connect, tls, given)
    return socket.on('keylog', write)
  }
}

/** Without this check a wrong file would show only when the connection is made, and look like a fault of the connection. */
export async function requireUsableCertificates(
  settings: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'ciphers'>,
): Promise<void> {
  const { ca, cert, ciphers } = settings
  if (ca === undefined && cert === undefined && ciphers === undefined) return
  const { createSecureContext } = await import('node:tls')
  try {
    createSecureContext(settings)
  } catch (error) {
    const reason = isError(error) ? error.message : String(error)
    if (/cipher/i.test(reason)) throw new UsageError(`the ciphers cannot be used: ${reason}`)
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
