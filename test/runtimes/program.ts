/** The program that runs in each runtime: every check, one after the other, and a line of JSON for each. */
import { checks, type World } from './checks.js'

/** Far above what a check takes on a slow machine, so it says that the check never ends. */
const patienceMs = 30_000

const world: World = JSON.parse(process.env.MQTT311_RUNTIMES ?? '{}')

async function main(): Promise<void> {
  for (const [claim, check] of Object.entries(checks)) {
    let patience: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      patience = setTimeout(() => reject(new Error(`not done after ${patienceMs} ms`)), patienceMs)
    })
    const fault = await Promise.race([check(world), late]).then(
      () => undefined,
      (error: unknown) => String(error),
    )
    clearTimeout(patience)
    console.log(JSON.stringify({ claim, fault }))
  }
}

main()
