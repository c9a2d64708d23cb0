/** The servers that the checks speak to, all on [::1], and what the program is told of them. */
import { createServer } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { type TestServer, type TestServerOptions, testServer } from 'mqtt311/testing'
import { ca, client, expired, otherName, server, unknownIssuer } from '../../fixtures/tls/index.js'
import { cutTopic, type World } from './checks.js'

/** Starts the servers. They end with this process. `folder` is an empty folder with a short path, for the local socket too. */
export async function startServers(folder: string): Promise<World> {
  const plain = await cuttingServer({})
  const silent = await cuttingServer({})
  silent.silence('publish')
  const stopped = await cuttingServer({})
  await stopped.close()
  const url = async (options: TestServerOptions['tls']) => (await cuttingServer({ tls: options })).url
  return {
    plain: plain.url,
    tls: await url(server),
    mutual: await url({ ...server, ca, requestCert: true, rejectUnauthorized: true }),
    silent: silent.url,
    expired: await url(expired),
    otherName: await url(otherName),
    unknownIssuer: await url(unknownIssuer),
    localSocket: await localSocket(join(folder, 'socket'), plain),
    nobody: stopped.url,
    ca,
    server,
    client,
    folder,
  }
}

async function cuttingServer(options: TestServerOptions): Promise<TestServer> {
  const started = await testServer({ ...options, host: '::1' })
  started.answer('publish', (_, connection) => connection.cut(), { topic: cutTopic })
  return started
}

/** The test server has no local socket of its own, so each connection is a pipe to it. */
async function localSocket(path: string, target: TestServer): Promise<string> {
  const listener = createServer((socket) => void pipeline(socket, target.stream(), socket, () => {}))
  await new Promise<void>((resolve) => listener.listen(path, resolve))
  return `unix:${path}`
}
