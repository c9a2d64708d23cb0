/**
 * One entry for each option of a client with a default: its name, its check, its default, and above it a comment with the unit and the
 * reason of the default. `npm run tables` writes these entries into the table of docs/limits.md. If the name there is another
 * one, `@label` or `@prefix` gives it.
 *
 * Each table of entries is one group of settings. The types of these groups come from the tables, so no interface repeats them.
 */
import { atLeastOne, type Check, count, flag, milliseconds, oneOf, realNumber, twoBytes, whole } from './checks.js'

/** The check of an option, with its default. */
export interface Entry<T> extends Check<T> {
  readonly defaultValue: T
}

/** The group of settings for a table of entries. */
export type SettingsOf<Entries> = {
  readonly [Name in keyof Entries]: Entries[Name] extends Entry<infer T> ? T : never
}

function entry<T>(check: Check<T>, defaultValue: NoInfer<T>): Entry<T> {
  return Object.assign((name: string, value: T | undefined) => check(name, value), { defaultValue })
}

/** @unit s - many NATs forget a silent connection after some minutes; a PINGREQ and its answer are four bytes */
export const keepAlive = entry(whole(0, 65_535), 60)

/** @unit ms - after the first CONNACK of a persistent session: a program that subscribes has begun to do so by then */
export const unclaimedAfterMs = entry(milliseconds, 10_000)

/** The time-outs of a connection, and its largest packet. */
export const connectionEntries = {
  /** @unit ms - resolver, TCP, TLS and CONNACK over a bad radio link take seconds */
  connectTimeoutMs: entry(milliseconds, 30_000),
  /** @unit ms - ten round trips of a slow satellite link; starts again while output leaves; at most Keep Alive */
  pingTimeoutMs: entry(milliseconds, 10_000),
  /**
   * At least five bytes, the length of the SUBACK for one filter; at most the largest packet of the standard.
   * @unit bytes - well above what MQTT is used for; the standard allows 256 MiB
   */
  maxPacketBytes: entry(whole(5, 268_435_460), 16_777_216),
  /** @unit - 2 ms gather many small messages for one read, which costs a fraction of what their reads cost */
  lowLatency: entry<boolean>(flag, false),
}

/** The settings of the engine. */
export const engineEntries = {
  /** @unit ms - far above what a server needs to write to disk; the time of an upload does not count */
  ackTimeoutMs: entry(milliseconds, 60_000),
  /** @unit ms - SUBACK and UNSUBACK need no disk and no third party */
  operationTimeoutMs: entry(milliseconds, 30_000),
  /** @unit messages - enough handlers to keep a database busy, few enough to hold in memory */
  receiveWindow: entry(twoBytes, 64),
  /** @unit bytes - a burst of a thousand messages of 1 KiB; when it is full, TCP slows the server down */
  receiveBufferBytes: entry(atLeastOne, 1_048_576),
  /** @unit bytes - reading goes on up to here while a handler may wait for an answer of the server */
  receiveBufferMaxBytes: entry(atLeastOne, 16_777_216),
  /** @unit messages - 5,000 messages a second over 20 ms; some servers allow no more */
  maxInFlight: entry(twoBytes, 100),
  /** @unit strikes - at the default back-off, a message at which the server closes is given up within 90 s; Infinity: never */
  abandonAfter: entry<number>(count, 5),
  /** @unit - a client that ends for good by one odd message, which its session brings again, serves nobody */
  strict: entry<boolean>(flag, false),
  /** @unit - mosquitto as shipped holds all answers to a burst but the first for 40 ms, until a PINGREQ frees them */
  nudge: entry<boolean>(flag, true),
}

/**
 * Above this number mosquitto 2.0 acknowledges messages and does not deliver them.
 * @label `maxInFlight` at QoS 2
 * @unit messages - as many as mosquitto 2.0 has room for; if `maxInFlight` is given, that number
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
  factor: entry(realNumber(1, 1000), 2),
  /** @unit attempts - nobody is there to restart a device in the field */
  maxAttempts: entry<number>(count, Infinity),
  /** @unit attempts - only a server's profile knows of such a limit */
  maxAttemptsPerMinute: entry<number>(count, Infinity),
}

/**
 * @label `reconnect.retryInitial`
 * @unit - a wrong address or password is seen at once by whoever awaits `connect()`
 */
export const retryInitial = entry<boolean>(flag, false)

/**
 * @label (fixed) healthy connection
 * @unit ms - a server that accepts a client and then closes does so sooner; after this time the back-off starts again
 */
export const stableAfterMs = 30_000

/**
 * The limits of the outgoing queue.
 * @prefix queue.
 */
export const queueEntries = {
  /** @unit messages - some three hours of one message a second */
  maxMessages: entry(atLeastOne, 10_000),
  /** @unit bytes - ten thousand messages of 6 KiB */
  maxBytes: entry(atLeastOne, 67_108_864),
  /** @unit ms - no message is too old, unless the program sets an age */
  maxAgeMs: entry(milliseconds, Infinity),
  /** @unit - a message that was accepted is not dropped; the new message is refused */
  overflow: entry(oneOf(['reject', 'drop-oldest'] as const), 'reject'),
  /** @unit - at QoS 0 the newest value is of use; a burst of old values is not */
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
 * The settings of one table: for each name the value in `derived`, else the given value, which is checked already, else the default.
 * `derived` has the values that depend on other options.
 */
export function settingsFrom<Settings extends object>(
  table: Table<Settings>,
  given: Given<Settings>,
  derived: Given<NoInfer<Settings>> = given,
): Settings {
  const settings: { -readonly [Name in keyof Settings]?: Settings[Name] | undefined } = {}
  for (const name in table) {
    // A program may have added a property to Object.prototype, which is no entry.
    if (Object.hasOwn(table, name)) settings[name] = derived[name] ?? given[name] ?? table[name].defaultValue
  }
  if (isComplete(settings, table)) return settings
  throw new RangeError('an entry has no default')
}

/** Proves to the compiler that the loop has set every name. */
function isComplete<Settings extends object>(settings: Given<Settings>, table: Table<Settings>): settings is Settings {
  return Object.keys(table).every((name) => Reflect.get(settings, name) !== undefined)
}
