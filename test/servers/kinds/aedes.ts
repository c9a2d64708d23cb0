import { fileURLToPath } from 'node:url'
import manifest from '../../../node_modules/aedes/package.json' with { type: 'json' }
import type { ServerKind } from './server-kind.js'

/** As npm brings it: everything is in memory. */
export const aedes: ServerKind = {
  name: 'aedes',
  title: 'aedes',
  version: '1.2.0',
  install: 'npm ci',
  publishes: [0, 1, 2],
  overCuts: 'loses',
  afterKill: 'lost',
  answers: {
    'empty Client Identifier, Clean Session 0': 'accepted',
    'Session without a subscription, resumed': 'Session Present 0',
    'QoS 1 message sent again': 'DUP 0, same Packet Identifier',
    'PUBLISH at QoS 2': 'PUBREC, delivered at QoS 2 before PUBREL',
    'QoS 2 messages to a persistent Session': 'PUBREL with wrong Packet Identifiers, none again',
    'two filters match': '1 copy, QoS 0',
    'retained message, after a restart': 'lost',
    'PUBLISH to $SYS/a': 'closed',
    'Topic Filter of 101 levels': 'closed, no SUBACK',
    'Topic Filter of 202 levels': 'closed, no SUBACK',
    'PUBLISH to a topic of 101 levels': 'closed',
    'PUBLISH to a topic of 202 levels': 'closed',
    'forbidden PUBLISH': 'closed',
  },

  async installed() {
    return manifest.version
  },

  async prepare({ host, port, tlsPort }) {
    const program = fileURLToPath(new URL('aedes-server.ts', import.meta.url))
    const cwd = fileURLToPath(new URL('../../../', import.meta.url))
    const args = ['--import', 'tsx', program, host, String(port), String(tlsPort)]
    return [{ program: process.execPath, args, cwd }]
  },
}
