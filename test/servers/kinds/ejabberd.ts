import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { debianVersion, outputOf, type ServerKind, searchPath, tlsFile, users } from './server-kind.js'

/** With mod_mqtt, as a node of Erlang that speaks to no other. */
export const ejabberd: ServerKind = {
  name: 'ejabberd',
  title: 'ejabberd',
  version: '23.01',
  install: 'apt-get install --no-install-recommends ejabberd',
  login: { username: 'anybody', password: 'any' },
  publishes: [0, 1, 2],
  overCuts: 'keeps',
  afterKill: 'lost',
  answers: {
    'empty Client Identifier, Clean Session 0': 'accepted',
    'QoS 1 messages under way to a client': '1',
    'QoS 0 message behind an unacknowledged one': 'waits',
    'PUBLISH at QoS 2': 'PUBREC, delivered at QoS 2 before PUBREL',
    'PUBLISH to $x/a': 'acknowledged, not delivered',
    'SUBSCRIBE to $share/g/t': 'closed',
    'Topic Filter of 9 levels': '0x8F',
    'Topic Filter of 101 levels': '0x8F',
    'Topic Filter of 202 levels': '0x8F',
    'forbidden filter': '0x8F',
    'forbidden filter beside an allowed one': '0x8F, granted',
  },

  installed: () => debianVersion('ejabberd'),

  async prepare({ directory, host, port, tlsPort }) {
    const file = (name: string) => path.join(directory, name)
    await mkdir(file('spool'))
    await writeFile(file('inetrc'), '')
    // What nothing matches is denied to u2 alone.
    const access = '{"ok/#": [{allow: all}], "#": [{deny: {user: u2}}, {allow: all}]}'
    const identity = await Promise.all([readFile(tlsFile('server-key')), readFile(tlsFile('server'))])
    await writeFile(file('server.pem'), Buffer.concat(identity))
    await writeFile(
      file('ejabberd.yml'),
      `hosts: [localhost]
loglevel: warning
certfiles: ["${file('server.pem')}"]
auth_method: [internal, anonymous]
anonymous_protocol: login_anon
allow_multiple_connections: true
listen:
  - {port: ${port}, ip: "${host}", module: mod_mqtt}
  - {port: ${tlsPort}, ip: "${host}", module: mod_mqtt, tls: true}
modules:
  mod_mqtt:
    max_queue: 100000
    access_publish: ${access}
    access_subscribe: ${access}
`,
    )
    const env = {
      HOME: directory,
      PATH: searchPath,
      EJABBERD_CONFIG_PATH: file('ejabberd.yml'),
      EJABBERD_LOG_PATH: file('ejabberd.log'),
      ERL_CRASH_DUMP: file('erl_crash.dump'),
      ERL_INETRC: file('inetrc'),
      ERL_MAX_PORTS: '32000',
      ERL_LIBS: await librariesOfErlang(),
    }
    const register = ([name, password]: readonly [string, string]) =>
      `ejabberd_auth:try_register(<<"${name}">>, <<"localhost">>, <<"${password}">>)`
    const registering = `${Object.entries(users).map(register).join(', ')}.`
    const args = ['-noinput', '-mnesia', 'dir', `"${file('spool')}"`, '-s', 'ejabberd', '-eval', registering]
    return [{ program: 'erl', args, env }]
  },
}

/** Where Debian has put the modules of ejabberd: a folder that depends on the machine. */
async function librariesOfErlang(): Promise<string> {
  const files = await outputOf('dpkg-query', '--listfiles', 'ejabberd')
  const [, folder] = /^(\/usr\/lib\/\S+)\/ejabberd-[^/\s]+\/ebin$/m.exec(files) ?? []
  if (folder === undefined) throw new Error('the package ejabberd has no modules')
  return folder
}
