import { channel } from 'node:diagnostics_channel'
import type { Logger } from 'pino'

/**
 * Logs the life of every client of the process. `mqtt311:packet:out` is not among the channels: its CONNECT has the password. Errors of
 * mqtt311 hold no secret, so they may be logged whole.
 */
export function logClients(logger: Logger): void {
  const on = (name: string, log: (message: { readonly [name: string]: unknown }) => void) =>
    channel(`mqtt311:${name}`).subscribe((message) => log(Object(message)))

  on('connect', ({ peer, sessionPresent }) => logger.info({ peer, sessionPresent }, 'online'))
  on('reconnect', ({ error, retryInMs }) => logger.warn({ err: error, retryInMs }, 'offline'))
  on('close', ({ error }) => (error === undefined ? logger.info('ended') : logger.error({ err: error }, 'ended')))
  on('anomaly', ({ anomaly, packetId }) => logger.debug({ anomaly, packetId }, 'the server did something odd'))
  on('publish:rejected', ({ error }) => logger.warn({ err: error }, 'a publish was rejected'))
}
