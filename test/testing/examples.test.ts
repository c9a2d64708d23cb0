/** The examples in the comments of `mqtt311/testing`: they run, and print what they say. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { promisedOutput } from '../repo/doc-blocks.js'
import { run, type Servers, startServers } from '../repo/doc-runner.js'
import { examples } from './examples.js'

describe('the examples', () => {
  let servers: Servers
  beforeAll(async () => {
    servers = await startServers()
  })
  afterAll(() => servers.close())

  test('are found', () => {
    expect(examples.length).toBeGreaterThan(15)
  })

  for (const example of examples) {
    test(`${example.file}:${example.line}`, async () => {
      const printed = await run(example, servers)
      expect(printed).toEqual(expect.arrayContaining(promisedOutput(example)))
    })
  }
})
