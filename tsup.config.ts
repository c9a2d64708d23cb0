import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defineConfig } from 'tsup'
import { writeDeclarations } from './build/declarations.js'

// One build for all entry points, with shared chunks in both formats, so that a program that uses two entries
// holds one copy of every class.
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

export default defineConfig(({ dts, outDir = 'dist' }) => ({
  entry: { ...library, cli: 'src/cli/main.ts' },
  format: ['esm', 'cjs'],
  target: 'node20',
  platform: 'node',
  splitting: true,
  treeshake: true,
  // build/declarations.ts writes them, and says why; `tsup --no-dts` still leaves them out.
  dts: false,
  onSuccess: async () => {
    // The files of this folder are CommonJS.
    const commonJs = join(outDir, 'cjs')
    await mkdir(commonJs, { recursive: true })
    await writeFile(join(commonJs, 'package.json'), '{"type":"commonjs","sideEffects":false}\n')
    if (dts === false) return
    await writeDeclarations('src', Object.values(library), [join(outDir, 'types'), join(commonJs, 'types')])
  },
  clean: true,
  esbuildOptions(options, { format }) {
    // Less to download, and less for V8 to read when a program starts. All names stay, and lines stay short: so does a stack trace.
    options.minifyWhitespace = true
    options.minifySyntax = true
    options.lineLimit = 120
    // Nobody requires the command, so it is built once, as an ES module.
    if (format === 'cjs') options.entryPoints = library
  },
}))
