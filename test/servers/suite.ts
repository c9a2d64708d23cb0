/** What holds with every server, in the words of a user, and what each is asked. The test of a server calls `tryServer`. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { describeClosings } from './closings.js'
import { describeExchanges } from './exchanges.js'
import { forms } from './form.js'
import type { ServerKind } from './kinds/server-kind.js'
import { killServer } from './load/killed-server.js'
import { type LoadReport, runLoad } from './load/load.js'
import { mqtt311, mqttjs } from './load/load-client.js'
import { ServerProcess } from './process/server-process.js'
import { asked } from './questions/question.js'
import { describeRefusals } from './refusals.js'

declare module 'vitest' {
  interface ProvidedContext {
    form: keyof typeof forms
  }
  interface TaskMeta {
    /** What the report prints: a row of the table. */
    load?: LoadRow
    version?: string
    /** A line that the report prints below the table. */
    found?: string
  }
}

export interface LoadRow {
  readonly server: string
  readonly what: string
  readonly messages: number
  readonly ours: LoadReport
  readonly theirs?: LoadReport
}

const seed = 1
/** What the longest load takes on a slow machine, several times. */
const loadTimeoutMs = 600_000

export function tryServer(kind: ServerKind): void {
  const form = forms[inject('form')]
  let server: ServerProcess
  beforeAll(async () => {
    server = await ServerProcess.start(kind)
  })
  afterAll(() => server?.close())

  it(`is ${kind.title} ${kind.version}, of which the answers are known`, async ({ task }) => {
    const version = await kind.installed()
    task.meta.version = version
    expect(version).toBe(kind.version)
  })

  describe('with a client of ours', () => describeExchanges(kind, () => server))

  describeRefusals(kind, () => server)

  if (form.patient) describeClosings(kind, () => server)

  describe('to a question, it answers:', () => {
    for (const { question, ask, answer } of asked(kind, form)) {
      it(`${question}: ${answer}`, async () => {
        expect(await ask(server)).toBe(answer)
      })
    }
  })

  describe('numbered messages', () => {
    for (const qos of kind.publishes) {
      const way = qos === 0 ? 'without cuts' : 'through cut connections'
      const whole = qos === 0 || kind.overCuts !== 'loses'
      const once = qos === 2
      const end = `${whole ? 'none lost' : 'or were lost by the server'}${once ? ', none doubled by the client' : ''}`
      it(`at QoS ${qos} arrive ${way}, ${end}`, { timeout: loadTimeoutMs }, async ({ task }) => {
        const load = { qos, messages: form.messages, seed }
        const ours = await runLoad(server, mqtt311, load)
        const row = { server: kind.name, what: `QoS ${qos}`, messages: form.messages }
        task.meta.load = { ...row, ours }
        if (form.compared) {
          const theirs = await runLoad(server, mqttjs, load)
          task.meta.load = { ...row, ours, theirs }
        }
        // Whatever is promised was acknowledged, and whatever came was handled: what is lost then, the server has lost.
        expect(ours).toMatchObject({ promised: form.messages, unfounded: 0 })
        if (whole) expect(ours.lost).toBe(0)
        expect(ours.swallowed).toBe(0)
        // What the server itself publishes again after PUBREL is another message to its receiver.
        if (once) expect(ours.doubled).toBeLessThanOrEqual(ours.repeatedByServer)
      })
    }

    if (form.messagesWhileKilled === 0) return
    const outcome = kind.afterKill === 'kept' ? 'are all there' : 'leave no publish hanging'
    it(`that a client has stored ${outcome} when the server is killed with -9`, { timeout: loadTimeoutMs }, async ({
      task,
    }) => {
      const messages = form.messagesWhileKilled
      const report = await killServer(server, messages)
      task.meta.load = {
        server: kind.name,
        what: 'kill -9',
        messages,
        ours: { ...report, cuts: 1, late: 0, repeatedByServer: 0, swallowed: 0, unfounded: 0 },
      }
      expect(report).toMatchObject({ promised: messages, leaked: 0 })
      if (kind.afterKill === 'kept') expect(report.lost).toBe(0)
    })
  })
}
