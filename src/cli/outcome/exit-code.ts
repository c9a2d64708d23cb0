import { constants } from 'node:os'

/**
 * The exit codes. 1 to 5 are the Return Code of CONNACK and 27 is a time-out, as with mosquitto_pub and mosquitto_sub. The
 * others are codes of sysexits.h with the nearest meaning. If a signal ended the command, the code is 128 plus the number
 * of the signal, as in a shell.
 */
const table = {
  done: [0, 'done; also for --help and --version'],
  timedOut: [27, 'a time-out: -W has run out, or an answer did not come'],
  usage: [64, 'the command line is wrong; nothing was sent'],
  faulty: [65, 'explain: there is a fault in the bytes'],
  noInput: [66, 'a file cannot be read, or its content cannot be used'],
  unreachable: [69, 'the server cannot be reached; platform: it cannot listen'],
  internal: [70, 'a fault of this program'],
  noOutput: [74, 'the output cannot be written'],
  lost: [75, 'the connection was lost, and did not come back'],
  protocol: [76, 'the server sent what MQTT 3.1.1 forbids; register: no usable answer'],
  denied: [77, 'the server refused a subscription'],
  tls: [78, 'TLS failed: a certificate, a version, a plain port'],
} as const

export type ExitName = keyof typeof table

export function exitCode(name: ExitName): number {
  return table[name][0]
}

/** 128 plus the number of the signal. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}

/** The table for --help. */
export function exitCodeRows(): readonly (readonly [code: string, meaning: string])[] {
  const rows = Object.values(table).map(([code, meaning]) => [`${code}`, meaning] as const)
  const [done = ['0', ''] as const, ...others] = rows
  return [
    done,
    ['1-5', "the server refused the connection: CONNACK's Return Code"],
    ...others,
    ['above 128', 'ended early by SIGHUP (129), SIGINT (130) or SIGTERM (143)'],
  ]
}

/** A failure of the command itself, for which the library has no error class. */
export class CommandFailure extends Error {
  readonly exitName: ExitName

  constructor(exitName: ExitName, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitName = exitName
  }
}

/** A signal ended the command. */
export class Interrupted extends Error {
  readonly signal: NodeJS.Signals

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`)
    this.signal = signal
  }
}

/** Whether somebody ended the command in order. SIGHUP is no order: the terminal is gone. */
export function isOrderedEnd(error: unknown): boolean {
  return error instanceof Interrupted && error.signal !== 'SIGHUP'
}
