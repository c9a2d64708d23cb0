/** Prints how src/ is divided: lines and files of each folder and room, small files, full folders, circles of imports. */
import { posix } from 'node:path'
import { importCircles } from './source-imports.js'
import { entriesByFolder, filesBelow, linesOf, pathsUnder, sourceFiles } from './source-tree.js'

const files = sourceFiles()
const tests = pathsUnder('test', '.test.ts')

const isUnder = (folder: string, path: string) => path.startsWith(`${folder}/`)

/** The files of a folder with those of its rooms, beside the files of the tests that stand in the folder of that name. */
function row(folder: string): string {
  const inside = files.filter(({ path }) => isUnder(folder, path))
  const lines = inside.reduce((sum, file) => sum + linesOf(file), 0)
  const mirror = folder.replace(/^src/, 'test')
  return rowOf(folder, [lines, inside.length, tests.filter((path) => isUnder(mirror, path)).length])
}

function rowOf(name: string, cells: readonly (string | number)[]): string {
  return [name.padEnd(28), ...cells.map((cell) => String(cell).padStart(9))].join('')
}

const folders = [...new Set(files.map(({ path }) => posix.dirname(path)))].sort()
const entries = [...entriesByFolder(files)].sort(([, a], [, b]) => b - a)
const circles = importCircles(files)
const small = filesBelow(40, files)

console.log(
  [
    rowOf('folder', ['lines', 'files', 'tests']),
    ...folders.map(row),
    '',
    `${small.length} files of fewer than 40 lines: ${small.join(', ')}`,
    `fullest folders: ${entries
      .slice(0, 6)
      .map(([folder, count]) => `${folder} ${count}`)
      .join(', ')}`,
    `circles of imports: ${circles.length}${circles.map((circle) => `\n  ${circle.join(', ')}`).join('')}`,
  ].join('\n'),
)
