/** Compiles the programs of the documentation against the sources, as strictly as the sources themselves. */
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { type Block, declares, type Given, given, root } from './doc-blocks.js'

const directory = fileURLToPath(root)

/** The complaints of the compiler, each with the page and the line. */
export function complaintsAbout(blocks: readonly Block[]): string[] {
  const sources = new Map(blocks.map((block) => [pathOf(block), block]))
  const options = compilerOptions()
  const host = ts.createCompilerHost(options)
  // As `tsc` does: of the doc comments it reads those that an error can come from.
  host.jsDocParsingMode = ts.JSDocParsingMode.ParseForTypeErrors
  const { fileExists, readFile } = host
  host.fileExists = (path) => sources.has(path) || fileExists(path)
  host.readFile = (path) => {
    const block = sources.get(path)
    return block === undefined ? readFile(path) : moduleOf(block)
  }
  const program = ts.createProgram([...sources.keys()], options, host)
  return [...sources].flatMap(([path, block]) => {
    const file = program.getSourceFile(path)
    const diagnostics = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
    return diagnostics.map(({ file: at, start = 0, messageText }) => {
      const line = at === undefined ? 0 : at.getLineAndCharacterOfPosition(start).line
      return `${block.file}:${block.line + line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
    })
  })
}

function pathOf({ file, line }: Block): string {
  return `${directory}test/repo/${file.replaceAll(/\W/g, '-')}-${line}.ts`
}

/** What is given stands behind the block, so that its lines keep their numbers. */
function moduleOf(block: Block): string {
  const names: Given[] = ['client', 'device']
  const declared = names.filter((name) => !declares(block, name))
  return `${block.code}${declared.map((name) => `declare const ${name}: ${given[name]}\n`).join('')}export {}\n`
}

function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(`${directory}tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, directory)
  return { ...options, noUnusedLocals: false, noUnusedParameters: false }
}
