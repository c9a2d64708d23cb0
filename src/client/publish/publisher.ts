/**
 * `publish`: from the call of the program to the engine, and from the engine to the promise of the call.
 *
 * If a message has to wait, or may be sent again, its payload is copied. Its promise belongs to a ticket; the engine returns the
 * ticket with the result. A message that is published before the session is read from its store waits for that, in the order of
 * the calls.
 *
 * A message at QoS 0 with no message before it goes straight into the output chunk. All such messages share one promise, which is
 * resolved already. So a loop that awaits each publish would run on in the same turn of the event loop, and no timer and no socket
 * would get its turn. Therefore after each `sentBytesMax` bytes the next publishes wait for the next turn; they share one promise
 * too. The bytes are counted across turns, because only `setImmediate` shows that a turn has ended.
 */

import { kindOf, outline, requireAttached, requireQos } from '../../codec/field-checks.js'
import { validateTopicName } from '../../codec/topic.js'
import { hasLoneSurrogate } from '../../codec/utf8.js'
import { ClosedError, ConnectionLostError, QueueFullError, UsageError } from '../../errors.js'
import { refuseMore } from '../../option-names.js'
import type { MessageDraft } from '../../protocol/outgoing/outgoing-queue.js'
import type { Session } from '../../protocol/session.js'
import { isBytes } from '../../realms/foreign-values.js'
import { requirePublishOptions } from '../options/call-options.js'
import { abortSignal, flag } from '../options/checks.js'
import type { ClientSettings } from '../options/client-settings.js'
import { requirePublishable, requireTopicWithin } from '../options/profile-limits.js'
import type { PublishOptions } from '../surface/client-surface.js'
import { markHandled, rejection } from '../waiting/promises.js'
import { signalWatches } from '../waiting/signal-watches.js'
import type { PublishOutcomes } from './publish-outcomes.js'
import { PublishTicket, type PublishTicketOwner } from './publish-ticket.js'

/** What the publisher asks of the driver of the engine. */
export interface PublishDriver {
  readonly session: Pick<Session<PublishTicket, unknown>, 'publish' | 'sendAtOnce' | 'withdraw'>
  /** Everything that is sent in this turn of the event loop is written at its end. Returns the time at which the turn began. */
  beginTurn(): number
  /** A call of the engine has returned. */
  engineReturned(): void
  /** Promises that settle only when the session store has a record of that. Each use needs `beginTurn`, which starts the record. */
  readonly outcomes: PublishOutcomes
}

/** What the publisher asks of the lifecycle. */
export interface PublishLifecycle {
  /** False until the session is read from its store, and until the calls that waited for that have gone on. */
  readonly isOpen: boolean
  /** Whether the program may publish: before `end()`, and after it as long as a handler runs. */
  readonly takesCalls: boolean
  /** 'offline' when a connection was lost and the client has not made another. */
  readonly state: 'idle' | 'connecting' | 'online' | 'offline' | 'closing' | 'closed'
  /** Calls `goOn` when the session is read from its store; rejects when the client closes before that, or when the signal is aborted. */
  whenOpen<T>(signal: AbortSignal | undefined, goOn: () => T): Promise<T>
}

/** A message that `publish` has checked. */
interface Draft extends MessageDraft {
  /** The caller may change its own payload as soon as `publish` returns. The client has its own payload: a copy, or an encoded string. */
  readonly payloadOwner: 'caller' | 'client'
}

const sentBytesMax = 65_536
/** Beside its payload each message counts the length of its Topic Name, and at least this, so that empty messages reach `sentBytesMax` too. */
const messageWeight = 64
/** The publisher remembers this many valid Topic Names, of so many characters each and in total. */
const knownTopicsMax = 1024
const knownCharactersMaxEach = 256
const knownCharactersMax = 65_536

const resolved = Promise.resolve()
const defaults: PublishOptions = {}

export class Publisher implements PublishTicketOwner {
  readonly #driver: PublishDriver
  readonly #lifecycle: PublishLifecycle
  readonly #settings: ClientSettings
  readonly #knownTopics = new Set<string>()
  #knownCharacters = 0
  /** Bytes of QoS 0 messages whose promise was resolved from the start. */
  #sentBytes = 0
  #nextTurn: Promise<void> | undefined
  /** The number of calls that wait until the session is read from its store. */
  #waitingCalls = 0

