/** The examples in the comments of `mqtt311/testing`. */
import { type Block, blocksInComments } from '../repo/doc-blocks.js'

/** What the examples say that they have. */
const before = `import { connect, MqttClient } from 'mqtt311'
import { testServer, TestServer } from 'mqtt311/testing'
await using server = await testServer()
const lamp = await connect(server.url, { clientId: 'lamp', reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
`
const after = 'await lamp.end()\n'

/** Those that are no whole program get what they say that they have. */
function whole(block: Block): Block {
  return block.code.includes('import ') ? block : { ...block, code: `${before}${block.code}${after}` }
}

/** They are compiled with the programs of the documentation. */
export const examples: readonly Block[] = ['test-server', 'test-connection'].flatMap((name) =>
  blocksInComments(`src/testing/${name}.ts`).map(whole),
)
