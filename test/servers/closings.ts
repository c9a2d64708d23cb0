/** What a server refuses by closing the connection, at the default waits between attempts. All else of the client goes on. */
import { performance } from 'node:perf_hooks'
import { connect, type MqttClient, SubscribeRefusedError } from 'mqtt311'
import { expect, it, onTestFinished, type TestContext } from 'vitest'
import { type ServerKind, users } from './kinds/server-kind.js'
import type { ServerProcess } from './process/server-process.js'
import { fresh } from './questions/raw-peer.js'

/** Several times what the longest waits by chance add up to. */
const timeoutMs = 300_000

export function describeClosings(kind: ServerKind, serverOf: () => ServerProcess): void {
  const closesAt = (question: 'forbidden PUBLISH' | 'forbidden filter') =>
    kind.answers[question]?.startsWith('closed') === true

  /** A client that may use `ok/#` only. */
  async function restricted(): Promise<MqttClient> {
    const client = await connect({ ...serverOf().address(), username: 'u2', password: users.u2 })
    onTestFinished(() => client.destroy())
    return client
  }

  /** What the client said while it was offline, with the seconds since the beginning. */
  function offlineTexts(client: MqttClient) {
    const begin = performance.now()
    const seconds = () => (performance.now() - begin) / 1_000
    const texts: { readonly text: string; readonly at: number }[] = []
    client.on('offline', ({ error }) => texts.push({ text: error.message, at: seconds() }))
    return { texts, seconds }
  }

  function tell({ task }: TestContext, what: string): void {
    task.meta.found = `${kind.title}: ${what}`
  }

  if (closesAt('forbidden PUBLISH')) {
    it('refuses a message by closing: that one is found and given up, and the others are acknowledged', {
      timeout: timeoutMs,
    }, async (context) => {
      const client = await restricted()
      const { texts, seconds } = offlineTexts(client)
      const topic = fresh('no/')
      const forbidden = client.publish(topic, 'x', { qos: 1 }).catch((error: unknown) => error)
      await client.publish(fresh('ok/'), 'x', { qos: 1 })
      const innocentAt = seconds()
      expect(await forbidden).toMatchObject({ reason: 'refused-by-closing', message: expect.stringContaining(topic) })
      const parked = texts.find(({ text }) => text.includes('it seems to refuse that'))
      expect(parked?.text).toContain(topic)
      const at = [innocentAt, parked?.at ?? Number.NaN, seconds()].map((time) => time.toFixed(1))
      tell(
        context,
        `another message acknowledged after ${at[0]} s, the forbidden one parked after ${at[1]} s and given up after ${at[2]} s`,
      )
    })
  }

  if (closesAt('forbidden filter')) {
    it('refuses a Topic Filter by closing: its subscribe rejects, and an allowed one is granted', {
      timeout: timeoutMs,
    }, async (context) => {
      const client = await restricted()
      const { seconds } = offlineTexts(client)
      const filter = fresh('no/')
      const forbidden = client.subscribe(filter, () => {}).catch((error: unknown) => error)
      const allowed = await client.subscribe(fresh('ok/'), () => {})
      const error = await forbidden
      expect(error).toBeInstanceOf(SubscribeRefusedError)
      expect(error).toMatchObject({ filters: [filter] })
      expect(allowed.granted).toHaveLength(1)
      tell(context, `a forbidden Topic Filter refused after ${seconds().toFixed(1)} s`)
    })
  }
}
