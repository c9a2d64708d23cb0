/**
 * Every option of a client that has a default, one entry each: its name, its check, its default, and in the comment above it the
 * unit and the reason. `npm run tables` writes these entries into the table of the README; a `@label` or `@prefix` says how the
 * README calls them where that is not their name.
 *
 * The table in which an entry stands says where the parsed value goes: the group of settings of the same name. The types of these
 * groups come from the tables, so no interface repeats them.
 */
import { atLeastOne, type Check, count, flag, milliseconds, oneOf, real, twoBytes, whole } from './checks.js'

/** The check of an option, and what the option is where a program leaves it out. */
export interface Entry<T> extends Check<T> {
  readonly standard: T
}

/** The settings that come out of a table of entries. */
export type SettingsOf<Entries> = {
  readonly [Name in keyof Entries]: Entries[Name] extends Entry<infer T> ? T : never
}

function entry<T>(check: Check<T>, standard: NoInfer<T>): Entry<T> {
  return Object.assign((name: string, value: T | undefined) => check(name, value), { standard })
}

/** @unit s - many NATs forget a silent connection after some minutes; a PINGREQ and its answer are four bytes */
export const keepAlive = entry(whole(0, 65_535), 60)

/** @unit ms - behind the first CONNACK of a persistent session: a program that subscribes at all has begun by then */
export const unclaimedAfterMs = entry(milliseconds, 10_000)

/** How long a connection waits for what, and what it takes. */
export const connectionEntries = {
  /** @unit ms - resolver, TCP, TLS and CONNACK over a bad radio link take seconds */
  connectTimeoutMs: entry(milliseconds, 30_000),
  /** @unit ms - ten round trips of a slow satellite link; counts anew while output leaves; less if Keep Alive is */
  pingTimeoutMs: entry(milliseconds, 10_000),
  /**
   * From the longest acknowledgement, SUBACK for one filter, to the largest packet of the standard.
   * @unit bytes - well above what MQTT is used for; the standard allows 256 MiB
   */
  maxPacketBytes: entry(whole(5, 268_435_460), 16_777_216),
}

/** What the engine is told. */
export const engineEntries = {
  /** @unit ms - far above what a server needs to write to disk; the time of an upload does not count */
  ackTimeoutMs: entry(milliseconds, 60_000),
  /** @unit ms - SUBACK and UNSUBACK need no disk and no third party */
  operationTimeoutMs: entry(milliseconds, 30_000),
  /** @unit messages - enough handlers to keep a database busy, few enough to hold in memory */
  receiveWindow: entry(twoBytes, 64),
  /** @unit bytes - a burst of a thousand messages of 1 KiB; beyond it TCP does the waiting */
  receiveBufferBytes: entry(atLeastOne, 1_048_576),
  /** @unit bytes - reading goes on up to here while a handler may wait for an answer of the server */
  receiveBufferMaxBytes: entry(atLeastOne, 16_777_216),
  /** @unit messages - 5,000 messages a second over 20 ms; some servers allow no more */
  maxInFlight: entry(twoBytes, 100),
}

/**
 * More than these mosquitto 2.0 acknowledges and does not deliver.
 * @label (of these) at QoS 2
 * @unit messages - as many as mosquitto 2.0 has room for; with `maxInFlight` given, as many as that
 */
export const maxInFlightQos2 = 20

/**
 * How the waits between attempts grow, and how many attempts there may be.
 * @prefix reconnect.
 */
export const backoffEntries = {
  /** @unit ms - a restarting server needs about a second; jitter halves the mean */
  minDelayMs: entry(milliseconds, 1_000),
  /** @unit ms - back within a minute; 10,000 clients cost a server some 330 attempts a second */
  maxDelayMs: entry(milliseconds, 60_000),
  /** @unit - from one second to the longest wait in six steps */
  factor: entry(real(1, 1000), 2),
  /** @unit attempts - a device in the field has nobody who would start it again */
  maxAttempts: entry<number>(count, Number.POSITIVE_INFINITY),
  /** @unit attempts - only a server's profile knows of such a limit */
  maxAttemptsPerMinute: entry<number>(count, Number.POSITIVE_INFINITY),
}

/**
 * @label `reconnect.retryInitial`
 * @unit - a wrong address or password is seen at once by whoever awaits `connect()`
 */
export const retryInitial = entry<boolean>(flag, false)

/**
 * @label (fixed) healthy connection
 * @unit ms - servers that accept and throw out do so sooner; only then does the back-off start anew
 */
export const stableAfterMs = 30_000

/**
 * What the outgoing queue takes.
 * @prefix queue.
 */
export const queueEntries = {
  /** @unit messages - some three hours of one message a second */
  maxMessages: entry(atLeastOne, 10_000),
  /** @unit bytes - ten thousand messages of 6 KiB */
  maxBytes: entry(atLeastOne, 67_108_864),
  /** @unit ms - a message does not grow too old, unless a program says when */
  maxAgeMs: entry(milliseconds, Number.POSITIVE_INFINITY),
  /** @unit - nothing that was accepted is dropped; the newcomer is refused */
  overflow: entry(oneOf(['reject', 'drop-oldest'] as const), 'reject'),
  /** @unit - at QoS 0 the newest value counts; a burst of old ones serves nobody */
  offlineQos0: entry<boolean>(flag, false),
}

/**
 * @label `end({ timeoutMs })`
 * @unit ms - a process that is told to stop is often killed after 10 s
 */
export const endTimeoutMs = 5_000

type Table<Settings> = { readonly [Name in keyof Settings]: Entry<Settings[Name]> }
type Given<Settings> = { readonly [Name in keyof Settings]?: Settings[Name] | undefined }

/**
 * The settings of one table: what was given, already checked, and the default where nothing was. `derived` goes before both: it has
 * what depends on other options too.
 */
export function settingsFrom<Settings extends object>(
  table: Table<Settings>,
  given: Given<Settings>,
  derived: Given<NoInfer<Settings>> = given,
): Settings {
  const settings: { -readonly [Name in keyof Settings]?: Settings[Name] | undefined } = {}
  for (const name in table) {
    // A program may have put something onto the prototype of all objects.
    if (Object.hasOwn(table, name)) settings[name] = derived[name] ?? given[name] ?? table[name].standard
  }
  if (isComplete(settings, table)) return settings
  throw new RangeError('an entry has no default')
}

/** The compiler does not follow the loop above, so whether it filled everything in is looked at. */
function isComplete<Settings extends object>(settings: Given<Settings>, table: Table<Settings>): settings is Settings {
  return Object.keys(table).every((name) => Reflect.get(settings, name) !== undefined)
}
