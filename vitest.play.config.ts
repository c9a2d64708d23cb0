import { defineConfig } from 'vitest/config'

/** The tests that need Chromium: Debian's, or the program that `CHROMIUM` names. */
export default defineConfig({
  test: { include: ['test/play/browser/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false },
})
