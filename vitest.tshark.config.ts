import { defineConfig } from 'vitest/config'
import { alias } from './vitest.config.js'

/** The tests that need tshark on the PATH (`apt-get install tshark`). */
export default defineConfig({
  resolve: { alias },
  test: { include: ['test/tshark/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false },
})
