/**
 * An emulator of Alibaba Cloud IoT Platform. It does what the platform's documentation says, strictly: where that leaves the
 * reaction open, it reacts so hard that no client can pass by luck.
 *
 * - CONNACK 2 for a malformed Client Identifier or a Keep Alive outside 30 to 1,200; 4 for wrong credentials, every
 *   signature being computed by code of its own; 5 for a disabled device and for a will; 3 in a storm, and for more
 *   than 5 attempts a minute.
 * - The second connection of a device throws out the first. A connection is cut after 1.5 times Keep Alive.
 * - The QoS of a SUBSCRIBE is ignored: messages come with the QoS of their publisher. QoS 2 and retain close the
 *   connection.
 * - Sessions are kept, but CONNACK says Session Present 0.
 * - Above 30 messages a second at QoS 0, or 10 at QoS 1, messages are dropped in silence; too large ones close the
 *   connection.
 * - No more than 50 messages a second go to a device, and no more than 100 wait for its PUBACK: the rest is dropped in
 *   silence. A device that has more than 100 messages unacknowledged itself is cut off.
 * - Dynamic registration, tokens and X.509 certificates, with the answers on topics that nobody subscribed.
 *
 * Not emulated: the rights of topics, and the rules that forward messages.
 */

import type { TlsOptions } from 'node:tls'
import { validateTopicName } from '../../codec/topic.js'
import { Listener, loopback } from '../../testing/listener.js'
import { DeviceConnection, type House } from './device-connection.js'
import { DeviceSessions } from './device-sessions.js'
import type { DeviceNames, PlatformEvent } from './events.js'
import { keyOf, type PlatformDevice, type PlatformProduct, Registry } from './registry.js'
import type { Breakage, Rules } from './rules.js'

export interface PlatformOptions {
  readonly devices?: readonly PlatformDevice[] | undefined
  readonly products?: readonly PlatformProduct[] | undefined
  /** Addresses to listen on, the best first. Default: `::1`, or 127.0.0.1 where there is none. */
  readonly hosts?: readonly string[] | undefined
  /** Default: one that is free. */
  readonly port?: number | undefined
  /** The certificate of the server and its key; undefined: plain TCP (secure mode 3). */
  readonly tls?: Pick<TlsOptions, 'cert' | 'key'> | undefined
  readonly broken?: Breakage | undefined
  /** Seconds. Default 30 to 1,200; a test of the cut wants less. */
  readonly keepAlive?: { readonly min: number; readonly max: number } | undefined
  /** Default `'enforced'`; `'off'` for tests that are about something else and in a hurry. */
  readonly limits?: 'enforced' | 'off' | undefined
  /** Milliseconds, for the limits; default `Date.now`. */
  readonly now?: (() => number) | undefined
  /** Whether Session Present tells the truth. Default false: it is always 0. */
  readonly reportsSession?: boolean | undefined
  /** Milliseconds after which a connection that registers is closed. Default 15,000. */
  readonly registrationMs?: number | undefined
  /** Is told all that the emulator sees. */
  tell(event: PlatformEvent): void
}

export interface PlatformServer {
  readonly host: string
  readonly port: number
  /** With brackets where they are due: `mqtts://[::1]:1883`. */
  readonly url: string
  /** What a person should know: that this machine does not have the best address. */
  readonly note: string | undefined
  /** Publishes to every device that has subscribed to the topic, and returns their number. @throws UsageError for a wrong topic. */
  publish(topic: string, payload: string | Uint8Array, qos: 0 | 1): number
  /** Publishes to one device, subscribed or not. Returns false if it is not connected. */
  push(device: DeviceNames, topic: string, payload: string | Uint8Array, qos: 0 | 1): boolean
  /** Cuts the connection of one device, or of all, without a word. */
  cut(device?: DeviceNames): void
  /** Answers so many CONNECTs that are still to come with 3. */
  storm(connects: number): void
  close(): Promise<void>
}

/** @throws ConnectionLostError (as a rejection) if it cannot listen. */
export async function startPlatformServer(options: PlatformOptions): Promise<PlatformServer> {
  const { now = Date.now, hosts = loopback, tls } = options
  const registry = new Registry(options.devices ?? [], options.products ?? [])
  const sessions = new DeviceSessions({ reportsSession: options.reportsSession ?? false, now })
  const connections = new Set<DeviceConnection>()
  const online = new Map<string, DeviceConnection>()
  let stormy = 0
  const house: House = {
    rules: rulesOf(options),
    registry,
    sessions,
    tell: (event) => options.tell(event),
    takeStorm() {
      if (stormy === 0) return false
      stormy -= 1
      return true
    },
    enter(key, connection) {
      online.get(key)?.close('evicted', 'a second connection of this device throws it out')
      online.set(key, connection)
    },
    leave(connection, key) {
      connections.delete(connection)
      if (key !== undefined) online.delete(key)
    },
  }
  const listener = await Listener.listen(
    {
      hosts,
      port: options.port ?? 0,
      // A certificate that is missing or unknown does not end the handshake: CONNACK tells.
      tls: tls && { ...tls, requestCert: registry.hasCertificates, rejectUnauthorized: false },
    },
    (socket) => connections.add(new DeviceConnection(socket, house)),
  )
  const { host, port } = listener
  return {
    host,
    port,
    url: `mqtt${tls === undefined ? '' : 's'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    note: noteOn(hosts, host),
    publish(topic, payload, qos) {
      validateTopicName(topic)
      return sessions.publish({ topic, payload: Buffer.from(payload), qos, retain: false })
    },
    push: (device, topic, payload, qos) =>
      sessions.push(keyOf(device), { topic, payload: Buffer.from(payload), qos, retain: false }),
    cut(device) {
      const cut = device === undefined ? [...connections] : [online.get(keyOf(device))]
      for (const connection of cut) connection?.close('ordered', 'it is cut on purpose')
    },
    storm(connects) {
      stormy = connects
    },
    async close() {
      for (const connection of [...connections]) connection.close('ordered', 'the platform ends')
      await listener.close()
    },
  }
}

function rulesOf(options: PlatformOptions): Rules {
  return {
    keepAlive: options.keepAlive ?? { min: 30, max: 1200 },
    broken: options.broken,
    limited: options.limits !== 'off',
    registrationMs: options.registrationMs ?? 15_000,
  }
}

function noteOn([first, ...others]: readonly string[], host: string): string | undefined {
  if (others.length === 0 || host === first) return undefined
  return `this machine has no address ${first}: the platform listens on ${host} instead`
}
