/** The programs that stand in the documentation. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = new URL('../../', import.meta.url)

/** A fenced block of TypeScript. */
export interface Block {
  /** From the root of the repository: `docs/aliyun.md`. */
  readonly file: string
  /** The line of its first statement, counted from 1. */
  readonly line: number
  readonly code: string
}

export function readDocument(file: string): string {
  return readFileSync(new URL(file, root), 'utf8')
}

/** The pages whose programs are promised to work. */
export function documents(): string[] {
  const pages = readdirSync(fileURLToPath(new URL('docs/', root))).filter((name) => name.endsWith('.md'))
  return ['README.md', 'README.zh-CN.md', ...pages.map((name) => `docs/${name}`)]
}

export function blocksOf(file: string): Block[] {
  const blocks: Block[] = []
  let begun: { readonly line: number; readonly lines: string[] } | undefined
  for (const [index, text] of readDocument(file).split('\n').entries()) {
    if (begun === undefined) {
      if (text === '```ts') begun = { line: index + 2, lines: [] }
    } else if (text === '```') {
      blocks.push({ file, line: begun.line, code: `${begun.lines.join('\n')}\n` })
      begun = undefined
    } else begun.lines.push(text)
  }
  if (begun !== undefined) throw new Error(`${file}:${begun.line}: the block has no end`)
  return blocks
}

/** The blocks in the comments of a source file. */
export function blocksInComments(file: string): Block[] {
  const text = readDocument(file)
  return [...text.matchAll(/^ *\* ```ts\n([^`]*(?:`[^`]+)*?)^ *\* ```$/gm)].map(({ 1: lines = '', index }) => {
    return { file, line: text.slice(0, index).split('\n').length + 1, code: lines.replaceAll(/^ *\* ?/gm, '') }
  })
}

/** Names that a block may use without saying where they come from: a connected client, and a device with a secret. */
export const given = {
  client: "import('mqtt311').MqttClient",
  device: "import('mqtt311/aliyun').SecretDevice",
} as const

export type Given = keyof typeof given

/** Whether the block makes what it calls by that name itself. */
export function declares({ code }: Block, name: Given): boolean {
  return new RegExp(`\\b(?:const|let|using) (?:${name}\\b|\\{[^}]*\\b${name}\\b)`).test(code)
}

/** Servers that only exist in the documentation: such a block is compiled, and not run. */
export function namesFarServer({ code }: Block): boolean {
  return /\.example\.com|\.amazonaws\.com/.test(code)
}

/** What the block says that it prints, a line for each comment of the form `// prints: ...`. */
export function promisedOutput({ code }: Block): string[] {
  return [...code.matchAll(/\/\/ prints: (.*)$/gm)].map(([, text = '']) => text)
}

/** Files and folders that a page names in backticks, from the root or from `src`, and that do not exist. */
export function missingFiles(file: string): string[] {
  const folders = 'src|test|fixtures|bench|codec|protocol|transport|client|store|servers|aliyun|explain|cli'
  const named = readDocument(file).matchAll(new RegExp(`\`((?:${folders})/[\\w./-]+)\``, 'g'))
  return [...named]
    .map(([, path = '']) => path)
    .filter((path) => !existsSync(new URL(path, root)) && !existsSync(new URL(`src/${path}`, root)))
}

/** Links of a page that are not absolute, as they stand there. */
export function linksOf(file: string): string[] {
  return [...readDocument(file).matchAll(/\]\((?!https?:)([^)\s]*)\)/g)].map(([, link = '']) => link)
}

/** Links to files and headings of the repository that lead nowhere. */
export function brokenLinks(file: string): string[] {
  return linksOf(file).filter((link) => {
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? file : posix.join(posix.dirname(file), path)
    if (!existsSync(new URL(target, root))) return true
    return anchor !== undefined && !anchorsOf(target).includes(anchor)
  })
}

/** The names that GitHub gives to headings. */
function anchorsOf(file: string): string[] {
  const headings = [...readDocument(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading.toLowerCase())
  return headings.map((heading) => heading.replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'))
}
