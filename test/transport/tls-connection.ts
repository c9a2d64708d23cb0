import type { ConnectionOptions } from 'node:tls'
import * as material from '../../fixtures/tls/index.js'
import { openSocket, TlsSettings } from '../../src/transport/index.js'
import { watch } from './loopback.js'

export const { ca } = material

/** Connects to a server over TLS, which is trusted unless `options` say otherwise. */
export function connectTo(port: number, options: boolean | ConnectionOptions | TlsSettings = { ca }, host = '::1') {
  const tls = options instanceof TlsSettings ? options : new TlsSettings(options)
  return watch(openSocket({ endpoint: { host, port, tls: true }, tls }))
}
