/**
 * The packet that a vector's `api_input` asks for: a call as a user of a client would write it, or "internal encoder"
 * with a Packet Identifier. Undefined for what no packet object can say.
 */
import { runInNewContext } from 'node:vm'

type Options = Readonly<Record<string, unknown>>

const bytesOf = (value: unknown): unknown => (typeof value === 'string' ? Buffer.from(value) : value)

const calls = {
  Buffer,
  publish: (topic: unknown, payload: unknown, { qos = 0 }: Options = {}) => ({
    ...{ type: 'publish', topic, payload: bytesOf(payload), retain: false, qos },
    ...(qos !== 0 && { packetId: 1, dup: false }),
  }),
  subscribe: (filters: unknown, { qos = 0 }: Options = {}) => ({
    type: 'subscribe',
    packetId: 1,
    subscriptions: (Array.isArray(filters) ? filters : [filters]).map((filter) => ({ filter, qos })),
  }),
  unsubscribe: (filters: unknown) => ({
    type: 'unsubscribe',
    packetId: 1,
    filters: Array.isArray(filters) ? [...filters] : [filters],
  }),
  connect: ({ clientId = 'a', clean = true, keepalive = 60, username, password, will }: Options) => ({
    ...{ type: 'connect', clientId, cleanSession: clean, keepAlive: keepalive, username, password: bytesOf(password) },
    ...(will !== undefined && { will: willOf({ ...will }) }),
  }),
}

function willOf({ topic, payload, qos = 0, retain = false }: Options): unknown {
  return { topic, payload: bytesOf(payload), qos, retain }
}

export function packetAskedFor(apiInput: string): unknown {
  const [, packetId] = /^internal encoder: PUBLISH qos 1 packetId (\S+)$/.exec(apiInput) ?? []
  if (packetId !== undefined) {
    const publish = { type: 'publish', topic: 'a', payload: Buffer.alloc(0), retain: false, qos: 1, dup: false }
    return { ...publish, packetId: runInNewContext(packetId) }
  }
  return /^(publish|subscribe|unsubscribe|connect)\([^)].*\)$/s.test(apiInput)
    ? runInNewContext(apiInput, calls)
    : undefined
}
