import { ConnectionRefusedError, connect, isMqttError } from 'mqtt311'

export async function main(): Promise<string> {
  try {
    await connect('mqtt://localhost')
    return 'connected'
  } catch (error) {
    if (error instanceof ConnectionRefusedError) return `refused ${error.returnCode}`
    if (!isMqttError(error)) throw error
    switch (error.code) {
      case 'MQTT_CONNECTION_REFUSED':
        return `refused ${error.returnCode}`
      case 'MQTT_CONNECTION_LOST':
        return `lost: ${error.reason} ${String(error.cause)}`
      case 'MQTT_SUBSCRIBE_REFUSED':
        return error.filters.join()
      case 'MQTT_MALFORMED_PACKET':
        return `${error.statement} at ${error.offset}`
      case 'MQTT_PROTOCOL_VIOLATION':
        return error.statement
      case 'MQTT_TIMEOUT':
        return `${error.operation} ${error.timeoutMs}`
      case 'MQTT_HANDLER':
        return error.topic
      case 'MQTT_USAGE':
      case 'MQTT_CLOSED':
      case 'MQTT_QUEUE_FULL':
      case 'MQTT_STORE':
        return error.delivery ?? 'none'
    }
  }
}
