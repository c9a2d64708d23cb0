import { channel } from 'node:diagnostics_channel'
import { metrics } from '@opentelemetry/api'
import { isMqttError, type MqttClient } from 'mqtt311'

/**
 * Gives the numbers of a client to OpenTelemetry, whose SDK reads them when it exports. Without an SDK nothing is read. Call it after the
 * SDK has started: a meter that was asked for before measures nothing, and no error says so.
 */
export function watchClient(client: MqttClient, clientId: string): void {
  const meter = metrics.getMeter('mqtt311')
  const attributes = { 'messaging.system': 'mqtt', 'messaging.client.id': clientId }

  const online = meter.createObservableGauge('mqtt.client.online')
  const queued = meter.createObservableGauge('mqtt.client.queued', { unit: '{message}' })
  const inFlight = meter.createObservableGauge('mqtt.client.in_flight', { unit: '{message}' })
  const published = meter.createObservableCounter('mqtt.client.published', { unit: '{packet}' })
  const received = meter.createObservableCounter('mqtt.client.received', { unit: '{packet}' })
  meter.addBatchObservableCallback(
    (result) => {
      const { stats, state } = client
      result.observe(online, state === 'online' ? 1 : 0, attributes)
      result.observe(queued, stats.queued, attributes)
      result.observe(inFlight, stats.inFlight, attributes)
      result.observe(published, stats.packetsOut.publish, attributes)
      result.observe(received, stats.packetsIn.publish, attributes)
    },
    [online, queued, inFlight, published, received],
  )

  const losses = meter.createCounter('mqtt.client.losses', { unit: '{connection}' })
  channel('mqtt311:reconnect').subscribe((message) => {
    const { client: lost, error } = Object(message)
    if (lost === client) losses.add(1, { ...attributes, 'error.type': isMqttError(error) ? error.code : 'other' })
  })
}
