/** The examples in the comments of `mqtt311/testing`: they compile, run, and print what they say. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Block, promisedOutput, readDocument } from '../repo/doc-blocks.js'
import { complaintsAbout } from '../repo/doc-compiler.js'
import { run, type Servers, startServers } from '../repo/doc-runner.js'

/** What the examples say that they have. */
const before = `import { connect, MqttClient } from 'mqtt311'
import { testServer, TestServer } from 'mqtt311/testing'
await using server = await testServer()
const lamp = await connect(server.url, { clientId: 'lamp', reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
`
const after = 'await lamp.end()\n'

/** The blocks in the comments of a file. */
function examplesIn(file: string): Block[] {
  const text = readDocument(file)
  return [...text.matchAll(/^ *\* ```ts\n([^`]*)^ *\* ```$/gm)].map(({ 1: lines = '', index }) => {
    const code = lines.replaceAll(/^ *\* ?/gm, '')
    const isWhole = code.includes('import ')
    return {
      file,
      line: text.slice(0, index).split('\n').length + 1,
      code: isWhole ? code : `${before}${code}${after}`,
    }
  })
}

const examples = ['test-server', 'test-connection'].flatMap((name) => examplesIn(`src/testing/${name}.ts`))

describe('the examples', () => {
  let servers: Servers
  beforeAll(async () => {
    servers = await startServers()
  })
  afterAll(() => servers.close())

  test('are found, and compile', () => {
    expect(examples.length).toBeGreaterThan(15)
    expect(complaintsAbout(examples)).toEqual([])
  })

  for (const example of examples) {
    test(`${example.file}:${example.line}`, async () => {
      const printed = await run(example, servers)
      expect(printed).toEqual(expect.arrayContaining(promisedOutput(example)))
    })
  }
})
