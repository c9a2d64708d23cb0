/**
 * The channels of `node:diagnostics_channel` on which a client tells what it does. They cost nothing while nobody listens.
 * Every message has `client`, the MqttClient; none holds a password but `mqtt311:packet:out`, whose CONNECT
 * packet is the real one.
 */
import { channel } from 'node:diagnostics_channel'

export const channels = {
  /** An attempt has become a connection: `{ client, peer, sessionPresent }`. */
  connect: channel('mqtt311:connect'),
  /** The client has ended; without an error after `end()` and `destroy()`: `{ client, error }`. */
  close: channel('mqtt311:close'),
  /** A connection or an attempt has ended, and another will be made: `{ client, error, retryInMs }`. */
  reconnect: channel('mqtt311:reconnect'),
  /** A Control Packet was received: `{ client, packet }`. */
  packetIn: channel('mqtt311:packet:in'),
  /** A Control Packet is being sent: `{ client, packet }`. */
  packetOut: channel('mqtt311:packet:out'),
  /** The server did something odd but harmless: `{ client, anomaly, packetId }`. */
  anomaly: channel('mqtt311:anomaly'),
  /** A publish was rejected: `{ client, error }`. */
  rejected: channel('mqtt311:publish:rejected'),
} as const