  constructor(driver: PublishDriver, lifecycle: PublishLifecycle, settings: ClientSettings) {
    this.#driver = driver
    this.#lifecycle = lifecycle
    this.#settings = settings
  }

  /** `more` is what the program gave behind the options; a list of all that follows would be made for each message. */
  publish(
    topic: string,
    payload: string | Uint8Array,
    options: PublishOptions = defaults,
    more?: unknown,
  ): Promise<void> {
    try {
      if (more !== undefined) refuseMore('publish()', [more])
      return this.#publish(topic, payload, options)
    } catch (error) {
      return this.#refuse(error)
    }
  }

  #refuse(error: unknown): Promise<void> {
    this.#driver.outcomes.countRejection(error)
    return rejection(error)
  }

  #publish(topic: string, payload: string | Uint8Array, options: PublishOptions): Promise<void> {
    if (options !== defaults) requirePublishOptions(options)
    const { qos = 0, retain = false, until = 'acknowledged' } = options
    const signal = abortSignal('signal', options.signal)
    this.#checkTopic(topic)
    requireQos(qos, 'qos', 'MQTT-3.3.1-4')
    flag('retain', retain)
    if (until !== 'acknowledged' && until !== 'stored') {
      throw new UsageError(`until has to be 'acknowledged' or 'stored', not ${outline(until)}`)
    }
    if (until === 'stored' && qos === 0) {
      throw new UsageError("until: 'stored' needs QoS 1 or 2: a message at QoS 0 is never stored")
    }
    if (until === 'stored' && this.#settings.store?.durable !== true) {
      throw new UsageError("until: 'stored' needs a durable store, such as fileStore(): without one nothing is stored")
    }
    if (signal?.aborted) return this.#refuse(signal.reason)
    const payloadOwner = typeof payload === 'string' ? 'client' : 'caller'
    const draft: Draft = { topic, payload: bytesOf(payload), qos, retain, payloadOwner }
    const { profile } = this.#settings
    if (profile !== undefined) {
      requirePublishable(profile, 'the message', { payloadBytes: draft.payload.byteLength, qos, retain })
    }
    requireLength(draft)
    return this.#accept(draft, until, signal)
  }

  #checkTopic(topic: string): void {
    if (this.#knownTopics.has(topic)) return
    validateTopicName(topic)
    const { profile } = this.#settings
    if (profile !== undefined) requireTopicWithin(profile, 'the message', topic)
    if (topic.length <= knownCharactersMaxEach) this.#remember(topic)
  }

  #remember(topic: string): void {
    if (this.#knownTopics.size >= knownTopicsMax || this.#knownCharacters + topic.length > knownCharactersMax) {
      this.#knownTopics.clear()
      this.#knownCharacters = 0
    }
    this.#knownTopics.add(topic)
    this.#knownCharacters += topic.length
  }

  #accept(draft: Draft, until: 'acknowledged' | 'stored', signal: AbortSignal | undefined): Promise<void> {
    this.#refuseIfEnding()
    return this.#lifecycle.isOpen ? this.#acceptNow(draft, until, signal) : this.#acceptLater(draft, until, signal)
  }

  #refuseIfEnding(): void {
    if (!this.#lifecycle.takesCalls) {
      throw new ClosedError(`publish() was called on a client that is ${this.#lifecycle.state}`, { delivery: 'none' })
    }
  }

  #acceptNow(draft: Draft, until: 'acknowledged' | 'stored', signal: AbortSignal | undefined): Promise<void> {
    if (draft.qos === 0) {
      if (this.#driver.session.sendAtOnce(draft)) {
        this.#driver.engineReturned()
        return this.#resolveSent(draft)
      }
      if (this.#lifecycle.state === 'offline' && !this.#settings.queue.offlineQos0) {
        const text =
          'there is no connection, and a message at QoS 0 does not wait for one: publish at QoS 1, or set queue.offlineQos0'
        throw new ConnectionLostError(text, { reason: 'offline', delivery: 'none' })
      }
    }
    return this.#enqueue(draft, until, signal)
  }

  #enqueue(draft: Draft, until: 'acknowledged' | 'stored', signal: AbortSignal | undefined): Promise<void> {
    const ticket = new PublishTicket(until)
    if (signal === undefined) return this.#enqueueAs(ticket, draft)
    signalWatches.add(signal, ticket)
    ticket.setSignal(signal, this)
    try {
      return this.#enqueueAs(ticket, draft)
    } catch (error) {
      signalWatches.delete(signal, ticket)
      throw error
    }
  }

  #enqueueAs(ticket: PublishTicket, draft: Draft): Promise<void> {
    ticket.message = this.#driver.session.publish(withOwnPayload(draft), ticket, this.#driver.beginTurn())
    this.#driver.engineReturned()
    if (ticket.until === 'stored') this.#driver.outcomes.resolveWhenStored(ticket)
    return ticket.promise
  }

  /** The session is not read from its store yet: the message waits for that, in the order of the calls. */
  #acceptLater(draft: Draft, until: 'acknowledged' | 'stored', signal: AbortSignal | undefined): Promise<void> {
    if (this.#waitingCalls >= this.#settings.queue.maxMessages) {
      throw new QueueFullError(
        `the outgoing queue is full: queue.maxMessages is ${this.#settings.queue.maxMessages}, and the session store is not open yet`,
        { delivery: 'none' },
      )
    }
    this.#waitingCalls += 1
    return markHandled(this.#acceptAfterWait(withOwnPayload(draft), until, signal))
  }

  async #acceptAfterWait(
    draft: Draft,
    until: 'acknowledged' | 'stored',
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      // The call was accepted before the program called end(), if it has called end() meanwhile. The promise of the message is in an
      // object, because the call does not wait for that promise here.
      const goOn = () => ({ settled: this.#acceptNow(draft, until, signal) })
      return (await this.#lifecycle.whenOpen(signal, goOn)).settled
    } catch (error) {
      return this.#refuse(error)
    } finally {
      this.#waitingCalls -= 1
    }
  }

  /** The promise for a QoS 0 message that is in the output chunk. */
  #resolveSent({ topic, payload }: Draft): Promise<void> {
    this.#sentBytes += payload.byteLength + Math.max(messageWeight, topic.length)
    if (this.#sentBytes < sentBytesMax) return resolved
    this.#nextTurn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#nextTurn = undefined
        this.#sentBytes = 0
        resolve()
      })
    })
    return this.#nextTurn
  }

  /** Takes the message back if it has no Packet Identifier yet. The promise of the publish rejects in both cases. */
  withdraw(ticket: PublishTicket, reason: unknown): void {
    const { message } = ticket
    if (message === undefined || !ticket.isWaiting) return
    if (this.#driver.session.withdraw(message)) {
      // A signal with many calls tells each of them twice, and the rejection may wait for the session store.
      ticket.message = undefined
      this.#driver.outcomes.rejectWhenStored(ticket, reason)
      this.#driver.beginTurn()
    } else {
      this.#driver.outcomes.countRejection(reason)
      ticket.reject(reason)
    }
  }
}

