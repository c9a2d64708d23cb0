/**
 * Profiles of named servers: their limits, and what they do otherwise than the standard lets one expect. Give one to a client as the
 * option `profile`; spread one to change a part of it.
 *
 * ```ts
 * import { connect } from 'mqtt311'
 * import { rabbitmq } from 'mqtt311/servers'
 *
 * const client = await connect('mqtt://[::1]', { profile: rabbitmq })
 * ```
 *
 * Each profile says the version that it was seen on. Another version, or another configuration, may differ.
 *
 * @module mqtt311/servers
 */

export { activemq, aedes, awsIotCore, ejabberd, mosquitto, nats, rabbitmq } from './profiles.js'
