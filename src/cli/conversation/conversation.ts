/**
 * One client from its first connection to its end, and all that may end it: its work is done, it fails, time runs out, or a
 * signal arrives. Whatever comes first decides how the command ends; the client says goodbye in any case.
 */

import { MqttClient } from '../../client/mqtt-client.js'
import type { ClientOptions } from '../../client/options/client-options.js'
import { ClosedError, isMqttError } from '../../errors.js'
import { CommandFailure, exitCodeOfSignal, Interrupted } from '../outcome/exit-code.js'
import { judge } from '../outcome/failure-message.js'
import { tellOfOutages } from './reporting.js'

/** Milliseconds: what was written may still be on its way over a slow link when all else is done. */
const goodbyeMs = 30_000

/** Milliseconds: what is in flight when a signal arrives may still be acknowledged. */
const graceMs = 1_000

export interface ConversationOptions {
  readonly client: ClientOptions
  /** Milliseconds for all of it; undefined: as long as it takes. */
  readonly timeoutMs: number | undefined
}

/** Connects, works and says goodbye. Rejects with what made it end before its time. */
export async function converse<T>(options: ConversationOptions, work: (client: MqttClient) => Promise<T>): Promise<T> {
  const client = new MqttClient(options.client)
  const end = new EarlyEnd(options.timeoutMs)
  tellOfOutages(client)
  let history: 'never online' | 'was online' = 'never online'
  try {
    const connectAndWork = async () => {
      await client.connect()
      history = 'was online'
      return work(client)
    }
    const result = await Promise.race([connectAndWork(), failureOf(client), end.promise])
    await Promise.race([client.end({ timeoutMs: goodbyeMs }), end.promise])
    return result
  } catch (error) {
    // Not destroy(): the server would publish the will of a client that only fails to get on.
    await client.end({ timeoutMs: error instanceof Interrupted ? graceMs : 0 })
    throw explainLoss(error, history, options.client)
  } finally {
    end.stop()
  }
}

/** The same loss means one thing to whoever was online before, and another to whoever never got in. */
function explainLoss(error: unknown, history: 'never online' | 'was online', options: ClientOptions): unknown {
  // What was waiting when the client ended says that it was ended; the reason is behind it.
  const loss = isMqttError(error) && error.code === 'MQTT_CLOSED' ? error.cause : error
  if (!isMqttError(loss) || loss.code !== 'MQTT_CONNECTION_LOST') return error
  const { line = loss.message } = judge(loss)
  if (history === 'was online') {
    return new CommandFailure('lost', `the connection was lost, and did not come back: ${line}`, { cause: error })
  }
  if (line.includes('TLS handshake') && loss.reason === 'reset') {
    return new CommandFailure('tls', `${line}; if it expects no TLS, leave out what asks for it`, { cause: error })
  }
  const isPlain = options.tls === undefined && !/^mqtts:/i.test(options.url ?? '')
  if (!isPlain || (loss.reason !== 'closed' && loss.reason !== 'reset')) return error
  return new CommandFailure('lost', `${line} instead of answering CONNECT; if it expects TLS, add --tls`, {
    cause: error,
  })
}

async function failureOf(client: MqttClient): Promise<never> {
  await client.closed
  // The work has ended the client itself, and what it returns or throws is the outcome; that is due at once.
  await new Promise<void>((resolve) => setImmediate(resolve))
  throw new ClosedError('the client was ended')
}

/** What ends a conversation from outside: -W or a signal. A second signal ends the process at once. */
class EarlyEnd {
  /** Rejects when it is time to end, and never resolves. */
  readonly promise: Promise<never>
  readonly #timer: NodeJS.Timeout | undefined
  readonly #interrupt: (signal: NodeJS.Signals) => void

  constructor(timeoutMs: number | undefined) {
    let fail: (error: Error) => void = () => {}
    this.promise = new Promise((_, reject) => {
      fail = reject
    })
    this.promise.catch(() => {})
    let signals = 0
    this.#interrupt = (signal) => {
      const name = signal === 'SIGTERM' ? signal : 'SIGINT'
      signals += 1
      if (signals > 1) process.exit(exitCodeOfSignal(name))
      fail(new Interrupted(name))
    }
    process.on('SIGINT', this.#interrupt)
    process.on('SIGTERM', this.#interrupt)
    if (timeoutMs !== undefined) {
      const text =
        timeoutMs === 1000 ? 'the second of -W has passed' : `the ${timeoutMs / 1000} seconds of -W have passed`
      this.#timer = setTimeout(() => fail(new CommandFailure('timedOut', text)), timeoutMs)
    }
  }

  /** From here on a signal does what it does to any process. */
  stop(): void {
    clearTimeout(this.#timer)
    process.off('SIGINT', this.#interrupt)
    process.off('SIGTERM', this.#interrupt)
  }
}
