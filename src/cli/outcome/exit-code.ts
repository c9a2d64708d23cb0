/**
 * How the command ends. 1 to 5 are the Return Code of CONNACK and 27 is a time-out, as with mosquitto_pub and mosquitto_sub;
 * the others are those of sysexits.h, where the meaning is the same. A process that a signal has ended shows 128 and the
 * number of the signal, as every shell does.
 */
const table = {
  done: [0, 'done; also for --help and --version'],
  timedOut: [27, 'a time-out: -W has run out, or an answer did not come'],
  usage: [64, 'the command line is wrong; nothing was sent'],
  faulty: [65, 'explain: there is a fault in the bytes'],
  noInput: [66, 'a file cannot be read, or what it holds cannot be used'],
  unreachable: [69, 'the server cannot be reached'],
  internal: [70, 'a fault of this program'],
  noOutput: [74, 'the output cannot be written'],
  lost: [75, 'the connection was lost, and did not come back'],
  protocol: [76, 'the server sent what MQTT 3.1.1 forbids'],
  denied: [77, 'the server refused a subscription'],
  tls: [78, 'TLS failed: a certificate, a version, a plain port'],
} as const

export type ExitName = keyof typeof table

/** The number of an outcome that has one of its own. */
export function exitCode(name: ExitName): number {
  return table[name][0]
}

/** 128 and the number of the signal. */
export function exitCodeOfSignal(signal: 'SIGINT' | 'SIGTERM'): number {
  return signal === 'SIGINT' ? 130 : 143
}

/** The table for --help: the code, and what it says. */
export function exitCodeRows(): readonly (readonly [code: string, meaning: string])[] {
  const rows = Object.values(table).map(([code, meaning]) => [`${code}`, meaning] as const)
  const [done = ['0', ''] as const, ...others] = rows
  return [
    done,
    ['1-5', "the server refused the connection: CONNACK's Return Code"],
    ...others,
    ['130, 143', 'ended by SIGINT or SIGTERM before it was done'],
  ]
}

/** A failure that no class of the library stands for. */
export class CommandFailure extends Error {
  readonly exitName: ExitName

  constructor(exitName: ExitName, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitName = exitName
  }
}

/** SIGINT or SIGTERM: the person wants the command to end. */
export class Interrupted extends Error {
  readonly signal: 'SIGINT' | 'SIGTERM'

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`interrupted by ${signal}`)
    this.signal = signal
  }
}
