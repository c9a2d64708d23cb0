/** How large the package is: in a bundle, in the registry, and installed with all that it depends on. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { bundleSize, entrySizes } from '../../test/size/entry-sizes.js'
import type { Row, Table } from '../part.js'

const program = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const rivalRoot = join(root, 'node_modules/mqtt')

/** The archive that the registry would send, and what it unpacks to. */
async function packed(directory: string): Promise<{ readonly size: number; readonly unpackedSize: number }> {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts', directory]
  const { stdout } = await program('npm', args, { cwd: root })
  return JSON.parse(stdout)[0]
}

/** The directories of a package and of everything that it depends on, each once. */
function withDependencies(directory: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(directory)) return found
  found.add(directory)
  const { dependencies = {} } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) {
    const paths = createRequire(join(directory, 'package.json')).resolve.paths(name) ?? []
    const installed = paths.map((path) => join(path, name)).find((path) => isDirectory(path))
    if (installed !== undefined) withDependencies(installed, found)
  }
  return found
}

const isDirectory = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** Bytes of the files, without the dependencies that are installed below. */
function bytesIn(directory: string): number {
  let bytes = 0
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) bytes += entry.name === 'node_modules' ? 0 : bytesIn(path)
    else bytes += statSync(path).size
  }
  return bytes
}

function row(work: string, ours: number, theirs: number): Row {
  return { work, unit: 'KB', ours: ours / 1000, theirs: theirs / 1000, ratio: theirs / ours }
}

export async function* run(): AsyncGenerator<Table> {
  const ours = (await entrySizes()).find(({ entry }) => entry === 'mqtt311')
  if (ours === undefined) throw new Error('there is no entry point mqtt311')
  const theirs = await bundleSize(join(rivalRoot, 'build/index.js'))
  // What the bench has built for itself has no declarations.
  await program('npm', ['run', 'build'], { cwd: root })
  const [archive, otherArchive] = [await packed(root), await packed(rivalRoot)]
  const installed = withDependencies(rivalRoot)
  const otherBytes = [...installed].reduce((bytes, directory) => bytes + bytesIn(directory), 0)
  yield {
    id: 'package-size',
    title: 'Size of the package',
    how: 'One file with all that is imported, made by esbuild for Node; the archive as npm packs it; what is on the disk after npm install.',
    rival: 'MQTT.js',
    rows: [
      row('bundle, minified', ours.minifiedBytes, theirs.minifiedBytes),
      row('bundle, minified, gzip', ours.gzippedBytes, theirs.gzippedBytes),
      row('archive', archive.size, otherArchive.size),
      row('installed, dependencies included', archive.unpackedSize, otherBytes),
    ],
    notes: [`Packages that are installed: mqtt311 1, MQTT.js ${installed.size}.`],
  }
}
