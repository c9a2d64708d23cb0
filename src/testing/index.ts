/**
 * `mqtt311/testing`: a server for the tests of programs that speak MQTT.
 *
 * @module mqtt311/testing
 */

export { isMqttError } from '../errors.js'
export { type AllHabits, type Habits, type ServerName, serverHabits } from './broker/habits.js'
export type { ClientPacketName, Match, PacketOf, ServerPacketName } from './match.js'
export type { RefuseOptions, RuleOptions } from './rules.js'
export type { ServerPublishOptions, TestServerOptions } from './server-options.js'
export type { ReceivesOptions, TestConnection } from './test-connection.js'
export { TestServer, testServer } from './test-server.js'
