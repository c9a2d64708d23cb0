import { describe, expect, test } from 'vitest'
import { importCircles, importFaults } from './source-imports.js'
import { sourceFiles } from './source-tree.js'

describe('the sources', () => {
  const files = sourceFiles()

  test('are all found', () => {
    const folders = new Set(files.map(({ path }) => path.split('/')[1]))
    expect([...folders]).toEqual(expect.arrayContaining(['codec', 'protocol', 'transport', 'client', 'errors.ts']))
  })

  test('import downwards only, and codec and protocol know nothing of Node, time or chance', () => {
    expect(files.flatMap(importFaults)).toEqual([])
  })
})

describe('circles of imports', () => {
  test('do not exist, not even of types', () => {
    expect(importCircles(sourceFiles())).toEqual([])
  })

  test('would be found, of values and of types, and over several files', () => {
    const files = [
      { path: 'src/a.ts', text: `import { b } from './room/b.js'` },
      { path: 'src/room/b.ts', text: `import type { C } from './c.js'` },
      { path: 'src/room/c.ts', text: `type A = import('../a.js').A` },
      { path: 'src/d.ts', text: `export { a } from './a.js'` },
    ]
    expect(importCircles(files)).toEqual([['src/a.ts', 'src/room/b.ts', 'src/room/c.ts']])
  })
})

