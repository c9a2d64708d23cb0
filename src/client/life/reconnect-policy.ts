/**
 * Decides whether another attempt follows the end of a connection or of an attempt, and when.
 *
 * An MQTT 3.1.1 server that refuses what a client does can only close the connection, without a reason. If it does so again and
 * again soon after CONNACK, the engine finds out why (`protocol/suspects`). Until that is proved, the error says "perhaps", and
 * names what was unanswered. The waits grow by themselves, because a short connection does not reset the back-off.
 */
import {
  ConnectionLostError,
  ConnectionRefusedError,
  type LossReason,
  MalformedPacketError,
  ProtocolViolationError,
  StoreError,
  UsageError,
} from '../../errors.js'
import type { CutReport, Verdict } from '../../protocol/suspects/suspects.js'
import { isCertificateFailure, isNotYetValid } from '../../transport/index.js'
import type { ReconnectSettings } from '../options/reconnect.js'
import type { ServerProfile } from '../options/server-profile.js'
import {
  attemptAllowedInMs,
  type BackoffState,
  endAttempt,
  initialBackoff,
  type NextWait,
  nextDelayMs,
  startAttempt,
} from './backoff.js'

/** After the same fault of the server this many times in a row, the client ends. */
const sameFaultsMax = 3

/** After this many short connections in a row, the error names a likely cause. */
const shortLivedMax = 3

/** A connection that has ended. */
export interface ConnectionEnd {
  readonly upForMs: number
  /** Undefined if the connection was not cut, but ended by this client. */
  readonly cut: CutReport | undefined
}

type Decision =
  | { readonly is: 'terminal' }
  /** `harmful`: the server did what no server may do. */
  | { readonly is: 'retry'; readonly nextWait: NextWait; readonly harmful: boolean }

const terminal: Decision = { is: 'terminal' }
const retry = (nextWait: NextWait): Decision => ({ is: 'retry', nextWait, harmful: false })

/** How a connection, or an attempt to connect, has ended. */
export interface AttemptOutcome {
  readonly error: Error
  /** Undefined if there was no CONNACK with Return Code 0. */
  readonly connection: ConnectionEnd | undefined
  /** Whether this client has ever received CONNACK with Return Code 0. */
  readonly everOnline: boolean
  /** Milliseconds on the clock of the client. */
  readonly now: number
}

export interface NextAttempt {
  /** The error for the program: mostly the error of the outcome. */
  readonly error: Error
  /** Undefined if no other attempt follows. */
  readonly delayMs: number | undefined
}

/** Remembers the faults of the server from one connection to the next. */
export class ReconnectPolicy {
  readonly #settings: ReconnectSettings
  /** Whether each attempt has a login of its own, so that a later one may be accepted. */
  readonly #login: 'fixed' | 'renewed'
  /** Return Codes 4 and 5 so far. */
  #refusedLogins = 0
  #backoff: BackoffState = initialBackoff
  #fault: { readonly name: string; readonly count: number } | undefined
  /** The number of short connections in a row. */
  #shortLived = 0

  constructor(settings: ReconnectSettings, login: 'fixed' | 'renewed') {
    this.#settings = settings
    this.#login = login
  }

  attemptStarted(now: number): void {
    this.#backoff = startAttempt(this.#backoff, this.#settings.backoff, now)
  }

