/** The recipes: programs in docs/recipes, and docs/recipes.md, which shows them. */
import { readdirSync } from 'node:fs'
import { type Block, readDocument, root } from '../repo/doc-blocks.js'

export const page = 'docs/recipes.md'

/** The names of the files. */
export const recipes: readonly string[] = readdirSync(new URL('docs/recipes/', root))

/** The text of a recipe. */
export const recipe = (name: string): string => readDocument(`docs/recipes/${name}`)

export const recipeUrl = (name: string): URL => new URL(`docs/recipes/${name}`, root)

const languages: Readonly<Record<string, string>> = { cjs: 'js', yaml: 'yaml', Dockerfile: 'dockerfile' }

/** The page with the present text of each recipe behind its mark. The name keeps the block apart from those that stand only in a page. */
export function withRecipes(text: string): string {
  return text.replaceAll(/(<!-- recipe: (\S+) -->\n)(?:```.*?\n```\n)?/gs, (_, mark: string, name: string) => {
    const language = languages[name.split('.').at(-1) ?? ''] ?? 'ts'
    return `${mark}\`\`\`${language} ${name}\n${recipe(name).trimEnd()}\n\`\`\`\n`
  })
}

/** The recipes in TypeScript and their tests, for the compiler. */
export function recipePrograms(): Block[] {
  const programs = recipes
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ file: `docs/recipes/${name}`, line: 1, code: recipe(name) }))
  const tests = readdirSync(new URL('test/recipes/', root))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const file = `test/recipes/${name}`
      // What is compiled counts as a file of test/repo.
      return { file, line: 1, code: readDocument(file).replace("'./recipes.js'", "'../recipes/recipes.js'") }
    })
  return [...programs, ...tests]
}
