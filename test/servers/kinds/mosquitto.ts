import { chmod, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { outputOf, type ServerKind, searchPath, tlsFile, users } from './server-kind.js'

/** As Debian ships it, with room for the load, and with the users of the tests. */
export const mosquitto: ServerKind = {
  name: 'mosquitto',
  title: 'mosquitto',
  version: '2.0.11',
  install: 'apt-get install mosquitto',
  publishes: [0, 1, 2],
  overCuts: 'keeps',
  afterKill: 'lost',
  answers: {
    'QoS 1 messages under way to a client': '20',
    'two filters match': '1 copy, QoS 1',
    'SUBSCRIBE to $share/g/t': 'shared',
    'Topic Filter of 202 levels': 'closed, no SUBACK',
    'PUBLISH to a topic of 202 levels': 'closed',
    'forbidden filter': 'granted',
    'forbidden filter beside an allowed one': 'granted, granted',
  },

  async installed() {
    // It has no option that prints the version; its help, for which it ends with 3, begins with it.
    const help = await outputOf('sh', '-c', 'mosquitto -h || test $? -eq 3')
    return /version (\S+)/.exec(help)?.[1] ?? 'unknown'
  },

  async prepare({ directory, host, port, tlsPort }) {
    const file = (name: string) => path.join(directory, name)
    const passwords = Object.entries(users).map(([name, password]) => `${name}:${password}\n`)
    await writeFile(file('passwords'), passwords.join(''))
    await outputOf('mosquitto_passwd', '-U', file('passwords'))
    await chmod(file('passwords'), 0o600)
    await writeFile(
      file('access'),
      [
        'topic readwrite #',
        'topic readwrite $x/#',
        'topic read $SYS/#',
        'user u1',
        'topic readwrite #',
        'user u2',
        'topic readwrite ok/#',
        '',
      ].join('\n'),
    )
    const lines = [
      // Started by root it would become another user, to whom the directory does not belong.
      `user ${os.userInfo().username}`,
      'log_dest stderr',
      'persistence true',
      `persistence_location ${directory}/`,
      'allow_anonymous true',
      `password_file ${file('passwords')}`,
      `acl_file ${file('access')}`,
      'max_queued_messages 1000000',
      `listener ${port} ${host}`,
      `listener ${tlsPort} ${host}`,
      `cafile ${tlsFile('ca')}`,
      `certfile ${tlsFile('server')}`,
      `keyfile ${tlsFile('server-key')}`,
    ]
    await writeFile(file('mosquitto.conf'), `${lines.join('\n')}\n`)
    return [{ program: 'mosquitto', args: ['-c', file('mosquitto.conf')], env: { PATH: searchPath } }]
  },
}
