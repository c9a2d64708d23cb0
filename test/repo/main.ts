/** Writes the table of limits in the README anew. */
import { writeFileSync } from 'node:fs'
import { readDocument, root } from './doc-blocks.js'
import { withOptionTable } from './option-table.js'

writeFileSync(new URL('README.md', root), withOptionTable(readDocument('README.md')))
