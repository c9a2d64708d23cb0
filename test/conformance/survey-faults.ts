/** What is wrong with a survey, a line for each fault, in words that say where to look. */
import type { Statement } from '../../fixtures/statements/statement-file.js'
import type { Survey } from './survey.js'

export function surveyFaults(survey: Survey): string[] {
  return [
    ...unknownIdentifiers(survey),
    ...survey.unreadable.map((title) => `${title}: its placeholder stands for identifiers that nobody can find`),
    ...survey.statements.flatMap((statement) => statementFaults(survey, statement)),
  ]
}

function unknownIdentifiers({ statements, sites, mentions, tests, brokerTests, types }: Survey): string[] {
  const known = new Set(statements.map(({ id }) => id))
  const misprints = new Map(statements.flatMap(({ id, printed }) => (printed === undefined ? [] : [[printed, id]])))
  const inCode = [...sites, ...mentions].map(({ id, path, line }) => ({ id, place: `${path}:${line}` }))
  const inTests = [...tests, ...brokerTests, ...types].map(({ id, path, title }) => ({
    id,
    place: `${path}: ${title}`,
  }))
  return [...inCode, ...inTests]
    .filter(({ id }) => !known.has(id))
    .map(({ id, place }) => {
      const meant = misprints.get(id)
      const advice =
        meant === undefined ? 'MQTT 3.1.1 has no such statement' : `a misprint of the standard for ${meant}`
      return `${place} names [${id}]: ${advice}`
    })
}

function statementFaults({ sites, tests, types }: Survey, { id, client, reason }: Statement): string[] {
  const site = sites.find((candidate) => candidate.id === id)
  const proof = [...tests, ...types].find((candidate) => candidate.id === id)
  const faults: string[] = []
  if (client === 'no') {
    if (reason === undefined) faults.push(`${id} is said to bind no client, without a reason`)
    if (site !== undefined && proof === undefined) faults.push(untested(id, site))
    return faults
  }
  if (reason !== undefined) faults.push(`${id} binds a client, and has a reason why it should not`)
  if (site === undefined && proof === undefined)
    faults.push(`${id} binds a client: no line upholds it, no test proves it`)
  else if (proof === undefined && site !== undefined) faults.push(untested(id, site))
  else if (site === undefined && proof !== undefined) {
    faults.push(`${id} is proved by ${proof.path} (${proof.title}), but no line of the sources says that it upholds it`)
  }
  return faults
}

function untested(id: string, { path, line }: { readonly path: string; readonly line: number }): string {
  return `${id} is upheld in ${path}:${line}, but no test cites it`
}
