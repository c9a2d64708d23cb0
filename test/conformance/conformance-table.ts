/** The table for readers: every rule of the standard, where it is upheld, and how that is known. */
import type { Reading, Statement } from '../../fixtures/statements/statement-file.js'
import type { Site } from './code-sites.js'
import type { Survey } from './survey.js'
import type { Citation } from './test-titles.js'

const titles: Readonly<Record<string, string>> = {
  '1': 'Introduction',
  '1.5': 'Data representations',
  '2': 'Format of Control Packets',
  '2.2': 'Fixed header',
  '2.3': 'Variable header',
  '3': 'The Control Packets',
  '3.1': 'CONNECT',
  '3.2': 'CONNACK',
  '3.3': 'PUBLISH',
  '3.4': 'PUBACK',
  '3.6': 'PUBREL',
  '3.8': 'SUBSCRIBE',
  '3.9': 'SUBACK',
  '3.10': 'UNSUBSCRIBE',
  '3.12': 'PINGREQ',
  '3.14': 'DISCONNECT',
  '4': 'Operational behaviour',
  '4.1': 'Storing state',
  '4.3': 'Quality of Service',
  '4.4': 'Delivery again',
  '4.5': 'Receipt of messages',
  '4.6': 'Order of messages',
  '4.7': 'Topic Names and Topic Filters',
  '4.8': 'Handling errors',
  '6': 'WebSocket',
  '7': 'Conformance',
}

export function conformanceTable(survey: Survey): string {
  const lines = introduction(survey)
  let chapter = ''
  let section = ''
  for (const statement of inOrder(survey.statements)) {
    const [first = '', second = ''] = numberOf(statement).split('.')
    if (first !== chapter) {
      lines.push('', `## ${first} ${titleOf(first)}`, '')
      lines.push('| Statement | Rule | Upheld by | Proved by |', '| --- | --- | --- | --- |')
    }
    const name = titles[`${first}.${second}`] === undefined ? first : `${first}.${second}`
    if (name !== section && name !== first) lines.push(`| **${name} ${titleOf(name)}** | | | |`)
    chapter = first
    section = name
    lines.push(rowOf(survey, statement))
  }
  lines.push(...readingsSection(survey.readings))
  return `${lines.join('\n')}\n`
}

/** The faults at which a client that is not strict goes on. */
function readingsSection(readings: readonly Reading[]): string[] {
  return [
    '',
    '## Where a client goes on',
    '',
    'The standard wants the connection closed at these faults of a server. Each leaves the fields of its packet whole and has one safe reading, and',
    'one such message would end a client at every start of a Session. So by default a client goes on, and tells an anomaly. A `PacketDecoder`',
    'alone is strict unless it is told otherwise. The bytes: `fixtures/vectors`.',
    '',
    '| Received | Breaks | By default | With `strict: true` | Anomaly | Seen from |',
    '| --- | --- | --- | --- | --- | --- |',
    ...readings.map(
      ({ received, statements, byDefault, strict, anomaly, seenFrom }) =>
        `| ${[received, statements.join(', '), byDefault, strict, `\`${anomaly}\``, seenFrom || '-'].join(' | ')} |`,
    ),
  ]
}

/** Which lines of a table as it was written differ from the table as it is now; of a row, its identifier. */
export function outdatedLines(written: string, current: string): string[] {
  const [before, now] = [written.split('\n'), current.split('\n')]
  const known = [new Set(before), new Set(now)] as const
  const changed = [...before.filter((line) => !known[1].has(line)), ...now.filter((line) => !known[0].has(line))]
  return [
    ...new Set(changed.map((line) => /^\| (?:\*{1,2}([^*]+)\*|(MQTT-\S+))/.exec(line)?.slice(1).find(Boolean) ?? line)),
  ]
}

export interface Counts {
  readonly upheldAndTested: number
  readonly upheldByType: number
  readonly notApplicable: number
  readonly open: number
}

/** How the rules of a kind are accounted for. */
export function countStatements({ statements, sites, tests, types }: Survey, numbered: boolean): Counts {
  const counted = { upheldAndTested: 0, upheldByType: 0, notApplicable: 0, open: 0 }
  for (const { id, client } of statements) {
    if (id.startsWith('MQTT-') !== numbered) continue
    const has = (list: readonly { readonly id: string }[]) => list.some((entry) => entry.id === id)
    if (client === 'no') counted.notApplicable += 1
    else if (has(sites) && has(tests)) counted.upheldAndTested += 1
    else if (has(sites) && has(types)) counted.upheldByType += 1
    else counted.open += 1
  }
  return counted
}

function introduction(survey: Survey): string[] {
  return [
    '# Conformance with MQTT 3.1.1',
    '',
    '<!-- Written by `npm run conformance`: edit the sources and the tests, not this file. -->',
    '',
    'Every normative statement of the standard, in our own words: whom it binds, what upholds it, and the tests that',
    'would fail without it. A file of src/ stands with the names inside it. `grep -rn MQTT-4.3.3-2 src test`',
    'finds each place, and the titles of the tests.',
    '',
    `- The standard numbers 141 statements: ${sentence(countStatements(survey, true))}.`,
    `- It has ${survey.statements.filter(({ id }) => !id.startsWith('MQTT-')).length} more rules that a client should know, without a number. Here they are named by their section and a`,
    `  few words: ${sentence(countStatements(survey, false))}.`,
    '- The first column says "client" or "server" where a statement does not bind both. Where a client can notice that a server breaks it,',
    '  or acts on what it promises, that is what is shown; where it cannot, the reason stands in place of a file.',
    `- At ${survey.readings.length} faults of a server a client goes on by default: see the end.`,
    '- `types` are programs that must not compile; `mosquitto` are tests that need this server.',
  ]
}

function sentence({ upheldAndTested, upheldByType, notApplicable, open }: Counts): string {
  const parts = [
    `${upheldAndTested} are upheld and tested`,
    ...(upheldByType > 0 ? [`${upheldByType} upheld by a type`] : []),
    `${notApplicable} ${notApplicable === 1 ? 'asks' : 'ask'} nothing of a client`,
    ...(open > 0 ? [`${open} ARE OPEN`] : []),
  ]
  return parts.join(', ')
}

function rowOf(survey: Survey, statement: Statement): string {
  const { id, binds, text, reason, printed } = statement
  const of = <T extends { readonly id: string }>(list: readonly T[]) => list.filter((entry) => entry.id === id)
  // A rule without a number has a name of some words.
  const name = id.startsWith('MQTT-') ? id : `*${id}*`
  const misprint = printed === undefined ? '' : ` (misprinted there: ${printed})`
  const upheld = reason === undefined ? siteNames(of(survey.sites)) : [escaped(reason)]
  const proved = [...testNames([...of(survey.tests), ...of(survey.types), ...of(survey.brokerTests)])]
  const bound = binds === 'both' ? '' : ` ${binds}`
  const cells = [`${name}${misprint}${bound}`, escaped(text), upheld.join('; '), proved.join('; ')]
  return `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |')
}

