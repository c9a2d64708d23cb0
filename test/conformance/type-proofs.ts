/**
 * Finds the rules that a type upholds. A program in `test/types/programs` tries to break the rule, in the line below
 * `// @ts-expect-error [MQTT-3.3.1-3] what is tried`; if it compiled, the test that compiles the programs would fail.
 */
import type { SourceText } from './code-sites.js'
import { identifiersIn, withoutIdentifiers } from './identifier.js'
import type { Citation } from './test-titles.js'

export function typeProofs({ path, text }: SourceText): Citation[] {
  return [...text.matchAll(/^\s*\/\/ @ts-expect-error (.*)$/gm)].flatMap(([, words = '']) =>
    identifiersIn(words).map((id) => ({ id, path, title: withoutIdentifiers(words) })),
  )
}