function bytesOf(payload: string | Uint8Array): Uint8Array {
  if (typeof payload === 'string') {
    const bytes = Buffer.from(payload, 'utf8')
    // A string with as many bytes as characters is ASCII.
    if (bytes.length === payload.length || !hasLoneSurrogate(payload)) return bytes
    throw new UsageError('the payload holds a lone surrogate, which has no UTF-8 form: give the bytes', {
      statement: '3.3.3',
    })
  }
  if (isBytes(payload)) {
    requireAttached(payload, 'the payload', '3.3.3')
    return payload
  }
  throw new UsageError(
    `a payload has to be a string or a Uint8Array, not ${kindOf(payload)}: encode it yourself, for example with JSON.stringify`,
    { statement: '3.3.3' },
  )
}

/** The message with a payload that the caller cannot change: a copy, unless the payload was a string. */
function withOwnPayload(draft: Draft): Draft {
  return draft.payloadOwner === 'client'
    ? draft
    : { ...draft, payload: Buffer.from(draft.payload), payloadOwner: 'client' }
}

/** Remaining Length includes two bytes for the length of the Topic Name and two for the Packet Identifier (section 2.2.3). */
function requireLength({ topic, payload, qos }: MessageDraft): void {
  if (payload.byteLength < 268_000_000) return
  const length = 2 + Buffer.byteLength(topic) + (qos === 0 ? 0 : 2) + payload.byteLength
  if (length <= 268_435_455) return
  throw new UsageError(`the message would have a Remaining Length of ${length} bytes; MQTT allows 268435455`, {
    statement: '2.2.3',
  })
}
