import { describe, expect, it } from 'vitest'
import { EarlyEnd, runConversation } from '../../src/cli/conversation/conversation.js'
import { failureMessage } from '../../src/cli/outcome/failure-message.js'
import { muteNotes } from '../../src/cli/terminal/output.js'
import { startBroker } from './servers.js'

muteNotes()

describe('a conversation', () => {
  it.each([
    ['at once', false],
    ['after some attempts', { minDelayMs: 1, maxDelayMs: 1, maxAttempts: 2 }],
  ] as const)(
    'whose connection is lost and given up %s ends with 75, whatever the last attempt met',
    async (_, reconnect) => {
      const broker = await startBroker()
      const client = { host: broker.host, port: broker.port, reconnect }
      const ended = runConversation({ client, timeoutMs: undefined }, async (connected) => {
        await broker.server.stop()
        await connected.publish('a', 'x', { qos: 1 })
      }).catch(failureMessage)
      const line = expect.stringMatching(/^the connection was lost, and did not come back: /)
      expect(await ended).toEqual({ code: 75, line })
    },
  )

  it('gives what its work gives, after DISCONNECT', async () => {
    const broker = await startBroker()
    const client = { host: broker.host, port: broker.port }
    const listeners = () => (['SIGHUP', 'SIGINT', 'SIGTERM'] as const).map((signal) => process.listenerCount(signal))
    const before = listeners()
    expect(await runConversation({ client, timeoutMs: 10_000 }, async () => 'done')).toBe('done')
    await broker.server.receives('disconnect')
    expect(listeners()).toEqual(before)
  })

  it('is not ended at once by a second SIGHUP, which a closed terminal sends', async () => {
    const end = new EarlyEnd(undefined)
    for (let count = 0; count < 2; count += 1) process.emit('SIGHUP', 'SIGHUP')
    await expect(end.promise).rejects.toThrow('interrupted by SIGHUP')
    end.stop()
  })
})