  /** How long `maxAttemptsPerMinute` still forbids the next attempt. */
  forbiddenForMs(now: number): number {
    return Math.max(0, attemptAllowedInMs(this.#backoff, this.#settings.backoff, now))
  }

  /** The attempt, or its connection, is over. */
  ended({ error: cause, connection, everOnline, now }: AttemptOutcome): NextAttempt {
    const { backoff, retryInitial } = this.#settings
    const error = connection === undefined ? cause : this.#nameCause(cause, connection, backoff.stableAfterMs)
    // A connection that lasted so long was healthy: faults before it do not count any more.
    if (connection !== undefined && connection.upForMs >= backoff.stableAfterMs) this.#fault = undefined
    const decision = this.#decide(error, everOnline)
    if (decision.is === 'terminal' || (!everOnline && !retryInitial)) return { error, delayMs: undefined }
    const { nextWait, harmful } = decision
    this.#backoff = endAttempt(
      this.#backoff,
      backoff,
      connection === undefined
        ? { kind: 'failed', nextWait }
        : { kind: 'disconnected', upForMs: connection.upForMs, harmful },
    )
    return { error, delayMs: nextDelayMs(this.#backoff, backoff, now, Math.random) }
  }

  #decide(error: Error, everOnline: boolean): Decision {
    const fault = faultName(error)
    this.#fault =
      fault === undefined ? undefined : { name: fault, count: this.#fault?.name === fault ? this.#fault.count + 1 : 1 }
    if (error instanceof UsageError || error instanceof StoreError) return terminal
    if (error instanceof ConnectionRefusedError) return this.#decideByReturnCode(error.returnCode, everOnline)
    if (isCertificateFailure(error)) {
      if (everOnline) return retry('longest')
      // A machine that has just started may not have the time yet.
      return isNotYetValid(error) ? retry('jittered') : terminal
    }
    if (error instanceof ProtocolViolationError && error.violation === 'wrong-acknowledgement') return terminal
    if (this.#fault !== undefined && this.#fault.count >= sameFaultsMax) return terminal
    return { is: 'retry', nextWait: 'jittered', harmful: fault !== undefined }
  }

  #decideByReturnCode(returnCode: number, everOnline: boolean): Decision {
    switch (returnCode) {
      // The server does not take this protocol level or this Client Identifier: another attempt would fail in the same way.
      case 1:
      case 2:
        return terminal
      // The server does not accept the login. At the first connection it is probably wrong; later the server may accept it again.
      case 4:
      case 5:
        if (everOnline) return retry('longest')
        if (this.#login === 'fixed') return terminal
        this.#refusedLogins += 1
        // The next login may be a fresh one, or the clock may be right by then. A wrong secret must not come again and again.
        return retry(this.#refusedLogins === 1 ? 'shortest' : 'longest')
      default:
        return retry('jittered')
    }
  }

  /** After several short connections in a row, or a proof: an error that names the likely cause. Otherwise the error that was given. */
  #nameCause(error: Error, { upForMs, cut }: ConnectionEnd, stableAfterMs: number): Error {
    const isCut = error instanceof ConnectionLostError && !closedByUs.has(error.reason)
    this.#shortLived = upForMs >= stableAfterMs || !isCut ? 0 : this.#shortLived + 1
    if (!isCut) return error
    const count = `${this.#shortLived} connections in a row were cut within ${stableAfterMs / 1000} s of CONNACK`
    const text = likelyCause(cut, this.#shortLived < shortLivedMax ? undefined : count)
    if (text === undefined) return withHint(error, cut?.hint)
    const hint = cut?.hint === undefined ? '' : `; ${cut.hint}`
    return new ConnectionLostError(`${text}${hint}; the last one: ${error.message}`, {
      reason: 'short-lived',
      cause: error,
    })
  }
}

function withHint(error: ConnectionLostError, hint: string | undefined): ConnectionLostError {
  if (hint === undefined) return error
  const { message, reason, cause } = error
  return new ConnectionLostError(`${message}; a message at QoS 2 was unanswered: ${hint}`, { reason, cause })
}

const otherCauses = 'another client uses the same Client Identifier, or the server restarts often'

/** `inARow` tells of short connections; undefined if there were few. Returns undefined if nothing is known either. */
function likelyCause(cut: CutReport | undefined, inARow: string | undefined): string | undefined {
  const { proves, verdict, strikes, unanswered = [] }: Partial<CutReport> = cut ?? {}
  const asked = unanswered.join(' and ')
  if (proves === 'strike' && verdict !== undefined) {
    const times = strikes === 1 ? 'once' : `${strikes} times`
    return `the server closed the connection when it got ${asked} and nothing else, ${times}: ${outcomes[verdict]}`
  }
  if (proves === 'quiet') {
    const which = inARow === undefined ? 'the connection was cut' : `${inARow}, the last one`
    return `${which} while the client asked for nothing: perhaps ${otherCauses}`
  }
  if (inARow === undefined) return undefined
  if (unanswered.length === 0) return `${inARow}, and perhaps ${otherCauses}`
  return `${inARow}, and ${asked} was unanswered: perhaps the server refuses that by closing, or ${otherCauses}`
}

const outcomes: Readonly<Record<Verdict, string>> = {
  struck: 'perhaps it refuses that; the client tries again',
  parked: 'it seems to refuse that, so all else goes first from now on',
  abandoned: 'the client has given it up (abandonAfter)',
  refused: 'it refuses that',
}

/** With these reasons the client itself closed the connection: nobody has cut it off. */
const closedByUs: ReadonlySet<LossReason> = new Set<LossReason>(['redelivery', 'unanswered'])

function faultName(error: Error): string | undefined {
  if (error instanceof MalformedPacketError) return error.fault
  if (error instanceof ProtocolViolationError) return error.violation
  return undefined
}

/** The error; if no root certificate was found for the server, with the text of `profile.rootCertificates`. */
export function withRootCertificates(error: Error, profile: ServerProfile | undefined): Error {
  if (!(error instanceof ConnectionLostError) || error.reason !== 'certificate-untrusted') return error
  if (profile?.rootCertificates === undefined) return error
  const text = `${error.message}; the certificates of ${profile.name} end in ${profile.rootCertificates}`
  return new ConnectionLostError(text, { reason: error.reason, cause: error.cause })
}
