/** Writes the tables of the documentation anew that are made from the sources. */
import { writeFileSync } from 'node:fs'
import { readDocument, root } from './doc-blocks.js'
import { withOptionTable } from './option-table.js'
import { withServerTables } from './server-table.js'

writeFileSync(new URL('README.md', root), withOptionTable(readDocument('README.md')))
writeFileSync(new URL('docs/servers.md', root), withServerTables(readDocument('docs/servers.md')))
