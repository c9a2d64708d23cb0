/** The examples in the comments of `mqtt311/testing`. */
import { type Block, readDocument } from '../repo/doc-blocks.js'

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

/** They are compiled with the programs of the documentation. */
export const examples: readonly Block[] = ['test-server', 'test-connection'].flatMap((name) =>
  examplesIn(`src/testing/${name}.ts`),
)
