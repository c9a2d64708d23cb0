/** The same checks as tests of jest, which runs them in a context of its own. */
import { checks, type World } from './checks.js'

declare function test(name: string, run: () => Promise<void>, timeoutMs: number): void

const world: World = JSON.parse(process.env.MQTT311_RUNTIMES ?? '{}')

for (const [claim, check] of Object.entries(checks)) {
  test(claim, async () => {
    let fault: string | undefined
    try {
      await check(world)
    } catch (error) {
      fault = String(error)
    }
    process.stdout.write(`${JSON.stringify({ claim, fault })}\n`)
  }, 30_000)
}
