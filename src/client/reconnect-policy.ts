/** What the end of a connection, or of an attempt to get one, means for the next. */
import {
  ConnectionRefusedError,
  MalformedPacketError,
  ProtocolViolationError,
  StoreError,
  UsageError,
} from '../errors.js'
import { isCertificateFailure } from '../transport/index.js'

/** So many alike faults of the server in a row are no accident any more. */
const alikeFaultsMax = 3

export type Verdict =
  | { readonly is: 'terminal' }
  /** `lasting`: it will not heal soon. `harmful`: the server did what no server may. */
  | { readonly is: 'retry'; readonly lasting: boolean; readonly harmful: boolean }

const terminal: Verdict = { is: 'terminal' }

/** Remembers faults of the server from one connection to the next. */
export class ReconnectPolicy {
  #fault: { readonly name: string; readonly count: number } | undefined

  /** `everOnline`: whether this client has ever had CONNACK with Return Code 0. */
  judge(error: Error, everOnline: boolean): Verdict {
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

  /** A connection has proved healthy: what was before is forgotten. */
  healthy(): void {
    this.#fault = undefined
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
