/**
 * npm run play    writes docs/play/index.html: one file with everything in it, that works from the disk
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const page = new URL('index.html', import.meta.url)

function text(name: string): string {
  return readFileSync(new URL(`page/${name}`, import.meta.url), 'utf8')
}

/** The page as the sources make it. */
export async function pageText(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('page/main.ts', import.meta.url))],
    inject: [fileURLToPath(new URL('page/buffer.ts', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    platform: 'browser',
    charset: 'utf8',
    legalComments: 'none',
    write: false,
  })
  // The end of a script must not stand within it.
  const script = (outputFiles[0]?.text ?? '').replaceAll('</script', '<\\/script')
  return text('template.html')
    .replace('/* style */', () => text('style.css'))
    .replace('/* script */', () => script)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const made = await pageText()
  writeFileSync(page, made)
  console.log(`docs/play/index.html: ${Math.round(made.length / 1000)} kB`)
}
