import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The package as npm would publish it, installed in an empty project. */
export interface PackedPackage {
  readonly tarball: string
  /** The project: `node_modules/mqtt311` is the package, `node_modules/@types/node` is there too. */
  readonly project: string
  /** Paths of the files in the package. */
  readonly files: readonly string[]
  remove(): void
}

/** Builds, packs and installs. Takes some ten seconds. */
export function packPackage(): PackedPackage {
  const project = mkdtempSync(join(tmpdir(), 'mqtt311-packed-'))
  const env = { ...process.env, npm_config_loglevel: 'error' }
  execFileSync('npm', ['pack', '--pack-destination', project], { cwd: root, env, stdio: 'pipe' })
  const [tarball] = readdirSync(project).filter((name) => name.endsWith('.tgz'))
  if (tarball === undefined) throw new Error('npm pack made no tarball')
  const modules = join(project, 'node_modules')
  mkdirSync(join(modules, '@types'), { recursive: true })
  execFileSync('tar', ['-xzf', join(project, tarball), '-C', modules])
  execFileSync('mv', [join(modules, 'package'), join(modules, 'mqtt311')])
  for (const name of ['@types/node', 'undici-types']) symlinkSync(join(root, 'node_modules', name), join(modules, name))
  const files = execFileSync('tar', ['-tzf', join(project, tarball)], { encoding: 'utf8' })
    .trim()
    .split('\n')
  return {
    tarball: join(project, tarball),
    project,
    files: files.map((path) => path.replace(/^package\//, '')),
    remove: () => rmSync(project, { recursive: true }),
  }
}
