/** What the repository says about the standard: its rules, the lines that uphold them, the tests that prove it. */
import { readdirSync, readFileSync } from 'node:fs'
import { type Reading, readReadings, readStatements, type Statement } from '../../fixtures/statements/statement-file.js'
import { type CodeSites, codeSites, type SourceText } from './code-sites.js'
import { type Citation, testTitles } from './test-titles.js'
import { typeProofs } from './type-proofs.js'
import { vectorTables } from './vector-tables.js'

export interface Survey extends CodeSites {
  readonly statements: readonly Statement[]
  readonly readings: readonly Reading[]
  /** Tests of `npm test`. */
  readonly tests: readonly Citation[]
  /** Tests against mosquitto, which not every machine has: they are shown, and prove nothing by themselves. */
  readonly brokerTests: readonly Citation[]
  /** Programs that do not compile. */
  readonly types: readonly Citation[]
  readonly unreadable: readonly string[]
}

export const root = new URL('../../', import.meta.url)

export function surveyRepository(): Survey {
  const sources = textsIn('src', '.ts').filter(isOfClient).map(codeSites)
  const vectors = vectorTables()
  const titles = textsIn('test', '.test.ts')
    // The samples of this folder are made to be wrong.
    .filter((file) => isOfClient(file) && !file.path.startsWith('test/conformance/'))
    .map((file) => testTitles(file, vectors))
  const citations = titles.flatMap((file) => file.citations)
  const againstBroker = ({ path }: Citation) => path.startsWith('test/mosquitto/')
  return {
    statements: readStatements(),
    readings: readReadings(),
    sites: sources.flatMap((file) => file.sites),
    mentions: sources.flatMap((file) => file.mentions),
    tests: citations.filter((citation) => !againstBroker(citation)),
    brokerTests: citations.filter(againstBroker),
    types: textsIn('test/types/programs', '.ts').flatMap(typeProofs),
    unreadable: titles.flatMap((file) => file.unreadable),
  }
}

/** What the server for tests upholds proves nothing of a client. */
function isOfClient({ path }: SourceText): boolean {
  return !/^(src|test)\/testing\//.test(path)
}

/** The files of a folder, in an order that does not depend on the machine. */
function textsIn(folder: string, ending: string): SourceText[] {
  return readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith(ending))
    .sort()
    .map((path) => ({ path, text: readFileSync(new URL(path, root), 'utf8') }))
}
