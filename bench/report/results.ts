/** What the last full run of each part found, as JSON in `bench/results/`. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { Circumstances } from '../measure/machine.js'
import type { Table } from '../part.js'

const directory = new URL('../results/', import.meta.url)

export interface PartResult extends Circumstances {
  readonly part: string
  readonly tables: readonly Table[]
}

export function keep(result: PartResult): void {
  mkdirSync(directory, { recursive: true })
  writeFileSync(new URL(`${result.part}.json`, directory), `${JSON.stringify(result, null, 2)}\n`)
}

export function kept(): PartResult[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.json'))
  return names.sort().map((name) => JSON.parse(readFileSync(new URL(name, directory), 'utf8')))
}
