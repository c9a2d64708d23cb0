import { writeFile } from 'node:fs/promises'
import { defineConfig, type Options } from 'tsup'
import { writeDeclarations } from './build/declarations.js'
import { layIntoParts, partEntries, requireSmallParts } from './build/parts.js'

const library = {
  index: 'src/index.ts',
  codec: 'src/codec/index.ts',
  protocol: 'src/protocol/index.ts',
  store: 'src/store/index.ts',
  'store-testing': 'src/store/testing/index.ts',
  testing: 'src/testing/index.ts',
  servers: 'src/servers/index.ts',
  aliyun: 'src/aliyun/index.ts',
  explain: 'src/explain/index.ts',
}
// Nobody requires the command, so it is built once, as an ES module.
const command = { cli: 'src/cli/main.ts' }

/**
 * esbuild keeps its limit of a line inside texts too: a backslash, and the text goes on in the next line. That is valid, but rollup indents
 * such a line in a bundle of CommonJS, and the text then has a tab (findings/esbuild-rollup-tab-in-a-text.sh).
 */
const wholeTexts: NonNullable<Options['plugins']>[number] = {
  name: 'whole texts',
  renderChunk: (code) => ({ code: code.replace(/(?<!\\)((?:\\\\)*)\\\n/g, '$1') }),
}

function output(entry: Record<string, string>): Options {
  return {
    entry,
    target: 'node20',
    platform: 'node',
    treeshake: true,
    // A bundler may take `events` for the package of that name; `node:events` is always the module of Node.
    removeNodeProtocol: false,
    // build/declarations.ts writes them, and says why; `tsup --no-dts` still leaves them out.
    dts: false,
    plugins: [wholeTexts],
    esbuildPlugins: [layIntoParts(library)],
    esbuildOptions(options) {
      // tsup takes only files for entry points.
      options.entryPoints = { ...entry, ...partEntries }
      // Less to download, and less for V8 to read when a program starts. All names stay, and lines stay short: so does a stack trace.
      options.minifyWhitespace = true
      options.minifySyntax = true
      options.lineLimit = 120
    },
  }
}

export default defineConfig(({ dts }) => [
  { ...output({ ...library, ...command }), format: 'esm', splitting: true, outDir: 'dist', clean: ['!cjs'] },
  {
    ...output(library),
    format: 'cjs',
    outDir: 'dist/cjs',
    outExtension: () => ({ js: '.js' }),
    clean: true,
    onSuccess: async () => {
      requireSmallParts('dist/cjs/parts')
      // The files of this folder are CommonJS.
      await writeFile('dist/cjs/package.json', '{"type":"commonjs","sideEffects":false}\n')
      if (dts === false) return
      await writeDeclarations('src', Object.values(library), ['dist/types', 'dist/cjs/types'])
    },
  },
])
