import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { freePort } from '../process/ports.js'
import { debianVersion, type ServerKind, searchPath, tlsFile, users } from './server-kind.js'

/** With its plug-in rabbitmq_mqtt. The second command is epmd, by which the nodes of Erlang find each other. */
export const rabbitmq: ServerKind = {
  name: 'rabbitmq',
  title: 'RabbitMQ',
  version: '3.10.8',
  install: 'apt-get install --no-install-recommends rabbitmq-server',
  publishes: [0, 1],
  overCuts: 'keeps',
  afterKill: 'kept',
  answers: {
    'PUBLISH at QoS 2, sent again on the next connection': 'delivered 2 times',
    'QoS 2 messages to a persistent Session': 'none, QoS 2 is not granted',
    'wrong password': 'Return Code 4',
    'will of a client that is taken over': 'not sent',
    'Session with a QoS 0 subscription, resumed': 'Session Present 0, subscription lost',
    'Session with both, resumed': 'Session Present 1, QoS 0 lost',
    'Session without a subscription, resumed': 'Session Present 0',
    'QoS 1 message sent again': 'DUP 1, another Packet Identifier',
    'QoS 1 messages under way to a client': '10',
    'SUBSCRIBE at QoS 2': 'QoS 1 granted',
    'PUBLISH at QoS 2': 'PUBACK, delivered at QoS 1',
    'retained message, filter with a wildcard': 'not delivered',
    'order of PUBACKs': 'any',
    'PUBLISH to $SYS/a': 'delivered',
    '# and $x/a': 'match',
    'Topic Name with a dot, "a.b"': 'becomes "a/b"',
    'Topic Name with a star, "a*b"': 'becomes "a+b"',
    'Topic Filter "a/*"': 'matches itself and a/b',
    'forbidden filter': 'closed, no SUBACK',
    'forbidden filter beside an allowed one': 'closed, no SUBACK',
    'forbidden PUBLISH': 'closed',
  },

  installed: () => debianVersion('rabbitmq-server'),

  async prepare({ directory, host, port, tlsPort }) {
    const file = (name: string) => path.join(directory, name)
    const everything = { vhost: '/', configure: '.*', write: '.*', read: '.*' }
    const names = ['guest', ...Object.keys(users)]
    const definitions = {
      vhosts: [{ name: '/' }],
      users: [
        { name: 'guest', password: 'guest', tags: 'administrator' },
        ...Object.entries(users).map(([name, password]) => ({ name, password, tags: '' })),
      ],
      permissions: names.map((user) => ({ user, ...everything })),
      topic_permissions: [{ user: 'u2', vhost: '/', exchange: 'amq.topic', write: '^ok[.]', read: '^ok[.]' }],
    }
    await writeFile(file('definitions.json'), JSON.stringify(definitions))
    await writeFile(file('enabled_plugins'), '[rabbitmq_mqtt].')
    await writeFile(
      file('rabbitmq.conf'),
      `listeners.tcp.1 = ${host}:${await freePort(host)}
mqtt.listeners.tcp.1 = ${host}:${port}
mqtt.listeners.ssl.1 = ${host}:${tlsPort}
ssl_options.cacertfile = ${tlsFile('ca')}
ssl_options.certfile = ${tlsFile('server')}
ssl_options.keyfile = ${tlsFile('server-key')}
log.console.level = warning
load_definitions = ${file('definitions.json')}
`,
    )
    await mkdir(file('home'))
    const local = '127.0.0.1'
    const epmdPort = String(await freePort(local))
    const env = {
      HOME: file('home'),
      PATH: searchPath,
      RABBITMQ_NODENAME: `mqtt311-${port}@localhost`,
      RABBITMQ_MNESIA_BASE: file('mnesia'),
      RABBITMQ_LOG_BASE: file('log'),
      RABBITMQ_CONFIG_FILE: file('rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: file('enabled_plugins'),
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_DIST_PORT: String(await freePort(local)),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      // So the script becomes the node, and its process id is that of the node.
      RABBITMQ_ALLOW_INPUT: 'true',
      RABBITMQ_SERVER_START_ARGS: '-noinput',
      ERL_EPMD_PORT: epmdPort,
      ERL_EPMD_ADDRESS: local,
    }
    return [
      { program: '/usr/lib/rabbitmq/bin/rabbitmq-server', args: [], env },
      { program: 'epmd', args: ['-port', epmdPort, '-address', local], env },
    ]
  },
}