describe('the judge of imports', () => {
  const faults = (path: string, text: string) => importFaults({ path, text })

  test.each([
    ['src/codec/utf8.ts', `import { byteAt } from './byte-at.js'`],
    ['src/codec/utf8.ts', `import { UsageError } from '../errors.js'`],
    ['src/protocol/session.ts', `import type { ControlPacket } from '../codec/control-packet.js'`],
    [
      'src/client/engine/connection-stream.ts',
      `import { Session } from '../../protocol/index.js'; import { connect } from 'node:net'`,
    ],
    ['src/cli/main.ts', `import { MqttClient } from '../client/mqtt-client.js'`],
    ['src/aliyun/preset.ts', `import type { ClientOptions } from '../client/options/client-options.js'`],
    ['src/servers/profiles.ts', `import type { ServerProfile } from '../client/options/client-options.js'`],
    ['src/aliyun/preset.ts', `import { type ClientOptions } from '../client/options/client-options.js'`],
    ['src/client/engine/connection-stream.ts', `import type { SessionStore } from '../../store/session-store.js'`],
    ['src/index.ts', `export { MqttClient } from './client/mqtt-client.js'`],
    ['src/protocol/session.ts', `const size = Buffer.byteLength('a') + Math.max(1, 2)`],
    ['src/protocol/session.ts', `interface Has { readonly process: number }; declare const has: Has; has.process`],
    ['src/protocol/outgoing/outgoing.ts', `import type { Driver } from '../driver.js'`],
    ['src/protocol/connection/connection.ts', `import type { SessionState } from '../session-state.js'`],
    ['src/protocol/driver.ts', `import type { Arrival } from './incoming/arrival.js'`],
    ['src/protocol/session.ts', `import { Connection } from './connection/connection.js'`],
    [
      'src/client/life/backoff.ts',
      `const jitter = Math.random() * Date.now(); setTimeout(() => console.log(process.pid), 1)`,
    ],
  ])('passes %s with: %s', (path, text) => {
    expect(faults(path, text)).toEqual([])
  })

  test.each([
    ['upwards', 'src/codec/utf8.ts', `import { Session } from '../protocol/session.js'`],
    ['upwards, as a type', 'src/protocol/session.ts', `import type { MqttClient } from '../client/mqtt-client.js'`],
    ['upwards, as a re-export', 'src/transport/index.ts', `export { MqttClient } from '../client/mqtt-client.js'`],
    [
      'upwards, as a type in place',
      'src/protocol/driver.ts',
      `type Client = import('../client/mqtt-client.js').MqttClient`,
    ],
    ['upwards, when it runs', 'src/transport/socket.ts', `const load = () => import('../client/mqtt-client.js')`],
    ['upwards, to the whole package', 'src/store/session-store.ts', `import { connect } from '../index.js'`],
    ['upwards from the bottom', 'src/errors.ts', `import { byteAt } from './codec/byte-at.js'`],
    ['sideways', 'src/protocol/session.ts', `import { openSocket } from '../transport/socket.js'`],
    [
      'sideways',
      'src/store/file/file-store.ts',
      `import type { ClientOptions } from '../../client/options/client-options.js'`,
    ],
    ['sideways, as a value', 'src/aliyun/preset.ts', `import { defaults } from '../client/options/entries.js'`],
    [
      'sideways, a type and a value',
      'src/aliyun/preset.ts',
      `import { type A, b } from '../client/options/client-options.js'`,
    ],
    [
      'sideways, a value of the seam',
      'src/client/engine/connection-stream.ts',
      `import { seam } from '../../store/session-store.js'`,
    ],
    [
      'sideways, past the seam',
      'src/client/engine/connection-stream.ts',
      `import type { Lock } from '../../store/file/directory-lock.js'`,
    ],
    ['sideways, for its effects', 'src/aliyun/preset.ts', `import '../client/mqtt-client.js'`],
    ['from Node into a pure folder', 'src/codec/utf8.ts', `import { Buffer } from 'node:buffer'`],
    ['from Node, as a type', 'src/protocol/session.ts', `import type { EventEmitter } from 'node:events'`],
    ['from Node, by a computed name', 'src/protocol/session.ts', `const load = (name: string) => import(name)`],
    ['upwards from a room', 'src/client/publish/publisher.ts', `import { Lifecycle } from '../life/lifecycle.js'`],
    ['sideways from a room', 'src/client/publish/publisher.ts', `import { Delivery } from '../deliver/delivery.js'`],
    ['from a room to an entry file', 'src/client/life/ending.ts', `import type { Announcer } from '../events.js'`],
    [
      'upwards from a room of the engine',
      'src/protocol/lists/fifo.ts',
      `import { Arrival } from '../incoming/arrival.js'`,
    ],
    [
      'sideways from a room of the engine',
      'src/protocol/requests/requests.ts',
      `import type { Arrival } from '../incoming/arrival.js'`,
    ],
    [
      'from a room to an entry file of the engine',
      'src/protocol/outgoing/outgoing.ts',
      `import type { SessionState } from '../session-state.js'`,
    ],
    [
      'of a value that is above the room',
      'src/protocol/connection/connection.ts',
      `import { SessionState } from '../session-state.js'`,
    ],
    [
      'from vocabulary to a room',
      'src/protocol/session-settings.ts',
      `import type { Arrival } from './incoming/arrival.js'`,
    ],
    [
      'from vocabulary to a room, as a value',
      'src/protocol/driver.ts',
      `import { Arrival } from './incoming/arrival.js'`,
    ],
    ['from a dependency', 'src/client/engine/connection-stream.ts', `import packet from 'mqtt-packet'`],
    [
      'without an extension',
      'src/client/engine/connection-stream.ts',
      `import { Session } from '../../protocol/session'`,
    ],
    [
      'from a folder without a layer',
      'src/client/engine/connection-stream.ts',
      `import { debounce } from '../../utils/debounce.js'`,
    ],
  ])('refuses an import %s: %s with %s', (_, path, text) => {
    expect(faults(path, text)).toHaveLength(1)
  })

  test.each([
    'const now = Date.now()',
    'const now = new Date()',
    'const now = performance.now()',
    'const chance = Math.random()',
    'setTimeout(() => {}, 1)',
    'setImmediate(() => {})',
    'queueMicrotask(() => {})',
    'process.nextTick(() => {})',
    `console.log('a')`,
    'const surroundings = globalThis',
    'const { random } = Math',
    'const surroundings = { process }',
    'const bytes = crypto.getRandomValues(new Uint8Array(1))',
    `const net = require('node:net')`,
  ])('refuses in a pure folder: %s', (text) => {
    for (const folder of ['codec', 'protocol']) expect(faults(`src/${folder}/sample.ts`, text)).toHaveLength(1)
  })
})
