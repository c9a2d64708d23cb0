/**
 * Runs one client from its first connection to its end. The end comes when the work is done, the client fails, the time is
 * up, or a signal arrives. The first of these decides the exit code. In each case `end()` sends DISCONNECT.
 */

import { MqttClient } from '../../client/mqtt-client.js'
import type { ClientOptions } from '../../client/options/client-options.js'
import { ClosedError, isMqttError } from '../../errors.js'
import { CommandFailure, exitCodeOfSignal, Interrupted } from '../outcome/exit-code.js'
import { failureMessage, isResetInHandshake } from '../outcome/failure-message.js'
import { reportOutages } from './reporting.js'

/** Milliseconds for the end after the work is done: the last bytes may still wait for a slow link. */
const endMs = 30_000

/** Milliseconds for the end after a failure or a signal: messages in flight may still be acknowledged. */
const endEarlyMs = 1_000

export interface ConversationOptions {
  readonly client: ClientOptions
  /** Milliseconds for the whole conversation; undefined: no limit. */
  readonly timeoutMs: number | undefined
  /** 'left to others': what a resumed session brings stays unacknowledged, so that the next client of the session gets it. */
  readonly messages?: 'left to others'
}

/** Connects, does the work and disconnects. Rejects with the reason if the conversation ends before the work is done. */
export async function runConversation<T>(
  options: ConversationOptions,
  work: (client: MqttClient) => Promise<T>,
): Promise<T> {
  let workEnds = () => {}
  const workEnded = new Promise<void>((resolve) => {
    workEnds = resolve
  })
  // end() does not wait for a handler that calls it, and a message whose handler has not ended is not acknowledged.
  const onMessage = (): Promise<void> => workEnded.then(() => client.end())
  const client: MqttClient = new MqttClient(
    options.messages === undefined ? options.client : { ...options.client, onMessage },
  )
  const end = new EarlyEnd(options.timeoutMs)
  reportOutages(client)
  let history: 'never online' | 'was online' = 'never online'
  try {
    const connectAndWork = async () => {
      await client.connect()
      history = 'was online'
      return work(client)
    }
    const result = await Promise.race([connectAndWork(), rejectWhenClosed(client), end.promise])
    workEnds()
    await Promise.race([client.end({ timeoutMs: endMs }), end.promise])
    return result
  } catch (error) {
    workEnds()
    // Not destroy(): it sends no DISCONNECT, so the server would publish the will although the command ends in order.
    await client.end({ timeoutMs: endEarlyMs })
    throw addLossAdvice(error, history)
  } finally {
    end.stop()
  }
}

/** Turns a lost connection into a failure with advice. The advice depends on whether the client was ever online. */
function addLossAdvice(error: unknown, history: 'never online' | 'was online'): unknown {
  // A call that was waiting when the client ended fails with ClosedError; the reason for the end is its cause.
  const loss = isMqttError(error) && error.code === 'MQTT_CLOSED' ? error.cause : error
  if (!isMqttError(loss) || loss.code !== 'MQTT_CONNECTION_LOST') return error
  const { line = loss.message } = failureMessage(loss)
  if (history === 'was online') {
    return new CommandFailure('lost', `the connection was lost, and did not come back: ${line}`, { cause: error })
  }
  if (isResetInHandshake(loss)) {
    return new CommandFailure('tls', `${line}; if it expects no TLS, leave out what asks for it`, { cause: error })
  }
  return error
}

async function rejectWhenClosed(client: MqttClient): Promise<never> {
  await client.closed
  // If the work has ended the client itself, its result counts and not this rejection. The result comes within this turn.
  await new Promise<void>((resolve) => setImmediate(resolve))
  throw new ClosedError('the client was ended')
}

/** The signals at which a command says DISCONNECT. SIGHUP comes when its terminal is closed. */
const signals = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

/** Ends a command from outside: the time of -W is up, or a signal arrives. A second signal ends the process at once. */
export class EarlyEnd {
  /** Rejects when the command has to end, and never resolves. */
  readonly promise: Promise<never>
  readonly #timer: NodeJS.Timeout | undefined
  readonly #interrupt: (signal: NodeJS.Signals) => void

  constructor(timeoutMs: number | undefined) {
    let fail: (error: Error) => void = () => {}
    this.promise = new Promise((_, reject) => {
      fail = reject
    })
    this.promise.catch(() => {})
    let received = 0
    this.#interrupt = (signal) => {
      received += 1
      // A terminal that is closed sends SIGHUP twice: by its shell, and by the kernel when the shell has ended.
      if (received > 1 && signal !== 'SIGHUP') process.exit(exitCodeOfSignal(signal))
      fail(new Interrupted(signal))
    }
    for (const signal of signals) process.on(signal, this.#interrupt)
    if (timeoutMs !== undefined) {
      const text =
        timeoutMs === 1000 ? 'the one second of -W has passed' : `the ${timeoutMs / 1000} seconds of -W have passed`
      this.#timer = setTimeout(() => fail(new CommandFailure('timedOut', text)), timeoutMs)
    }
  }

  /** From now on a signal has its normal effect on the process. */
  stop(): void {
    clearTimeout(this.#timer)
    for (const signal of signals) process.off(signal, this.#interrupt)
  }
}
