import { defineConfig } from 'vitest/config'
import { alias } from './vitest.config.js'

/** The tests that need the mosquitto broker on the PATH; `npm test` needs nothing but Node. */
export default defineConfig({
  resolve: { alias },
  test: { include: ['test/mosquitto/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false },
})
