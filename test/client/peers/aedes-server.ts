import { once } from 'node:events'
import net from 'node:net'
import { Aedes } from 'aedes'
import { onTestFinished } from 'vitest'

/** Runs aedes on the loopback interface until the test is over. Resolves with the URL. */
export async function aedesServer(): Promise<string> {
  const broker = await Aedes.createBroker()
  const server = net.createServer(broker.handle)
  server.listen(0, '::1')
  const [listening] = await Promise.race([once(server, 'listening'), once(server, 'error')])
  // This machine has no IPv6, so the server listens on the other loopback address.
  if (listening instanceof Error) await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(async () => {
    await new Promise<void>((resolve) => broker.close(() => resolve()))
    server.close()
    await once(server, 'close')
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `mqtt://${address.family === 'IPv6' ? '[::1]' : '127.0.0.1'}:${address.port}`
}
