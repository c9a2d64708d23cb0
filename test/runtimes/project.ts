/** A project of a user: the package as npm installs it from its tarball, and the programs beside it. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { npmInstall } from './packages.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Project {
  readonly folder: string
  /** The folder that the checks may write in. */
  readonly data: string
  /** Paths of the program, which imports, or requires, the package. */
  readonly module: string
  readonly commonJs: string
  /** The path of a program that runs the module in a worker thread. */
  readonly worker: string
  /** The path of a test file of jest. */
  readonly jest: string
}

/** Packs `dist` as it is, and installs the tarball. The path is short, because it leads to a local socket. */
export async function makeProject(): Promise<Project> {
  const folder = mkdtempSync(join(tmpdir(), 'mqtt311-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  const flags = ['--ignore-scripts', '--json', '--pack-destination', folder]
  const packed: readonly { readonly filename: string }[] = JSON.parse(
    execFileSync('npm', ['pack', ...flags], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  )
  npmInstall(
    folder,
    packed.map(({ filename }) => join(folder, filename)),
  )
  const data = join(folder, 'data')
  mkdirSync(data)
  const worker = join(folder, 'worker.mjs')
  writeFileSync(
    worker,
    `import { Worker } from 'node:worker_threads'\nnew Worker(new URL('./program.mjs', import.meta.url))\n`,
  )
  return {
    folder,
    data,
    module: await written('program.ts', join(folder, 'program.mjs')),
    commonJs: await written('program.ts', join(folder, 'program.cjs')),
    worker,
    jest: await written('program.jest.ts', join(folder, 'program.test.cjs')),
  }
}

/** A program as JavaScript, which finds the package in `node_modules`. */
async function written(source: string, outfile: string): Promise<string> {
  await build({
    entryPoints: [fileURLToPath(new URL(source, import.meta.url))],
    outfile,
    bundle: true,
    format: outfile.endsWith('.mjs') ? 'esm' : 'cjs',
    platform: 'node',
    target: 'node20',
    external: ['mqtt311', 'mqtt311/*'],
    logLevel: 'silent',
  })
  return outfile
}
