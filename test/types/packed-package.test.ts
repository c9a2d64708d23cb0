import { execFile, execFileSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { build } from 'esbuild'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aedesServer } from '../client/peers/aedes-server.js'
import { linksOf } from '../repo/doc-blocks.js'
import { complaintsAbout, forgetFiles, programNames } from './compiler.js'
import { describeDeclarations } from './declarations.js'
import { type PackedPackage, packPackage } from './packed-package.js'

const run = promisify(execFile)
const entries = [
  'mqtt311',
  'mqtt311/codec',
  'mqtt311/protocol',
  'mqtt311/store',
  'mqtt311/store/testing',
  'mqtt311/testing',
  'mqtt311/servers',
  'mqtt311/aliyun',
  'mqtt311/explain',
]

let packed: PackedPackage
beforeAll(() => {
  packed = packPackage()
})
afterAll(() => {
  forgetFiles()
  packed.remove()
})

describe('the packed package', () => {
  it.each([
    ['ES modules and as CommonJS', ['mts', 'cts'], ts.ModuleKind.NodeNext, ts.ModuleResolutionKind.NodeNext],
    ['ES modules under node16', ['mts'], ts.ModuleKind.Node16, ts.ModuleResolutionKind.Node16],
    ['input of a bundler', ['mts'], ts.ModuleKind.ESNext, ts.ModuleResolutionKind.Bundler],
    // TypeScript 5 resolves so where `module` is `commonjs`, its default. It does not read "exports".
    ['CommonJS under node10', ['cts'], ts.ModuleKind.CommonJS, ts.ModuleResolutionKind.Node10],
  ] as const)('gives fifteen programs their types as %s', (_, extensions, module, moduleResolution) => {
    expect(programNames.length).toBeGreaterThanOrEqual(15)
    expect(complaintsAbout(packed.project, extensions, { module, moduleResolution })).toEqual([])
  })

  it('asks for the types of Node itself where "types" is empty, the default of TypeScript 7', () => {
    const { NodeNext: module } = ts.ModuleKind
    const moduleResolution = ts.ModuleResolutionKind.NodeNext
    expect(complaintsAbout(packed.project, ['mts'], { module, moduleResolution, types: [] })).toEqual([])
  })

  it('has entries that can be imported and required, and both give the same names', () => {
    const script = `
      const namesOf = (loaded) => Object.keys(loaded).filter((name) => !['default', 'module.exports'].includes(name)).sort()
      const load = async (entry) => [entry, namesOf(require(entry)), namesOf(await import(entry))]
      Promise.all(${JSON.stringify(entries)}.map(load)).then((loaded) => console.log(JSON.stringify(loaded)))`
    const loaded: [string, string[], string[]][] = JSON.parse(
      execFileSync(process.execPath, ['-e', script], { cwd: packed.project, encoding: 'utf8' }),
    )
    expect(loaded.map(([entry]) => entry)).toEqual(entries)
    expect(loaded.filter(([, required]) => required.length === 0)).toEqual([])
    expect(loaded.map(([entry, , imported]) => [entry, imported])).toEqual(
      loaded.map(([entry, required]) => [entry, required]),
    )
  })

  it('holds one copy of every class for all CommonJS entries, and errors are recognised across ESM and CommonJS', () => {
    const script = `
      const assert = require('node:assert')
      const client = require('mqtt311')
      assert.equal(client.UsageError, require('mqtt311/codec').UsageError)
      import('mqtt311').then((esm) => {
        const error = new esm.UsageError('x')
        assert.notEqual(esm.UsageError, client.UsageError)
        assert(error instanceof client.UsageError && error instanceof client.MqttError && client.isMqttError(error))
        assert(!(error instanceof client.ClosedError))
        console.log('same')
      })`
    expect(execFileSync(process.execPath, ['-e', script], { cwd: packed.project, encoding: 'utf8' })).toBe('same\n')
  })

  it('holds what a user needs, and no tests, fixtures or maps', () => {
    const shape =
      /^(dist\/(cjs\/)?(parts\/)?[\w-]+\.js|dist\/(cjs\/)?types\/[\w/-]+\.d\.ts|(dist\/cjs\/)?package\.json|README(\.zh-CN)?\.md|docs\/([\w.-]+\.md|pictures\/[\w-]+\.svg)|CHANGELOG\.md|LICENSE)$/
    expect(packed.files.filter((path) => !shape.test(path))).toEqual([])
    for (const path of [
      'package.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'docs/use.md',
      'docs/aliyun.zh-CN.md',
      'dist/index.js',
    ])
      expect(packed.files).toContain(path)
  })

  it('has at most 400,000 bytes to download', () => {
    expect(statSync(packed.tarball).size).toBeLessThanOrEqual(400_000)
  })

  it('has no text that goes on in the next line, into which rollup would put a tab', () => {
    const programs = packed.files.filter((path) => path.endsWith('.js'))
    const split = programs.filter((path) =>
      readFileSync(join(packed.project, 'node_modules/mqtt311', path), 'utf8').includes('\\\n'),
    )
    expect(programs.length).toBeGreaterThan(40)
    expect(split).toEqual([])
  })

  it('has no page that links to a file which is not in the package', () => {
    const pages = packed.files.filter((path) => path.endsWith('.md'))
    const dead = pages.flatMap((page) =>
      linksOf(page)
        .map((link) => link.replace(/#.*/, ''))
        .filter((link) => link !== '' && !packed.files.includes(posix.join(posix.dirname(page), link)))
        .map((link) => `${page}: ${link}`),
    )
    expect(pages).toContain('README.md')
    expect(dead).toEqual([])
  })

  it('runs as one file made by esbuild', async () => {
    const program = `
      import { connect } from 'mqtt311'
      const client = await connect({ url: process.argv[2] })
      const messages = await client.messages('a/#')
      await client.publish('a/b', 'hello', { qos: 1 })
      for await (const message of messages) {
        console.log(message.topic, message.text())
        break
      }
      await client.end()`
    const outfile = join(packed.project, 'bundle.mjs')
    await build({
      stdin: { contents: program, resolveDir: packed.project },
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      outfile,
    })
    const { stdout } = await run(process.execPath, [outfile, await aedesServer()])
    expect(stdout).toBe('a/b hello\n')
  })

  it('names the modules of Node so that no bundler looks for a package called "events" or "util"', async () => {
    const contents = entries.map((entry, n) => `export * as entry${n} from ${JSON.stringify(entry)}`).join('\n')
    const { errors } = await build({
      stdin: { contents, resolveDir: packed.project },
      bundle: true,
      write: false,
      logLevel: 'silent',
      // Unlike `node`, it does not know which names are those of modules of Node.
      platform: 'neutral',
      external: ['node:*'],
    }).catch((failure) => failure)
    expect(errors).toEqual([])
  })

  it('has no runtime dependency', () => {
    const manifest = JSON.parse(readFileSync(join(packed.project, 'node_modules/mqtt311/package.json'), 'utf8'))
    expect(manifest.dependencies ?? {}).toEqual({})
    expect(manifest.peerDependencies).toBeUndefined()
    expect(manifest.optionalDependencies).toBeUndefined()
  })

  /** Those modules of Node that are slow to load, and that a program loads when it loads these entries. */
  function slowModulesOf(...loaded: readonly string[]): readonly string[] {
    // With -e, Node has loaded node:crypto before.
    const program = join(packed.project, 'loads.cjs')
    writeFileSync(
      program,
      `const before = new Set(process.moduleLoadList)
      for (const entry of process.argv.slice(2)) require(entry)
      console.log(JSON.stringify(process.moduleLoadList.filter((name) => !before.has(name))))`,
    )
    const text = execFileSync(process.execPath, [program, ...loaded], { cwd: packed.project, encoding: 'utf8' })
    const names: readonly string[] = JSON.parse(text)
    return names.flatMap((name) => /^NativeModule (net|tls|crypto)$/.exec(name)?.[1] ?? [])
  }

  it('loads neither node:net, node:tls nor node:crypto before a connection needs them', () => {
    // The first signs, the second is a server, and the third has node:assert, which looks at the standard output.
    const others = ['mqtt311/aliyun', 'mqtt311/testing', 'mqtt311/store/testing']
    expect(slowModulesOf(...entries.filter((entry) => !others.includes(entry)))).toEqual([])
    expect(slowModulesOf('mqtt311/aliyun')).toEqual(['crypto'])
    expect(slowModulesOf('node:tls').toSorted()).toEqual(['crypto', 'net', 'tls'])
  })

  it('leaves publint nothing to say', async () => {
    const { messages, pkg } = await publint({ pkgDir: join(packed.project, 'node_modules/mqtt311'), pack: false })
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([])
  })

  it('leaves are-the-types-wrong nothing to say', async () => {
    const result = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(packed.tarball))))
    if (result.types === false) throw new Error('no types were found')
    expect(result.problems).toEqual([])
  })
})

describeDeclarations(() => join(packed.project, 'node_modules/mqtt311/dist'))
