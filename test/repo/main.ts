/** Writes anew what of the documentation is made from something else: tables, recipes in their page, pictures. */
import { writeFileSync } from 'node:fs'
import { drawnPictures } from '../../docs/pictures/pictures.js'
import { page, withRecipes } from '../recipes/recipes.js'
import { withRuntimes } from '../runtimes/table.js'
import { readDocument, root } from './doc-blocks.js'
import { withOptionTable } from './option-table.js'
import { withServerTables } from './server-table.js'

writeFileSync(new URL('docs/limits.md', root), withOptionTable(readDocument('docs/limits.md')))
writeFileSync(new URL('docs/servers.md', root), withServerTables(readDocument('docs/servers.md')))
writeFileSync(new URL(page, root), withRecipes(readDocument(page)))
writeFileSync(new URL('docs/runtimes.md', root), withRuntimes(readDocument('docs/runtimes.md')))
for (const { file, svg } of drawnPictures()) writeFileSync(file, svg)
