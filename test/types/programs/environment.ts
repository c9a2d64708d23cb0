import { connect } from 'mqtt311'

/** What comes from the environment may be undefined, and is absent then. */
export async function main(): Promise<void> {
  await connect(process.env.MQTT_URL ?? 'mqtt://localhost', {
    username: process.env.MQTT_USERNAME,
    password: process.env.MQTT_PASSWORD,
    clientId: process.env.MQTT_CLIENT_ID,
    keepAlive: undefined,
    will: undefined,
    tls: undefined,
  })
}
