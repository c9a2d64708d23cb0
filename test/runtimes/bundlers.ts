/** The program and the package in one file, made by four bundlers and by Node itself. */
import { type ExecFileSyncOptions, execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { installed } from './packages.js'
import type { Project } from './project.js'

export type Format = 'module' | 'commonJs'

/** Makes a bundle in a folder, and gives its path. */
type Bundler = (node: string, input: string, output: string, format: Format) => string

/** Runs a script in which the packages can be imported. */
function build(node: string, modules: string, script: string): void {
  execFileSync(node, ['--input-type=module', '-e', script], {
    cwd: dirname(modules),
    ...quiet,
  })
}

/** Only complaints are shown. */
const quiet: ExecFileSyncOptions = { stdio: ['ignore', 'ignore', 'inherit'] }

const fileName = (format: Format): string => (format === 'module' ? 'bundle.mjs' : 'bundle.cjs')

export const bundlers = {
  'esbuild@0.27.7': (node, input, output, format) => {
    const outfile = join(output, fileName(format))
    const options = { entryPoints: [input], outfile, bundle: true, minify: true, platform: 'node', target: 'node20' }
    const asFormat = { ...options, format: format === 'module' ? 'esm' : 'cjs' }
    build(
      node,
      installed('esbuild@0.27.7'),
      `import { build } from 'esbuild'; await build(${JSON.stringify(asFormat)})`,
    )
    return outfile
  },

  'rollup@4.68.8': (node, input, output, format) => {
    const file = join(output, fileName(format))
    build(
      node,
      installed('rollup@4.68.8', '@rollup/plugin-node-resolve@16.0.3', '@rollup/plugin-commonjs@29.0.3'),
      `import { rollup } from 'rollup'
      import resolve from '@rollup/plugin-node-resolve'
      import commonjs from '@rollup/plugin-commonjs'
      const bundle = await rollup({ input: ${JSON.stringify(input)}, plugins: [resolve({ preferBuiltins: true }), commonjs()] })
      await bundle.write({ file: ${JSON.stringify(file)}, format: ${format === 'module' ? "'es'" : "'cjs'"} })`,
    )
    return file
  },

  'webpack@5.113.0': (node, input, output, format) => {
    const filename = fileName(format)
    const options = {
      entry: input,
      mode: 'production',
      target: 'node20',
      output: { path: output, filename, ...(format === 'module' ? { module: true } : {}) },
      experiments: { outputModule: format === 'module' },
    }
    build(
      node,
      installed('webpack@5.113.0'),
      `import webpack from 'webpack'
      webpack(${JSON.stringify(options)}, (error, stats) => {
        if (!error && !stats.hasErrors()) return
        console.error(error ?? stats.toString())
        process.exitCode = 1
      })`,
    )
    return join(output, filename)
  },

  // It passes also JavaScript to TypeScript, which it takes from the folder in which it runs.
  '@vercel/ncc@0.45.0': (node, input, output) => {
    const modules = installed('@vercel/ncc@0.45.0', 'typescript@5.9.3')
    const command = join(modules, '@vercel/ncc/dist/ncc/cli.js')
    execFileSync(node, [command, 'build', input, '--out', output, '--quiet'], { cwd: dirname(modules), ...quiet })
    const [bundle] = ['index.mjs', 'index.cjs', 'index.js'].map((name) => join(output, name)).filter(existsSync)
    if (bundle === undefined) throw new Error('ncc wrote no index file')
    return bundle
  },
} satisfies Record<string, Bundler>

/** Node marks in its own binary, by these words, the place for a program. */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

/** A copy of Node with the program inside, as compiled code. Gives its path. */
export function singleExecutable(node: string, { folder, commonJs }: Project): string {
  const main = bundlers['esbuild@0.27.7'](node, commonJs, join(folder, 'executable'), 'commonJs')
  const blob = join(folder, 'program.blob')
  const executable = join(folder, 'program')
  const config = join(folder, 'executable.json')
  writeFileSync(config, JSON.stringify({ main, output: blob, useCodeCache: true, disableExperimentalSEAWarning: true }))
  execFileSync(node, ['--experimental-sea-config', config], quiet)
  copyFileSync(node, executable)
  const postject = join(installed('postject@1.0.0-alpha.6'), 'postject/dist/cli.js')
  execFileSync(node, [postject, executable, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse], { stdio: 'ignore' })
  return executable
}
