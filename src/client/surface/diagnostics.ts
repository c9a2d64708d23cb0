/**
 * A client reports what it does on these channels of `node:diagnostics_channel`. A channel without subscribers costs nothing.
 * Every message has `client`, the MqttClient. Only `mqtt311:packet:out` may hold a password: the packet CONNECT as it is sent.
 */
import { channel } from 'node:diagnostics_channel'

export const channels = {
  /** CONNACK with Return Code 0 has come: `{ client, peer, sessionPresent }`. */
  connect: channel('mqtt311:connect'),
  /** The client has ended; without an error after `end()` and `destroy()`: `{ client, error }`. */
  close: channel('mqtt311:close'),
  /** A connection or an attempt has ended, and another attempt follows: `{ client, error, retryInMs }`. */
  reconnect: channel('mqtt311:reconnect'),
  /** A Control Packet was received: `{ client, packet }`. */
  packetIn: channel('mqtt311:packet:in'),
  /** A Control Packet is being sent: `{ client, packet }`. */
  packetOut: channel('mqtt311:packet:out'),
  /**
   * The server did something odd but harmless: `{ client, anomaly, packetId }`. If the decoder has found it, also `received` (a text),
   * `statement`, `offset`, `streamOffset`, and the `bytes` of the packet.
   */
  anomaly: channel('mqtt311:anomaly'),
  /**
   * A connection was cut soon after one message or one Topic Filter was sent alone, or in the quiet before: `{ client, proves, verdict,
   * strikes, unanswered, hint }`. `verdict` is `struck`, `parked`, `abandoned` or `refused`.
   */
  suspect: channel('mqtt311:suspect'),
  /** A publish was rejected, or a stored message was lost whose promise had resolved: `{ client, error }`. */
  rejected: channel('mqtt311:publish:rejected'),
} as const
