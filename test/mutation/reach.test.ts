import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { probesAt, reachedByProcesses, withProbes } from './reach.js'

const source = `
export const limit = 3
export class Counter {
  #count = 0
  readonly #twice = (by: number) => by * 2

  add(by: number): void {
    if (by > limit) {
      this.#count += this.#twice(by)
      return
    }
    this.#count += 1
  }
}
`

const probed = withProbes('counter.ts', source, 100)

function at(text: string): readonly number[] {
  const start = source.indexOf(text)
  return probesAt(probed, start, start + text.length)
}

test('each statement, each arrow and each field has a probe of its own', () => {
  const places = ['#count = 0', 'by * 2', 'by > limit', 'this.#twice(by)', 'return', 'this.#count += 1'].map(at)
  expect(places.map((probes) => probes.length)).toEqual(places.map(() => 1))
  expect(new Set(places.flat()).size).toBe(places.length)
})

test('what runs when the file is loaded is reached by whatever reaches the file', () => {
  expect(at('limit = 3')).toEqual([...probed.regions.keys()])
})

test('the parameters of a function are reached with its first statement', () => {
  expect(at('by: number): void')).toEqual(at('by > limit'))
})

test('the lines stay where they are, so that a failure names the right one', () => {
  expect(probed.text.split('\n')).toHaveLength(source.split('\n').length)
})

test('a process that a test starts writes down what it has reached', () => {
  const directory = mkdtempSync(join(tmpdir(), 'mqtt311-reach-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const { text, regions } = withProbes('lamp.ts', 'function on() { return 1 }\nfunction off() { return 0 }\non()', 7)
  execFileSync(process.execPath, ['--input-type=module', '-e', text], { cwd: directory })
  expect([...regions.keys()]).toEqual([7, 8])
  expect(readFileSync(join(directory, reachedByProcesses), 'utf8')).toBe('7 ')
})
