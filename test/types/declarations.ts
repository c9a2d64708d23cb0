/** What a person sees who asks an editor for the definition of a name: a file to read, named as the source is. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { beforeAll, describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { programOf } from './compiler.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Each entry point and the path of its declarations below dist/types, without extension. */
const entries = Object.entries(manifest.exports).flatMap(([entry, conditions]) =>
  typeof conditions === 'string'
    ? []
    : [[entry, conditions.import.types.replace('./dist/types/', '').slice(0, -'.d.ts'.length)] as const],
)

/** The tests of the declarations in `dist()`, which is there when the first of them begins. */
export function describeDeclarations(dist: () => string): void {
  let files: readonly string[]
  let program: ts.Program
  const directory = () => join(dist(), 'types')
  const forCommonJs = () => join(dist(), 'cjs/types')
  const declarationsIn = (folder: string) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  const read = (name: string) => readFileSync(join(directory(), name), 'utf8')

  beforeAll(() => {
    files = declarationsIn(directory())
    program = programOf(
      entries.map(([, path]) => join(directory(), `${path}.d.ts`)),
      { module: ts.ModuleKind.NodeNext, skipLibCheck: true },
    )
  })

  describe('the declaration files', () => {
    it('are one for each source file that can be reached, and named after it', () => {
      expect(files.length).toBeGreaterThan(50)
      const sources = files.map((name) => name.replace(/\.d\.ts$/, '.ts'))
      expect(sources.filter((path) => !existsSync(join(root, 'src', path)))).toEqual([])
    })

    it('are the same for CommonJS, so that the archive has room for both', () => {
      expect(declarationsIn(forCommonJs()).sort()).toEqual([...files].sort())
      for (const name of files) expect(readFileSync(join(forCommonJs(), name), 'utf8')).toBe(read(name))
    })

    it('give no name a second one', () => {
      const renamed = files.flatMap((name) => {
        const { statements } = ts.createSourceFile(name, read(name), ts.ScriptTarget.ES2022)
        return statements.flatMap(specifiersOf).filter(({ propertyName }) => propertyName !== undefined)
      })
      expect(renamed.map(({ name }) => name.text)).toEqual([])
    })

    it('name what they import at their beginning, and not in the middle of a type', () => {
      expect(files.filter((name) => /\bimport\(/.test(read(name)))).toEqual([])
    })

    it('say nothing of the machine they were made on', () => {
      expect(files.filter((name) => read(name).includes(root) || read(name).includes('sourceMappingURL'))).toEqual([])
    })

    it('import only declarations that are there', () => {
      for (const name of files) {
        for (const { fileName } of ts.preProcessFile(read(name)).importedFiles) {
          if (!fileName.startsWith('.')) continue
          expect(files).toContain(join(name, '..', fileName.replace(/\.js$/, '.d.ts')))
        }
      }
    })

    it.each(entries)('%s: every name leads to a declaration of that name, with its doc comment', (_, path) => {
      const checker = program.getTypeChecker()
      const file = program.getSourceFile(join(directory(), `${path}.d.ts`))
      const module = file && checker.getSymbolAtLocation(file)
      if (module === undefined) throw new Error(`${path} is no module`)
      const names = checker.getExportsOfModule(module)
      expect(names.length).toBeGreaterThan(0)
      const declared = names.map((name) => (name.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(name) : name))
      expect(declared.map(({ name }) => name)).toEqual(names.map(({ name }) => name))
      const silent = declared.filter((symbol) => symbol.getDocumentationComment(checker).length === 0)
      expect(silent.map(({ name }) => name)).toEqual([])
    })
  })
}

/** The names that an import or an export takes from another file. */
function specifiersOf(statement: ts.Statement): readonly ts.ImportOrExportSpecifier[] {
  const named = ts.isImportDeclaration(statement)
    ? statement.importClause?.namedBindings
    : ts.isExportDeclaration(statement)
      ? statement.exportClause
      : undefined
  return named !== undefined && (ts.isNamedImports(named) || ts.isNamedExports(named)) ? [...named.elements] : []
}
