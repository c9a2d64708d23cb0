import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A new directory, which is removed when the test has finished. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mqtt311-lock-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** The files in a directory that are not of its journal. */
export async function locksIn(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((name) => !name.endsWith('.journal'))
}
