import { readFile } from 'node:fs/promises'

/** From the package.json of this package, which stands above the sources and above what is built from them. */
export async function readVersion(): Promise<string> {
  for (const path of ['../package.json', '../../package.json']) {
    const text = await readFile(new URL(path, import.meta.url), 'utf8').catch(() => undefined)
    const manifest: unknown = text === undefined ? undefined : JSON.parse(text)
    if (typeof manifest !== 'object' || manifest === null || !('version' in manifest)) continue
    if ('name' in manifest && manifest.name === 'mqtt311') return String(manifest.version)
  }
  return 'of unknown version'
}
