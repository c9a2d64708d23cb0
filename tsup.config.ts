import { defineConfig } from 'tsup'

// One build for all entry points, with shared chunks in both formats, so that a program that uses two entries
// holds one copy of every class.
export default defineConfig({
  entry: {
    index: 'src/index.ts',
    codec: 'src/codec/index.ts',
    protocol: 'src/protocol/index.ts',
    store: 'src/store/index.ts',
    'store-testing': 'src/store/testing.ts',
    aliyun: 'src/aliyun/index.ts',
    explain: 'src/explain/index.ts',
  },
  format: ['esm', 'cjs'],
  target: 'node20',
  platform: 'node',
  splitting: true,
  treeshake: true,
  dts: true,
  clean: true,
})
