import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

/** Tests and fixtures name the package as its users do; here the names lead to the sources, so that no build is needed. */
export const alias = [
  { find: /^mqtt311$/, replacement: source('index.ts') },
  { find: /^mqtt311\/store\/testing$/, replacement: source('store/testing/index.ts') },
  { find: /^mqtt311\/(codec|protocol|store|aliyun|explain)$/, replacement: source('$1/index.ts') },
]

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/mosquitto/**'],
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
