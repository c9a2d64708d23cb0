import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

/** Tests and fixtures name the package as its users do; here the names lead to the sources, so that no build is needed. */
export const alias = [
  { find: /^mqtt311$/, replacement: source('index.ts') },
  { find: /^mqtt311\/store\/testing$/, replacement: source('store/testing/index.ts') },
  { find: /^mqtt311\/(codec|protocol|store|testing|servers|aliyun|explain)$/, replacement: source('$1/index.ts') },
]

/**
 * Tests that need a process of their own: they replace a module or a class, measure the heap, count what a whole process holds, or
 * watch all clients of it. All the others share the processes that there are, each of which loads the sources once.
 */
const isolated = [
  'test/aliyun/endpoint-for-tests.test.ts',
  'test/codec/decode/decoder-memory.test.ts',
  'test/codec/encode/output-chunk.test.ts',
  'test/codec/encode/packet-too-large.test.ts',
  'test/client/deliver/handler-context.test.ts',
  'test/client/engine/engine-contract.test.ts',
  'test/client/life/ten-thousand-reconnects.test.ts',
  'test/client/subscribe/answered-requests.test.ts',
  'test/fuzz/**/*.test.ts',
  'test/protocol/lists/fifo.test.ts',
  'test/protocol/lists/paged-map.test.ts',
  'test/recipes/observing.test.ts',
  'test/simulation/*.test.ts',
]

/**
 * The compiler, as `require` gives it. `import` first looks through its nine megabytes twice, for what kind of module they are and for
 * the names that they export, in each process anew.
 */
const requiredCompiler: Plugin = {
  name: 'required-compiler',
  enforce: 'pre',
  resolveId: (id) => (id === 'typescript' ? '\0typescript' : undefined),
  load: (id) => {
    if (id !== '\0typescript') return undefined
    const here = JSON.stringify(import.meta.url)
    return `import { createRequire } from 'node:module'\nexport default createRequire(${here})('typescript')`
  },
}

/** They have commands and configurations of their own. */
const needPrograms = ['test/mosquitto/**', 'test/servers/each/**', 'test/play/browser/**', 'test/tshark/**']

export default defineConfig({
  resolve: { alias },
  plugins: [requiredCompiler],
  test: {
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'shared',
          include: ['test/**/*.test.ts'],
          exclude: [...needPrograms, ...isolated],
          isolate: false,
        },
      },
      { extends: true, test: { name: 'isolated', include: isolated } },
    ],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: {
      provider: 'v8',
      include: ['src/codec/**', 'src/protocol/**'],
      reporter: ['text'],
      // What is excluded says so in the source, with its reason: `v8 ignore`.
      thresholds: { branches: 100 },
    },
  },
})
