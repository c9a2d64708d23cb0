import { mkdir, readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { debianVersion, outputOf, type ServerKind, tlsFile, users } from './server-kind.js'

const home = '/usr/share/activemq'

/** ActiveMQ Classic, as a JVM with the classes of the package, and a file of configuration of its own. */
export const activemq: ServerKind = {
  name: 'activemq',
  title: 'ActiveMQ',
  version: '5.17.2',
  // Without libmqtt-client-java it takes connections, and never answers CONNECT.
  install: 'apt-get install --no-install-recommends activemq default-jre-headless libmqtt-client-java',
  publishes: [0, 1, 2],
  overCuts: 'keeps',
  afterKill: 'kept',
  answers: {
    'will of a client that is taken over': 'not sent',
    'Session with a QoS 1 subscription, resumed': 'Session Present 0, messages kept',
    'Session with a QoS 0 subscription, resumed': 'Session Present 0, subscription lost',
    'Session with both, resumed': 'Session Present 0, QoS 0 lost',
    'Session without a subscription, resumed': 'Session Present 0',
    'PUBLISH at QoS 2': 'PUBREC, delivered at QoS 2 before PUBREL',
    'PUBLISH at QoS 2, sent again on the next connection': 'delivered 2 times',
    'retained message, after a restart': 'lost',
    'first packet after SUBSCRIBE': 'PUBLISH at times, then SUBACK',
    'PUBLISH to $x/a': 'acknowledged, not delivered',
    'SUBSCRIBE to $share/g/t': 'granted, nothing comes',
    'what # brings that nobody published': 'messages on ActiveMQ/Advisory/...',
    'Topic Name with a blank at its end, "a "': 'becomes "a"',
    'Topic Name with a comma, "a,b"': 'becomes "a" and becomes "b"',
    'Topic Name with a question mark, "a?b"': 'becomes "a"',
  },

  async installed() {
    await debianVersion('libmqtt-client-java')
    return debianVersion('activemq')
  },

  async prepare({ directory, host, port, tlsPort }) {
    const file = (name: string) => path.join(directory, name)
    await mkdir(file('data'))
    const key = file('server.p12')
    const from = ['-inkey', tlsFile('server-key'), '-in', tlsFile('server'), '-certfile', tlsFile('ca')]
    await outputOf('openssl', 'pkcs12', '-export', ...from, '-passout', 'pass:secret', '-out', key)
    const authority = host === '::1' ? '[::1]' : host
    const u1 = `<authenticationUser username="u1" password="${users.u1}" groups="all"/>`
    const u2 = `<authenticationUser username="u2" password="${users.u2}" groups="two"/>`
    const beans = 'http://www.springframework.org/schema/beans'
    const core = 'http://activemq.apache.org/schema/core'
    const places = `${beans} ${beans}/spring-beans-2.0.xsd ${core} ${core}/activemq-core.xsd`
    const entry = (what: string, groups: string) =>
      `<authorizationEntry ${what} read="${groups}" write="${groups}" admin="${groups}"/>`
    await writeFile(
      file('activemq.xml'),
      `<beans xmlns="${beans}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="${places}">
 <broker xmlns="${core}" useJmx="false" brokerName="t" dataDirectory="${file('data')}">
  <plugins>
   <simpleAuthenticationPlugin anonymousAccessAllowed="true" anonymousUser="anybody" anonymousGroup="all">
    <users>${u1}${u2}</users>
   </simpleAuthenticationPlugin>
   <authorizationPlugin><map><authorizationMap><authorizationEntries>
    ${entry('topic=">"', 'all')}${entry('queue=">"', 'all')}
    ${entry('topic="ok.>"', 'all,two')}${entry('topic="ActiveMQ.Advisory.>"', 'all,two')}
   </authorizationEntries></authorizationMap></map></authorizationPlugin>
  </plugins>
  <persistenceAdapter><kahaDB directory="${file('kahadb')}"/></persistenceAdapter>
  <sslContext><sslContext keyStore="file:${key}" keyStoreType="PKCS12" keyStorePassword="secret"/></sslContext>
  <transportConnectors>
   <transportConnector name="plain" uri="mqtt://${authority}:${port}"/>
   <transportConnector name="tls" uri="mqtt+nio+ssl://${authority}:${tlsPort}"/>
  </transportConnectors>
 </broker>
</beans>
`,
    )
    const folders = [`${home}/lib`, `${home}/lib/optional`]
    const jars = await Promise.all(
      folders.map(async (folder) => (await readdir(folder)).map((jar) => `${folder}/${jar}`)),
    )
    const classPath = [...jars.flat().filter((jar) => jar.endsWith('.jar')), '/usr/share/java/mqtt-client.jar']
    const settings = [`-Dactivemq.home=${home}`, `-Dactivemq.base=${directory}`, `-Dactivemq.data=${file('data')}`]
    const main = ['org.apache.activemq.console.Main', 'start', `xbean:file:${file('activemq.xml')}`]
    return [{ program: 'java', args: ['-Xmx512m', ...settings, '-cp', classPath.join(':'), ...main] }]
  },
}
