import { defineConfig } from 'vitest/config'
import { type forms, installedKinds, smallKinds } from './test/servers/form.js'
import { alias } from './vitest.config.js'

/**
 * The tests that need servers: those that are installed; the small form (`--mode small`), which CI runs, asks for three of them.
 * `npm run test:servers -- nats` tries one.
 */
export default defineConfig(async ({ mode }) => {
  const form: keyof typeof forms = mode === 'small' ? 'small' : 'full'
  const kinds = form === 'small' ? smallKinds : await installedKinds()
  return {
    resolve: { alias },
    test: {
      include: kinds.map(({ name }) => `test/servers/each/${name}.test.ts`),
      provide: { form },
      // RabbitMQ and ActiveMQ take ten seconds to start, and a minute on a busy machine.
      testTimeout: 180_000,
      hookTimeout: 300_000,
      // One server at a time: some need half a gigabyte, and all of them the same two cores.
      fileParallelism: false,
      isolate: false,
      reporters: ['default', './test/servers/report.ts'],
    },
  }
})
