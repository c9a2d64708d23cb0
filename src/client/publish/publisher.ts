/**
 * `publish`: from the call of the application to the engine, and back to its promise.
 *
 * A message that may be sent again, or wait, is copied, and its promise is a ticket that the engine hands back with the outcome. What is
 * published before the session has been read from its store waits at the gate, and goes through it in the order of the calls.
 *
 * At QoS 0 a message that nothing stands before goes straight into the output chunk, and its promise is one that all such
 * messages share. That promise is settled already, so a loop that awaits each publish would never leave the turn and starve
 * every timer and socket; after every `settledBytesMax` the next publishes wait for the next turn, together. They are counted
 * across turns: nothing short of `setImmediate` tells a turn of the event loop from a tick of one that never ends.
 */
import { requireAttached } from '../../codec/field-checks.js'
import { validateTopicName } from '../../codec/topic.js'
import { hasLoneSurrogate } from '../../codec/utf8.js'
import { ClosedError, ConnectionLostError, QueueFullError, UsageError } from '../../errors.js'
import type { MessageDraft } from '../../protocol/outgoing/outgoing-queue.js'
import type { Session } from '../../protocol/session.js'
import { requirePublishOptions } from '../options/call-options.js'
import { abortSignal } from '../options/checks.js'
import type { ClientSettings } from '../options/client-settings.js'
import { requirePublishable } from '../options/profile-limits.js'
import type { PublishOptions } from '../surface/client-surface.js'
import { markHandled, rejection } from '../waiting/promises.js'
import { signalWatches } from '../waiting/signal-watches.js'
import type { PublishOutcomes } from './publish-outcomes.js'
import { PublishTicket, type Withdrawing } from './publish-ticket.js'

/** What the publisher asks of the driver of the engine. */
export interface PublishDriver {
  readonly session: Pick<Session<PublishTicket, unknown>, 'publish' | 'sendAtOnce' | 'withdraw'>
  /** What is sent in this turn of the event loop goes out at its end. Returns the time at which the turn began. */
  beginTurn(): number
  /** A call of the engine has returned. */
  engineReturned(): void
  /** What may be told only when the session store knows of it; begin a turn with it. */
  readonly outcomes: PublishOutcomes
}

/** What the publisher has to know of the client's life. */
export interface PublisherHost {
  /** False until the session has been read from its store, and the calls that waited for that have gone on. */
  readonly isOpen: boolean
  /** False once the client has ended, or ends and no handler runs any more. */
  readonly takesCalls: boolean
  /** 'offline' once a connection has been lost and no other has been made. */
  readonly state: 'idle' | 'connecting' | 'online' | 'offline' | 'closing' | 'closed'
  /** Resolves when the session has been read from its store; rejects when the client closes before, or the signal is aborted. */
  whenOpen(signal: AbortSignal | undefined): Promise<void>
}

/** A message as it was given to `publish`. */
interface Draft extends MessageDraft {
  /** Whose memory the payload is: the caller's, who may use it again as soon as `publish` returns, or ours, made of a string. */
  readonly payloadOf: 'caller' | 'us'
}

const settledBytesMax = 65_536
/** A settled message weighs this much beside its payload, so that many empty ones end the turn too. */
const messageWeight = 64
/** So many Topic Names are remembered as valid. */
const knownTopicsMax = 1024

const accepted = Promise.resolve()
const defaults: PublishOptions = {}

export class Publisher implements Withdrawing {
  readonly #host: PublishDriver
  readonly #client: PublisherHost
  readonly #settings: ClientSettings
  readonly #knownTopics = new Set<string>()
  #settledBytes = 0
  #nextTurn: Promise<void> | undefined
  /** Calls that wait for the session to be read from its store. */
  #early = 0

  constructor(host: PublishDriver, client: PublisherHost, settings: ClientSettings) {
    this.#host = host
    this.#client = client
    this.#settings = settings
  }

  publish(topic: string, payload: string | Uint8Array, options: PublishOptions = defaults): Promise<void> {
    try {
      return this.#publish(topic, payload, options)
    } catch (error) {
      return this.#refuse(error)
    }
  }

