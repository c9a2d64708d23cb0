/**
 * The parts that the library is laid into: the files of dist/parts.
 *
 * A program that uses two entry points holds one copy of every class, because both import the class from the same part.
 *
 * The package holds all code twice, for those who import and for those who require. npm puts files of one name side by side into the
 * archive, and gzip finds a text again within 32 KB. So the second copy of a part costs next to nothing, if the part is not larger. But
 * many small parts would make a program start late: for Node 20, one file more costs as much as 15 KB of code.
 */
import { readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Plugin } from 'esbuild'

/**
 * Each part, with the files and the folders of src that it holds; the longest path decides. A part imports only parts above it. What is in
 * no part belongs to the command alone.
 */
const parts: Readonly<Record<string, readonly string[]>> = {
  base: ['errors.ts', 'option-names.ts', 'realms', 'codec', 'codec/decode/decode-fixed-header.ts'],
  packets: ['codec/encode', 'codec/decode'],
  'client-packets': ['codec/decode/client-bodies.ts', 'codec/decode/packet-decoder.ts'],
  outgoing: ['protocol/lists', 'protocol/exchange', 'protocol/outgoing'],
  incoming: ['protocol/incoming', 'protocol/requests', 'protocol/suspects', 'protocol/session-state.ts'],
  session: ['protocol'],
  journal: [
    'protocol/journal',
    'protocol/lists/sequence-map.ts',
    'store/file/record-format.ts',
    'store/file/checksum.ts',
  ],
  'file-store': ['store'],
  'store-cases': ['store/testing'],
  endpoint: ['transport/endpoint.ts', 'transport/address-lookup.ts', 'transport/connection-failure.ts'],
  socket: ['transport'],
  options: ['client/options'],
  delivery: ['client/waiting', 'client/surface', 'client/deliver'],
  publishing: ['client/publish', 'client/subscribe'],
  driver: ['client/engine'],
  client: ['client'],
  broker: ['testing/broker', 'testing/option-checks.ts'],
  server: ['testing'],
  profiles: ['servers'],
  platform: ['aliyun'],
  explanation: [
    'explain/annotation.ts',
    'explain/explain.ts',
    'explain/summary.ts',
    'explain/listing',
    'explain/fields',
  ],
}

/** gzip looks back 32,768 bytes less 262; in the archive, a file has a header of 512 bytes and ends at a multiple of 512. */
const bytesMax = 31_744

const names = Object.keys(parts)
const places = names
  .flatMap((name) => (parts[name] ?? []).map((path) => ({ name, path: resolve('src', path) })))
  .sort((a, b) => b.path.length - a.path.length)

/** The entry points of the parts, as esbuild takes them. */
export const partEntries = Object.fromEntries(names.map((name) => [`parts/${name}`, `part:${name}`]))

/** Makes an import of another part, and of another entry point, an import of its file. `entries` are the entry points of the package. */
export function layIntoParts(entries: Readonly<Record<string, string>>): Plugin {
  const entryNames = new Map(Object.entries(entries).map(([name, path]) => [resolve(path), name]))
  const partOf = (file: string): string | undefined =>
    entryNames.has(file) ? undefined : places.find(({ path }) => file === path || file.startsWith(`${path}/`))?.name
  return {
    name: 'parts',
    setup(build) {
      build.onResolve({ filter: /^part:/ }, ({ path }) => ({ path, namespace: 'part' }))
      build.onLoad({ filter: /^/, namespace: 'part' }, ({ path }) => ({
        contents: sources()
          .filter((file) => partOf(file) === path.slice('part:'.length))
          .map((file) => `export * from ${JSON.stringify(file)}`)
          .join('\n'),
        resolveDir: '.',
      }))
      build.onResolve({ filter: /^\.\.?\// }, ({ path, importer, resolveDir, kind }) => {
        if (kind === 'entry-point') return undefined
        const file = resolve(resolveDir, path.replace(/\.js$/, '.ts'))
        const [from, entry, to] = [partOf(importer), entryNames.get(file), partOf(file)]
        if (entry !== undefined) {
          if (from === undefined) return { path: `./${entry}.js`, external: true }
          return {
            errors: [{ text: `the part ${from} imports the entry point ${entry}, which stands above all parts` }],
          }
        }
        if (to === undefined) {
          if (from === undefined && !entryNames.has(importer)) return undefined
          return { errors: [{ text: `${file} is in no part of build/parts.ts, so each importer would have a copy` }] }
        }
        if (from === to) return undefined
        if (from === undefined) return { path: `./parts/${to}.js`, external: true }
        if (names.indexOf(to) < names.indexOf(from)) return { path: `./${to}.js`, external: true }
        return { errors: [{ text: `the part ${from} may not import ${to}, which stands below it in build/parts.ts` }] }
      })
    },
  }
}

/** Refuses parts that are too large. `folder` has the larger ones of the two copies. */
export function requireSmallParts(folder: string): void {
  for (const name of names) {
    const { size } = statSync(join(folder, `${name}.js`))
    if (size > bytesMax)
      throw new Error(
        `the part ${name} has ${size} bytes, at most ${bytesMax} are allowed: divide it in build/parts.ts`,
      )
  }
}

function sources(): readonly string[] {
  return readdirSync('src', { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => resolve(parentPath, name))
    .sort()
}
