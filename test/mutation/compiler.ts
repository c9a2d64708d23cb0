/** Whether the compiler takes a mutant: nobody makes a mistake unseen that it refuses. It is asked about what the tests let live. */
import { join } from 'node:path'
import ts from 'typescript'
import { type Mutant, mutatedText } from './mutants.js'
import { root } from './trial.js'

/** "The body of an 'if' statement cannot be the empty statement": so it is where a statement is left out, and braces would be taken. */
const EMPTY_BODY = 1313

export class Compiler {
  readonly #mutated = new Map<string, { readonly text: string; readonly version: number }>()
  readonly #service: ts.LanguageService

  constructor() {
    const config = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
    const { options, fileNames } = ts.parseJsonConfigFileContent(config.config, ts.sys, root)
    const sources = fileNames.filter((name) => name.startsWith(join(root, 'src')))
    this.#service = ts.createLanguageService({
      getCompilationSettings: () => options,
      getScriptFileNames: () => sources,
      getScriptVersion: (name) => String(this.#mutated.get(name)?.version ?? 0),
      getScriptSnapshot: (name) => {
        const text = this.#mutated.get(name)?.text ?? ts.sys.readFile(name)
        return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
      },
      getCurrentDirectory: () => root,
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      fileExists: ts.sys.fileExists,
      readFile: ts.sys.readFile,
      directoryExists: ts.sys.directoryExists,
      getDirectories: ts.sys.getDirectories,
    })
  }

  /** Only the errors of the mutated file itself. */
  refuses(mutant: Mutant, text: string): boolean {
    const path = join(root, mutant.file)
    const version = (this.#mutated.get(path)?.version ?? 0) + 1
    this.#mutated.set(path, { text: mutatedText(mutant, text), version })
    const errors = [...this.#service.getSyntacticDiagnostics(path), ...this.#service.getSemanticDiagnostics(path)]
    this.#mutated.set(path, { text, version: version + 1 })
    return errors.some(({ code }) => code !== EMPTY_BODY)
  }
}
