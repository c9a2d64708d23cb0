/**
 * A program in TypeScript as one file of JavaScript, which Node starts at once. A loader of TypeScript would take most of a second for
 * each process. Each program is built once by each process that runs tests.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'

let directory: string | undefined

function directoryOfThisProcess(): string {
  if (directory !== undefined) return directory
  const made = mkdtempSync(join(tmpdir(), 'mqtt311-programs-'))
  process.once('exit', () => rmSync(made, { recursive: true, force: true }))
  directory = made
  return made
}

const built = new Map<string, Promise<string>>()

/** The path of the built program. `source` is the URL of its TypeScript. */
export function builtProgram(source: URL): Promise<string> {
  const before = built.get(source.href)
  if (before !== undefined) return before
  const building = buildOnce(fileURLToPath(source))
  built.set(source.href, building)
  return building
}

/**
 * A source that reads a file beside itself finds that file from the built program too. A program that starts itself again, as a worker
 * does, starts what was built.
 */
const placesOfSources: Plugin = {
  name: 'places of sources',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      const place = JSON.stringify(pathToFileURL(path).href)
      return { contents: text.replaceAll(/(?<=, )import\.meta\.url/g, place), loader: 'ts' }
    }),
}

/** CommonJS packages in an ES module call `require` for the modules of Node. */
const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" }

async function buildOnce(source: string): Promise<string> {
  const outfile = join(directoryOfThisProcess(), `${built.size}-${basename(source, '.ts')}.mjs`)
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    plugins: [placesOfSources],
    banner,
    format: 'esm',
    target: 'node20',
    platform: 'node',
    logLevel: 'silent',
  })
  return outfile
}