  #refuse(error: unknown): Promise<void> {
    this.#host.outcomes.rejected(error)
    return rejection(error)
  }

  #publish(topic: string, payload: string | Uint8Array, options: PublishOptions): Promise<void> {
    if (options !== defaults) requirePublishOptions(options)
    const { qos = 0, retain = false, until = 'acknowledged' } = options
    const signal = abortSignal('signal', options.signal)
    this.#checkTopic(topic)
    if (qos !== 0 && qos !== 1 && qos !== 2) {
      throw new UsageError(`qos has to be 0, 1 or 2, not ${String(qos)}`, { statement: 'MQTT-3.3.1-4' })
    }
    if (typeof retain !== 'boolean') throw new UsageError(`retain has to be true or false, not ${String(retain)}`)
    if (until !== 'acknowledged' && until !== 'stored') {
      throw new UsageError(`until has to be 'acknowledged' or 'stored', not ${String(until)}`)
    }
    if (until === 'stored' && qos === 0) {
      throw new UsageError("until: 'stored' needs QoS 1 or 2: a message at QoS 0 is never stored")
    }
    if (until === 'stored' && this.#settings.store?.durable !== true) {
      throw new UsageError("until: 'stored' needs a durable store, such as fileStore(): without one nothing is stored")
    }
    if (signal?.aborted) return this.#refuse(signal.reason)
    const payloadOf = typeof payload === 'string' ? 'us' : 'caller'
    const draft: Draft = { topic, payload: bytesOf(payload), qos, retain, payloadOf }
    const { profile } = this.#settings
    if (profile !== undefined) {
      requirePublishable(profile, 'the message', { topic, payloadBytes: draft.payload.byteLength, qos, retain })
    }
    requireLength(draft)
    return this.#accept(draft, until, signal)
  }

  #checkTopic(topic: string): void {
    if (this.#knownTopics.has(topic)) return
    validateTopicName(topic)
    if (this.#knownTopics.size >= knownTopicsMax) this.#knownTopics.clear()
    this.#knownTopics.add(topic)
  }

  #accept(draft: Draft, until: 'acknowledged' | 'stored', signal: AbortSignal | undefined): Promise<void> {
    this.#refuseIfEnding()
    return this.#client.isOpen ? this.#acceptNow(draft, until, signal) : this.#acceptLater(draft, until, signal)
  }

  #refuseIfEnding(): void {
    if (!this.#client.takesCalls) {
      throw new ClosedError(`publish() was called on a client that is ${this.#client.state}`, { delivery: 'none' })
    }
  }

  #acceptNow(draft: Draft, until: 'acknowledged' | 'stored', signal: AbortSignal | undefined): Promise<void> {
    if (draft.qos === 0) {
      if (this.#host.session.sendAtOnce(draft)) {
        this.#host.engineReturned()
        return this.#settledAtOnce(draft.payload.byteLength)
      }
      if (this.#client.state === 'offline' && !this.#settings.queue.offlineQos0) {
        const text =
          'there is no connection, and a message at QoS 0 does not wait for one: publish at QoS 1, or set queue.offlineQos0'
        throw new ConnectionLostError(text, { reason: 'offline', delivery: 'none' })
      }
    }
    return this.#enqueue(draft, until, signal)
  }

  #enqueue(draft: Draft, until: 'acknowledged' | 'stored', signal: AbortSignal | undefined): Promise<void> {
    const ticket = new PublishTicket(until)
    ticket.message = this.#host.session.publish(kept(draft), ticket, this.#host.beginTurn())
    this.#host.engineReturned()
    if (until === 'stored') this.#host.outcomes.stored(ticket)
    if (signal !== undefined && ticket.isWaiting) {
      ticket.watched(signal, this)
      signalWatches.add(signal, ticket)
    }
    return ticket.promise
  }

  /** The session is still being read from its store: the message waits for that, in order. */
  #acceptLater(draft: Draft, until: 'acknowledged' | 'stored', signal: AbortSignal | undefined): Promise<void> {
    if (this.#early >= this.#settings.queue.maxMessages) {
      throw new QueueFullError(
        `the outgoing queue is full: queue.maxMessages is ${this.#settings.queue.maxMessages}, and the session store is not open yet`,
        { delivery: 'none' },
      )
    }
    this.#early += 1
    const ours = kept(draft)
    const published = this.#client.whenOpen(signal).then(
      () => {
        this.#early -= 1
        return this.#acceptInTurn(ours, until, signal)
      },
      (reason: unknown) => {
        this.#early -= 1
        return this.#refuse(reason)
      },
    )
    return markHandled(published)
  }

  #acceptInTurn(draft: Draft, until: 'acknowledged' | 'stored', signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return this.#refuse(signal.reason)
    try {
      // It was taken before the client began to end, if it has.
      return this.#acceptNow(draft, until, signal)
    } catch (error) {
      return this.#refuse(error)
    }
  }

  #settledAtOnce(payloadBytes: number): Promise<void> {
    this.#settledBytes += payloadBytes + messageWeight
    if (this.#settledBytes < settledBytesMax) return accepted
    this.#nextTurn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#nextTurn = undefined
        this.#settledBytes = 0
        resolve()
      })
    })
    return this.#nextTurn
  }

  /** The signal of a publish has fired: the message is taken back if that is still possible, and the wait ends either way. */
  withdraw(ticket: PublishTicket, reason: unknown): void {
    const { message } = ticket
    if (message === undefined || !ticket.isWaiting) return
    if (this.#host.session.withdraw(message)) {
      this.#host.outcomes.withdrawn(ticket, reason)
      this.#host.beginTurn()
    } else {
      this.#host.outcomes.rejected(reason)
      ticket.reject(reason)
    }
  }

  unwatch(ticket: PublishTicket, signal: AbortSignal): void {
    signalWatches.delete(signal, ticket)
  }
}

function bytesOf(payload: string | Uint8Array): Uint8Array {
  if (typeof payload === 'string') {
    const bytes = Buffer.from(payload, 'utf8')
    // As many bytes as characters: it is ASCII.
    if (bytes.length === payload.length || !hasLoneSurrogate(payload)) return bytes
    throw new UsageError('the payload holds a lone surrogate, which has no UTF-8 form: give the bytes', {
      statement: '3.3.3',
    })
  }
  if (payload instanceof Uint8Array) {
    requireAttached(payload, 'the payload', '3.3.3')
    return payload
  }
  throw new UsageError(
    `a payload has to be a string or a Uint8Array, not ${payload === null ? 'null' : typeof payload}: encode it yourself, for example with JSON.stringify`,
    { statement: '3.3.3' },
  )
}

/** The message, to be sent now, and perhaps again much later. */
function kept(draft: Draft): Draft {
  return draft.payloadOf === 'us' ? draft : { ...draft, payload: Buffer.from(draft.payload), payloadOf: 'us' }
}

/** Two bytes for the length of the Topic Name and two for the Packet Identifier count as well (section 2.2.3). */
function requireLength({ topic, payload, qos }: MessageDraft): void {
  if (payload.byteLength < 268_000_000) return
  const length = 2 + Buffer.byteLength(topic) + (qos === 0 ? 0 : 2) + payload.byteLength
  if (length <= 268_435_455) return
  throw new UsageError(`the message would have a Remaining Length of ${length} bytes; MQTT allows 268435455`, {
    statement: '2.2.3',
  })
}
