/**
 * Public packages at a pinned version. They are large (a runtime has 100 MB), so no project depends on them: each is installed from
 * npm when it is first needed, in a folder of its own under the temporary folder of the machine, and stays there.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where they stay. */
export const cache = join(tmpdir(), 'mqtt311-runtimes')

/** The `node_modules` with these packages, such as `rollup@4.68.8`. */
export function installed(...packages: readonly string[]): string {
  const folder = join(cache, packages.join('+').replaceAll('/', '-'))
  if (!existsSync(folder)) install(packages, folder)
  return join(folder, 'node_modules')
}

/** Another process may do the same: the first one whose folder is complete gives it its name. */
function install(packages: readonly string[], folder: string): void {
  mkdirSync(cache, { recursive: true })
  const unfinished = mkdtempSync(join(cache, 'unfinished-'))
  try {
    writeFileSync(join(unfinished, 'package.json'), '{"private":true}')
    npmInstall(unfinished, packages)
    renameSync(unfinished, folder)
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
}

/** No script of a package runs: the packages of runtimes for one platform need none. */
export function npmInstall(project: string, packages: readonly string[]): void {
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--silent', '--save-exact']
  execFileSync('npm', ['install', ...flags, ...packages], { cwd: project, stdio: ['ignore', 'ignore', 'inherit'] })
}