/** The files, each with the names inside it: what a reader searches for, and what no comment can move. */
function siteNames(sites: readonly Site[]): string[] {
  return byPath(sites).map(([path, ofFile]) => {
    const names = [...new Set(ofFile.map(({ within }) => within))].filter((name) => name !== '')
    return [shortPath(path), ...names.map((name) => `\`${name}\``)].join(' ')
  })
}

/** The files of the tests that cite the statement, folder by folder. */
function testNames(citations: readonly Citation[]): string[] {
  const folders = new Map<string, string[]>()
  for (const [path] of byPath(citations)) {
    const [, folder = '', name = ''] = /^(.*)\/(.*)$/.exec(shortPath(path)) ?? []
    folders.set(folder, [...(folders.get(folder) ?? []), name])
  }
  return [...folders].map(([folder, names]) => `${folder}: ${names.join(', ')}`)
}

/** `codec/utf8` for `src/codec/utf8.ts` and for `test/codec/utf8.test.ts`: the column tells the folder. */
function shortPath(path: string): string {
  return path
    .replace(/^(src|test)\//, '')
    .replace('/programs/', '/')
    .replace(/(\.test)?\.ts$/, '')
}

function byPath<T extends { readonly path: string }>(entries: readonly T[]): [string, T[]][] {
  const paths = [...new Set(entries.map(({ path }) => path))]
  return paths.map((path) => [path, entries.filter((entry) => entry.path === path)])
}

/** Titles and rules hold characters that mean something in Markdown. */
function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(/[\\|*_[\]$]/g, '\\$&')
}

/** By section, as numbers; within one section as the files have them: the numbered statements first. */
function inOrder(statements: readonly Statement[]): Statement[] {
  const group = (statement: Statement) => numberOf(statement).split('.').slice(0, 2).map(Number)
  return [...statements].sort((a, b) => {
    const [[chapterA = 0, sectionA = 0], [chapterB = 0, sectionB = 0]] = [group(a), group(b)]
    return chapterA - chapterB || sectionA - sectionB
  })
}

/** `3.1.2.4`, of the section that states the rule. */
function numberOf({ id }: Statement): string {
  return /^(?:MQTT-)?([\d.]+)/.exec(id)?.[1] ?? ''
}

function titleOf(number: string): string {
  const title = titles[number]
  if (title === undefined) throw new Error(`section ${number} has no title`)
  return title
}
