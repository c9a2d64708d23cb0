/** What a profile says of its server is what the server was seen to do: so the client refuses it before a byte is written. */
import { connect, type MqttClient } from 'mqtt311'
import { describe, expect, it, onTestFinished } from 'vitest'
import { profiles } from './kinds/profiles.js'
import type { ServerKind } from './kinds/server-kind.js'
import type { ServerProcess } from './process/server-process.js'
import type { Question } from './questions/question.js'
import { usualAnswers } from './questions/usual-answers.js'

interface Refusal {
  readonly question: Question
  /** Whether a server that answers so is one that a client has to be kept from asking. */
  readonly harmful: (answer: string) => boolean
  readonly call: (client: MqttClient) => Promise<unknown>
}

const levels = (count: number): string => Array(count).fill('l').join('/')
const closes = (answer: string) => answer.startsWith('closed')
const notGranted = (answer: string) => !answer.startsWith('granted')

const refusals: readonly Refusal[] = [
  {
    question: 'PUBLISH at QoS 2',
    harmful: (answer) => !answer.startsWith('PUBREC'),
    call: (client) => client.publish('a', 'x', { qos: 2 }),
  },
  {
    question: 'SUBSCRIBE to $share/g/t',
    harmful: (answer) => answer !== 'shared',
    call: (client) => client.subscribe('$share/g/t', () => {}),
  },
  { question: 'Topic Name with a dot, "a.b"', harmful: closes, call: (client) => client.publish('a.b', 'x') },
  { question: 'Topic Name with a blank, "a b"', harmful: closes, call: (client) => client.publish('a b', 'x') },
  { question: 'Topic Filter with a dot', harmful: notGranted, call: (client) => client.subscribe('a.b', () => {}) },
  {
    question: 'Topic Filter of 9 levels',
    harmful: notGranted,
    call: (client) => client.subscribe(levels(9), () => {}),
  },
  {
    question: 'Topic Filter of 101 levels',
    harmful: notGranted,
    call: (client) => client.subscribe(levels(101), () => {}),
  },
  {
    question: 'Topic Filter of 202 levels',
    harmful: notGranted,
    call: (client) => client.subscribe(levels(202), () => {}),
  },
  { question: 'PUBLISH to a topic of 101 levels', harmful: closes, call: (client) => client.publish(levels(101), 'x') },
  { question: 'PUBLISH to a topic of 202 levels', harmful: closes, call: (client) => client.publish(levels(202), 'x') },
  {
    question: '100 QoS 1 filters in one Session',
    harmful: (answer) => answer !== 'all granted',
    call: (client) =>
      client.subscribe(
        Array.from({ length: 100 }, (_, number) => `many/${number}`),
        { qos: 1 },
      ),
  },
]

export function describeRefusals(kind: ServerKind, serverOf: () => ServerProcess): void {
  const answers = { ...usualAnswers, ...kind.answers }
  const known = refusals.filter(({ question, harmful }) => harmful(answers[question] ?? ''))

  describe(`with the profile of ${kind.title}`, () => {
    for (const { question, call } of known) {
      it(`this is refused before a byte is written: ${question}`, async () => {
        const client = await connect({ ...serverOf().address(), profile: profiles[kind.name] })
        onTestFinished(() => client.destroy())
        await expect(call(client)).rejects.toMatchObject({ code: 'MQTT_USAGE' })
        expect(client.stats.packetsOut).toMatchObject({ publish: 0, subscribe: 0 })
      })
    }
  })
}
