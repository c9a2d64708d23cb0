/**
 * What a client of ours is told of each kind of server. It is apart from `server-kind.ts`, which the configuration of vitest reads: no
 * package of this project can be found there.
 */
import { activemq, aedes, ejabberd, mosquitto, nats, rabbitmq } from 'mqtt311/servers'

export const profiles = { mosquitto, rabbitmq, activemq, nats, ejabberd, aedes } as const
