import type { EventEmitter } from 'node:events'
import { onTestFinished, vi } from 'vitest'
import { type ClientEvents, type ClientOptions, MqttClient } from '../../../src/index.js'
import { type FakeConnection, FakeServer } from './fake-server.js'

/** The real function: `fakeTime` replaces the global one. */
const afterIo = setImmediate

/**
 * Waits until everything is done that needs neither time nor another process: pipes in memory, promises, ticks. After it, a
 * test can claim that something has not happened.
 */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise<void>((resolve) => afterIo(() => resolve()))
}

/** From this call to the end of the test, time passes only in `pass`. */
export function fakeTime(): void {
  vi.useFakeTimers({
    toFake: [
      'setTimeout',
      'clearTimeout',
      'setInterval',
      'clearInterval',
      'setImmediate',
      'clearImmediate',
      'performance',
      'Date',
    ],
  })
  onTestFinished(() => {
    vi.useRealTimers()
  })
}

/** Lets time pass, and waits until everything is done that is due. */
export async function pass(ms: number): Promise<void> {
  await quiet()
  await vi.advanceTimersByTimeAsync(ms)
  await quiet()
}

/** A client of this server. It is destroyed when the test is over. */
export function clientOf(server: FakeServer, options: ClientOptions = {}): MqttClient {
  const client = new MqttClient({ stream: server.stream, keepAlive: 0, nudge: false, ...options })
  client.closed.catch(() => {})
  onTestFinished(() => client.destroy())
  return client
}

export interface Online {
  readonly server: FakeServer
  readonly client: MqttClient
  readonly connection: FakeConnection
}

/** A client that is online, and its connection as the server sees it. */
export async function online(options: ClientOptions = {}, server = new FakeServer()): Promise<Online> {
  const client = clientOf(server, options)
  const connected = client.connect()
  const connection = await server.admitted()
  await connected
  return { server, client, connection }
}

/** The outcome of a promise, as a value. */
export async function outcomeOf<T>(promise: Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await promise }
  } catch (error) {
    return { error }
  }
}

/** What a promise rejects with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await outcomeOf(promise)
  if ('error' in outcome) return outcome.error
  throw new Error('the promise was expected to reject')
}

/** The next event of a client. */
export function event<Name extends keyof ClientEvents>(
  client: EventEmitter,
  name: Name,
): Promise<ClientEvents[Name][0]> {
  return new Promise((resolve) => client.once(name, resolve))
}

/** Says whether a promise has settled, and how. A test reads it after `quiet`. */
export function watch(promise: Promise<unknown>): { state: 'pending' | 'resolved' | 'rejected' } {
  const watched: { state: 'pending' | 'resolved' | 'rejected' } = { state: 'pending' }
  promise.then(
    () => {
      watched.state = 'resolved'
    },
    () => {
      watched.state = 'rejected'
    },
  )
  return watched
}

/** A promise that a test settles, for example to end a handler. */
export function gate<T = void>(): {
  promise: Promise<T>
  open: (value: T) => void
  fail: (error: unknown) => void
} {
  let open: (value: T) => void = () => {}
  let fail: (error: unknown) => void = () => {}
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { promise, open, fail }
}
