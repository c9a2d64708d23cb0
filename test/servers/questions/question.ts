/**
 * What is asked of every server. A question is asked packet by packet, and its answer is a few words: a server of another version that
 * answers otherwise fails the test, and the words tell how. The answers of a kind of server are in its file in test/servers/kinds;
 * the table of docs/servers.md is made from them.
 */
import type { ServerKind } from '../kinds/server-kind.js'
import type { ServerProcess } from '../process/server-process.js'
import { connectQuestions } from './connect-questions.js'
import { deliveryQuestions } from './delivery-questions.js'
import { limitQuestions } from './limit-questions.js'
import { nameQuestions } from './name-questions.js'
import { sessionQuestions } from './session-questions.js'
import { usualAnswers } from './usual-answers.js'

/** Asks a server, and says what it did. */
export type Ask = (server: ServerProcess) => Promise<string>

/** Every question, by what it is about. */
export const questions = {
  ...connectQuestions,
  ...sessionQuestions,
  ...deliveryQuestions,
  ...nameQuestions,
  ...limitQuestions,
} as const satisfies Readonly<Record<string, Ask>>

export type Question = keyof typeof questions

export type Answers = Readonly<Record<Question, string>>

/** What takes seconds, because the server waits or starts anew. */
const slowQuestions: ReadonlySet<string> = new Set<Question>([
  'silence beyond Keep Alive',
  'retained message, after a restart',
])

/** The questions that a kind of server is asked, each with the answer that is known. */
export function asked(
  kind: ServerKind,
  form: { readonly patient: boolean },
): { readonly question: string; readonly ask: Ask; readonly answer: string }[] {
  const answers = new Map<string, string>(Object.entries({ ...usualAnswers, ...kind.answers }))
  return Object.entries(questions).flatMap(([question, ask]) => {
    const answer = answers.get(question)
    if (answer === undefined || (!form.patient && slowQuestions.has(question))) return []
    return [{ question, ask, answer }]
  })
}
