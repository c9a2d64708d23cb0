/**
 * What the end of a connection, or of an attempt to get one, means for the next.
 *
 * A server that does not like what a client does can only cut the connection, and says nothing. When it does so again and again
 * shortly after CONNACK, going on as before is a loop: two clients with one identity throw each other out, or one
 * message is refused each time it is sent again. What can be told apart is told in the error; the attempts slow down by themselves,
 * since a connection that did not last resets no back-off.
 */
import {
  ConnectionLostError,
  ConnectionRefusedError,
  MalformedPacketError,
  ProtocolViolationError,
  StoreError,
  UsageError,
} from '../../errors.js'
import { isCertificateFailure } from '../../transport/index.js'
import type { ReconnectSettings } from '../options/reconnect.js'
import type { ServerProfile } from '../options/server-profile.js'
import { type BackoffState, endAttempt, initialBackoff, nextDelayMs, startAttempt } from './backoff.js'

/** So many alike faults of the server in a row are no accident any more. */
const alikeFaultsMax = 3

/** So many connections in a row that end soon after CONNACK are a pattern. */
const shortLivedMax = 3

/** How a connection was when it ended. */
export interface ConnectionEnd {
  readonly upForMs: number
  /** The oldest message that was on its way. */
  readonly unacknowledged: { readonly sequence: number; readonly topic: string; readonly qos: number } | undefined
}

export type Verdict =
  | { readonly is: 'terminal' }
  /** `lasting`: it will not heal soon. `harmful`: the server did what no server may. */
  | { readonly is: 'retry'; readonly lasting: boolean; readonly harmful: boolean }

const terminal: Verdict = { is: 'terminal' }

/** How a connection, or the attempt to get one, has ended. */
export interface AttemptOutcome {
  readonly error: Error
  /** Undefined if there was no CONNACK with Return Code 0. */
  readonly connection: ConnectionEnd | undefined
  /** Whether this client has ever had one. */
  readonly everOnline: boolean
  /** Milliseconds on the clock of the client. */
  readonly now: number
}

/** What follows from it. */
export interface NextAttempt {
  /** What says best what is going on: mostly the error that was given. */
  readonly error: Error
  /** Undefined if there is to be no other attempt. */
  readonly delayMs: number | undefined
}

/** Decides whether and when a client tries again. It remembers faults of the server from one connection to the next. */
export class ReconnectPolicy {
  readonly #settings: ReconnectSettings
  #backoff: BackoffState = initialBackoff
  #fault: { readonly name: string; readonly count: number } | undefined
  /** Connections in a row that ended soon, and the message that was on its way in all of them. */
  #shortLived: { readonly count: number; readonly suspect: ConnectionEnd['unacknowledged'] } | undefined

  constructor(settings: ReconnectSettings) {
    this.#settings = settings
  }

  attemptStarted(now: number): void {
    this.#backoff = startAttempt(this.#backoff, this.#settings.backoff, now)
  }

  /** The attempt, or the connection that it became, is over. */
  ended({ error: cause, connection, everOnline, now }: AttemptOutcome): NextAttempt {
    const { backoff, retryInitial } = this.#settings
    const error = connection === undefined ? cause : this.#explain(cause, connection, backoff.stableAfterMs)
    if (connection !== undefined && connection.upForMs >= backoff.stableAfterMs) {
      // The connection has proved healthy: what was before is forgotten.
      this.#fault = undefined
    }
    const verdict = this.#judge(error, everOnline)
    if (verdict.is === 'terminal' || (!everOnline && !retryInitial)) return { error, delayMs: undefined }
    const { lasting, harmful } = verdict
    this.#backoff = endAttempt(
      this.#backoff,
      backoff,
      connection === undefined
        ? { kind: 'failed', lasting }
        : { kind: 'disconnected', upForMs: connection.upForMs, harmful },
    )
    return { error, delayMs: nextDelayMs(this.#backoff, backoff, now, Math.random) }
  }

  /** `everOnline`: whether this client has ever had CONNACK with Return Code 0. */
  #judge(error: Error, everOnline: boolean): Verdict {
    const fault = faultName(error)
    this.#fault =
      fault === undefined ? undefined : { name: fault, count: this.#fault?.name === fault ? this.#fault.count + 1 : 1 }
    if (error instanceof UsageError || error instanceof StoreError) return terminal
    if (error instanceof ConnectionRefusedError) return judgeRefusal(error.returnCode, everOnline)
    if (isCertificateFailure(error)) return everOnline ? { is: 'retry', lasting: true, harmful: false } : terminal
    if (error instanceof ProtocolViolationError && error.violation === 'wrong-acknowledgement') return terminal
    if (this.#fault !== undefined && this.#fault.count >= alikeFaultsMax) return terminal
    return { is: 'retry', lasting: false, harmful: fault !== undefined }
  }

  /**
   * A connection has ended, `stableAfterMs` or more after CONNACK or sooner. Gives the error that says best what is going on: mostly
   * the one that it was given.
   */
  #explain(error: Error, { upForMs, unacknowledged }: ConnectionEnd, stableAfterMs: number): Error {
    // A connection that we ended ourselves, so that a message comes again, says nothing about the server.
    const cut = error instanceof ConnectionLostError && error.reason !== 'redelivery'
    if (upForMs >= stableAfterMs || !cut) {
      this.#shortLived = undefined
      return error
    }
    const before = this.#shortLived
    const same = before === undefined || before.suspect?.sequence === unacknowledged?.sequence
    this.#shortLived = { count: (before?.count ?? 0) + 1, suspect: same ? unacknowledged : undefined }
    const { count, suspect } = this.#shortLived
    if (count < shortLivedMax) return error
    const text = `${count} connections in a row were cut within ${stableAfterMs / 1000} s of CONNACK`
    const reason =
      suspect === undefined
        ? 'perhaps another client uses the same Client Identifier and each throws the other out, or the server keeps restarting'
        : `each while the same message was unacknowledged (QoS ${suspect.qos}, topic ${JSON.stringify(suspect.topic)}): perhaps the server refuses it`
    return new ConnectionLostError(`${text}, ${reason}; the last one: ${error.message}`, {
      reason: 'short-lived',
      cause: error,
    })
  }
}

function faultName(error: Error): string | undefined {
  if (error instanceof MalformedPacketError) return error.fault
  if (error instanceof ProtocolViolationError) return error.violation
  return undefined
}

function judgeRefusal(returnCode: number, everOnline: boolean): Verdict {
  switch (returnCode) {
    // The wrong protocol, or a Client Identifier that is not allowed: asking again changes nothing.
    case 1:
    case 2:
      return terminal
    // The wrong password, or no right to connect: a mistake at first, but a server that has let us in before may do so again.
    case 4:
    case 5:
      return everOnline ? { is: 'retry', lasting: true, harmful: false } : terminal
    default:
      return { is: 'retry', lasting: false, harmful: false }
  }
}

/** The error, with what the profile says about the roots of its server if one of them seems to be missing here. */
export function withRootCertificates(error: Error, profile: ServerProfile | undefined): Error {
  if (!(error instanceof ConnectionLostError) || error.reason !== 'certificate-untrusted') return error
  if (profile?.rootCertificates === undefined) return error
  const text = `${error.message}; the certificates of ${profile.name} end in ${profile.rootCertificates}`
  return new ConnectionLostError(text, { reason: error.reason, cause: error.cause })
}
