/** How thorough a run is: `npm run test:servers`, or the small form that every run of CI affords. */

import { activemq } from './kinds/activemq.js'
import { aedes } from './kinds/aedes.js'
import { ejabberd } from './kinds/ejabberd.js'
import { mosquitto } from './kinds/mosquitto.js'
import { nats } from './kinds/nats.js'
import { rabbitmq } from './kinds/rabbitmq.js'
import type { ServerKind } from './kinds/server-kind.js'

export interface Form {
  /** Messages of each QoS in the load. */
  readonly messages: number
  /** Messages while the server is killed; 0: it is not. */
  readonly messagesWhileKilled: number
  /** Whether it asks what takes seconds to answer. */
  readonly patient: boolean
  /** Whether MQTT.js runs the same load. */
  readonly compared: boolean
}

export const forms = {
  full: { messages: 20_000, messagesWhileKilled: 3_000, patient: true, compared: true },
  small: { messages: 200, messagesWhileKilled: 0, patient: false, compared: false },
} as const satisfies Readonly<Record<string, Form>>

/** Each has a test of its own name: `test/servers/each/nats.test.ts`. */
export const kinds: readonly ServerKind[] = [mosquitto, rabbitmq, activemq, nats, ejabberd, aedes]

/** What the small form asks for, installed or not: a machine without them fails. */
export const smallKinds: readonly ServerKind[] = [mosquitto, rabbitmq, nats]

/** The kinds that are installed on this machine. */
export async function installedKinds(): Promise<readonly ServerKind[]> {
  const found = await Promise.all(
    kinds.map((kind) =>
      kind.installed().then(
        () => [kind],
        () => [],
      ),
    ),
  )
  return found.flat()
}
