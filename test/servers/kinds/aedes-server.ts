/** `aedes-server.ts <host> <port> <TLS port>`: aedes as a process of its own. It ends with SIGTERM, as the others do. */
import net from 'node:net'
import tls from 'node:tls'
import { Aedes, type Client } from 'aedes'
import { server as identity } from '../../../fixtures/tls/index.js'
import { users } from './server-kind.js'

const [, , host = '', port = '', tlsPort = ''] = process.argv

const names = new WeakMap<Client, string>()
const mayUse = (client: Client | null, topic: string): boolean =>
  client === null || names.get(client) !== 'u2' || topic.startsWith('ok/')

const broker = await Aedes.createBroker({
  authenticate: (client, username, password, done) => {
    if (username !== undefined) names.set(client, username)
    const expected = new Map<string, string>(Object.entries(users))
    done(null, username === undefined || expected.get(username) === String(password))
  },
  authorizePublish: (client, packet, done) => {
    // What aedes itself does when nobody decides.
    const reserved = packet.topic.startsWith('$SYS/')
    done(reserved || !mayUse(client, packet.topic) ? new Error('not allowed') : null)
  },
  authorizeSubscribe: (client, subscription, done) =>
    done(null, mayUse(client, subscription.topic) ? subscription : null),
})
net.createServer(broker.handle).listen(Number(port), host)
tls.createServer(identity, broker.handle).listen(Number(tlsPort), host)
process.on('SIGTERM', () => broker.close(() => process.exit(0)))
