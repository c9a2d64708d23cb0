/**
 * Ports for servers that keep them across restarts, as real servers do. They lie below the range from which the kernel takes the
 * ports of outgoing connections: in that range a client that connects to a port where nobody listens for the moment can
 * meet itself.
 */
import { once } from 'node:events'
import net from 'node:net'
import os from 'node:os'

export type LoopbackHost = '::1' | '127.0.0.1'

/** `::1`, or `127.0.0.1` on a machine without IPv6. */
export function loopbackHost(): LoopbackHost {
  const addresses = Object.values(os.networkInterfaces()).flatMap((list) => list ?? [])
  return addresses.some(({ address }) => address === '::1') ? '::1' : '127.0.0.1'
}

export async function freePort(host: string): Promise<number> {
  for (let attempts = 0; attempts < 100; attempts += 1) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    if (await isFree(host, port)) return port
  }
  throw new Error('found no free port between 20000 and 31999')
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = net.createServer()
  const listening = once(server, 'listening').then(
    () => true,
    () => false,
  )
  server.listen(port, host)
  const free = await listening
  if (free) {
    server.close()
    await once(server, 'close')
  }
  return free
}
