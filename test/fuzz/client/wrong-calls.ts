/** Calls that the client has to refuse in every state, before anything is sent. */
import type { FuzzedClient } from './program.js'

type Method = Exclude<keyof FuzzedClient, 'handle' | 'destroy'>

const wrongCalls: readonly (readonly [Method, ...unknown[]])[] = [
  ['publish', 'a/#', 'x'],
  ['publish', '', 'x'],
  ['publish', 'a\0b', 'x', { qos: 1 }],
  ['publish', 'a'.repeat(65_536), 'x', { qos: 2 }],
  ['publish', 5, 'x'],
  ['publish', 'a', { text: 'x' }, { qos: 1 }],
  ['publish', 'a', '\ud800', { qos: 1 }],
  ['publish', 'a', 'x', { qos: 3 }],
  ['publish', 'a', 'x', { retained: true }],
  ['publish', 'a', 'x', { qos: 1, signal: 'stop' }],
  ['subscribe', []],
  ['subscribe', ['t/1', 'a/#/b']],
  [
    'subscribe',
    [
      { filter: 't/1', qos: 1 },
      { filter: 'a', QoS: 1 },
    ],
  ],
  ['subscribe', 't/1', { qos: 3 }],
  ['subscribe', 't/1', { qos: 1 }, 'handler'],
  ['unsubscribe', []],
  ['unsubscribe', ['t/1', 'a+']],
  ['unsubscribe', ['t/1', 7]],
  ['messages', 'a', { limit: 0 }],
  ['messages', 'a+'],
  ['ping', { timeoutMs: -1 }],
  ['ping', 'now'],
  ['end', { timeoutMs: Number.NaN }],
  ['connect', { signal: 5 }],
]

export const wrongCallCount = wrongCalls.length

/** Makes the call with this number. The result is what the client returns: a promise that rejects. */
export function wrongCall(client: FuzzedClient, index: number): { readonly name: string; readonly result: unknown } {
  const [method = 'publish', ...given] = wrongCalls[index] ?? []
  return { name: `a wrong call of ${method} (${index})`, result: Reflect.apply(client[method], client, given) }
}
