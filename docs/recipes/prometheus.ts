import { channel } from 'node:diagnostics_channel'
import { isMqttError, type MqttClient } from 'mqtt311'
import { Counter, Gauge, type Registry } from 'prom-client'

/**
 * Adds the numbers of a client to a registry. Prometheus reads most of them when it asks, so they cost nothing in between. A registry takes
 * one client: the second one throws, because prom-client allows each name once.
 */
export function watchClient(client: MqttClient, registry: Registry): void {
  const registers = [registry]

  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  }
  gauge('mqtt_online', '1 while the client is online', () => (client.state === 'online' ? 1 : 0))
  gauge('mqtt_queued_messages', 'Messages that wait to be sent', () => client.stats.queued)
  gauge('mqtt_in_flight_messages', 'Messages that wait for their acknowledgement', () => client.stats.inFlight)
  gauge('mqtt_backlog_bytes', 'Received bytes that wait for their handlers', () => client.stats.backlogBytes)

  function total(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  }
  total('mqtt_published_total', 'PUBLISH packets that were sent', () => client.stats.packetsOut.publish)
  total('mqtt_received_total', 'PUBLISH packets that came', () => client.stats.packetsIn.publish)
  total('mqtt_rejected_total', 'Calls of publish() that rejected', () => client.stats.rejected)
  total('mqtt_dropped_total', 'Received messages that had no room', () => client.stats.dropped)

  // What the totals do not say: why the connection ended. The codes are few, so each may be a label.
  const losses = new Counter({ name: 'mqtt_losses_total', help: 'Lost connections', labelNames: ['code'], registers })
  channel('mqtt311:reconnect').subscribe((message) => {
    const { client: lost, error } = Object(message)
    if (lost === client) losses.inc({ code: isMqttError(error) ? error.code : 'other' })
  })
}
