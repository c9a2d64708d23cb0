/** What one seed makes of a run: the options of the client, and how much the server lies. */
import type { ClientOptions, ServerProfile } from '../../../src/index.js'
import { memoryStore, type SessionStore } from '../../../src/store/index.js'
import type { Random } from '../random.js'

export interface Circumstances {
  readonly options: ClientOptions
  readonly bounds: {
    readonly maxInFlight: number
    readonly receiveWindow: number
    readonly receiveBufferMaxBytes: number
    readonly maxPacketBytes: number
    readonly maxMessages: number
    readonly maxBytes: number
  }
  readonly cleanSession: boolean
  /** Undefined if the program may do all that the standard allows. */
  readonly profile: ServerProfile | undefined
  readonly asksCredentials: boolean
  readonly hasStore: boolean
  /** Whether the store says that it outlives the process, as `until: 'stored'` wants. */
  readonly canStore: boolean
  /** Who learns of an error that ends the client: without anybody the rejection of `closed` is unhandled. */
  readonly listens: 'to closed' | 'to close' | 'to nothing'
  /** One packet of the server in so many is a lie. */
  readonly lieEvery: number
  readonly steps: number
  /** Whether the server answers inside of the client's call of `write`. */
  readonly answersAtOnce: boolean
}

/** A rare lie lets a run come far; with many lies each connection is short. */
const lieRates = [2, 5, 20, 20, 100, 1_000_000]

export function makeCircumstances(random: Random): Circumstances {
  const cleanSession = random.oneIn(2)
  const storage = random.of(['none', 'none', 'memory', 'durable'] as const)
  const durable = storage === 'durable' && !cleanSession
  const maxPacketBytes = random.of([64, 1000, 70_000])
  const receiveBufferBytes = random.of([1, 300, 2000, 100_000])
  const receiveBufferMaxBytes = receiveBufferBytes + random.of([0, 100, 1000, 100_000])
  const maxInFlight = random.of([1, 2, 5, 100])
  const receiveWindow = random.of([1, 2, 5, 64])
  const maxMessages = random.of([1, 5, 100])
  const maxBytes = random.of([500, 5000, 1_000_000])
  const profile = random.oneIn(4) ? profileOf(random) : undefined
  const options: ClientOptions = {
    cleanSession,
    ...(profile === undefined ? {} : { profile }),
    ...(cleanSession ? {} : { clientId: 'fuzzed' }),
    ...(durable ? { store: durableInMemory() } : {}),
    ...(storage === 'memory' ? { store: memoryStore() } : {}),
    strict: random.oneIn(2),
    keepAlive: random.of([0, 0, 2, 60]),
    connectTimeoutMs: random.of([300, 5000]),
    pingTimeoutMs: random.of([50, 2000]),
    ackTimeoutMs: random.of([100, 5000, 60_000]),
    operationTimeoutMs: random.of([100, 5000]),
    maxInFlight,
    receiveWindow,
    receiveBufferBytes,
    receiveBufferMaxBytes,
    maxPacketBytes,
    queue: {
      maxMessages,
      maxBytes,
      overflow: random.of(['reject', 'drop-oldest'] as const),
      offlineQos0: random.oneIn(2),
      ...(random.oneIn(4) ? { maxAgeMs: random.of([10, 1000]) } : {}),
    },
    ...(random.oneIn(6) ? { reconnect: false } : { reconnect: reconnectOf(random) }),
    ...(profile === undefined && random.oneIn(4)
      ? { will: { topic: 'will', payload: 'gone', qos: random.of([0, 1, 2] as const) } }
      : {}),
    ...(!cleanSession && random.oneIn(2) ? { unclaimedAfterMs: random.of([1, 3000]) } : {}),
  }
  return {
    options,
    bounds: { maxInFlight, receiveWindow, receiveBufferMaxBytes, maxPacketBytes, maxMessages, maxBytes },
    cleanSession,
    profile,
    asksCredentials: random.oneIn(4),
    hasStore: durable || storage === 'memory',
    canStore: durable,
    listens: random.of(['to closed', 'to closed', 'to close', 'to nothing'] as const),
    lieEvery: random.of(lieRates),
    steps: 5 + random.below(60),
    answersAtOnce: random.oneIn(6),
  }
}

function profileOf(random: Random): ServerProfile {
  return {
    name: 'the limited server',
    maxQos: random.of([0, 1, 2] as const),
    retain: random.oneIn(2),
    maxPayloadBytes: random.of([20, 1000]),
    maxTopicLevels: random.of([2, 3]),
    maxFiltersPerSubscribe: random.of([1, 2]),
    ...(random.oneIn(2) ? { maxSubscriptions: random.of([1, 3]) } : {}),
    ...(random.oneIn(3) ? { publishesPerSecond: { total: random.of([1, 50]) } } : {}),
  }
}

function reconnectOf(random: Random) {
  const minDelayMs = random.of([10, 200])
  return {
    minDelayMs,
    maxDelayMs: minDelayMs * random.of([1, 100]),
    retryInitial: !random.oneIn(4),
    ...(random.oneIn(8) ? { maxAttempts: 1 + random.below(3) } : {}),
    ...(random.oneIn(8) ? { maxAttemptsPerMinute: 1 + random.below(3) } : {}),
  }
}

/** A store that says that it outlives the process, for `until: 'stored'`. */
function durableInMemory(): SessionStore {
  const store = memoryStore()
  return {
    durable: true,
    open: (sessionId) => store.open(sessionId),
    append: (records) => store.append(records),
    close: () => store.close(),
  }
}
