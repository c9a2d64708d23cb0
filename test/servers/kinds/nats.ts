import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { freePort } from '../process/ports.js'
import { outputOf, type ServerKind, searchPath, tlsFile, users } from './server-kind.js'

/** nats-server with JetStream: a server has one MQTT port, with or without TLS, so there are two of one cluster-less node each. */
export const nats: ServerKind = {
  name: 'nats',
  title: 'NATS',
  version: '2.9.10',
  install: 'apt-get install nats-server',
  publishes: [0, 1],
  overCuts: 'keeps',
  afterKill: 'kept',
  answers: {
    'PUBLISH at QoS 2, sent again on the next connection': 'closed',
    'QoS 2 messages to a persistent Session': 'none, QoS 2 is not granted',
    'will of a client that is taken over': 'not sent',
    'QoS 1 message sent again': 'DUP 1, same Packet Identifier, after newer messages',
    'QoS 1 messages under way to a client': '1024',
    'SUBSCRIBE at QoS 2': 'QoS 1 granted',
    'PUBLISH at QoS 2': 'closed, no answer',
    'PUBLISH to $SYS/a': 'delivered',
    '# and $x/a': 'match',
    'what # brings that nobody published': 'messages on $JS/... and $MQTT/...',
    'QoS 1 message on a/b for # at QoS 0': 'a/b and $MQTT/msgs/a/b',
    'Topic Name with a dot, "a.b"': 'closed',
    'Topic Name with a blank, "a b"': 'closed',
    'Topic Name with a blank at its end, "a "': 'closed',
    'Topic Filter "a/*"': 'matches itself and a/b',
    'Topic Filter "a/>"': 'matches itself and a/b and a/b/c',
    'Topic Filter with a dot': 'refused, 0x80',
    '100 QoS 1 filters in one Session': '63 granted',
  },

  async installed() {
    return (await outputOf('nats-server', '--version')).replace('nats-server: v', '')
  },

  async prepare({ directory, host, port, tlsPort }) {
    const configure = async (name: string, mqttPort: number, tls: string): Promise<readonly string[]> => {
      const file = path.join(directory, `${name}.conf`)
      await writeFile(
        file,
        `server_name: ${name}
listen: "${address(host)}:${await freePort(host)}"
jetstream { store_dir: "${path.join(directory, name)}", max_memory_store: 67108864, max_file_store: 1073741824 }
authorization {
  users: [
    { user: anybody }
    { user: u1, password: ${users.u1} }
    { user: u2, password: ${users.u2}, permissions: { publish: ["ok.>", "$MQTT.>"], subscribe: ["ok.>", "$MQTT.>"] } }
  ]
}
no_auth_user: anybody
mqtt {
  listen: "${address(host)}:${mqttPort}"
  ack_wait: "2s"
  ${tls}
}
`,
      )
      return ['-c', file]
    }
    const tls = `tls { cert_file: "${tlsFile('server')}", key_file: "${tlsFile('server-key')}" }`
    return [
      { program: 'nats-server', args: await configure('plain', port, ''), env: { PATH: searchPath } },
      { program: 'nats-server', args: await configure('tls', tlsPort, tls), env: { PATH: searchPath } },
    ]
  },
}

function address(host: string): string {
  return host === '::1' ? '[::1]' : host
}
