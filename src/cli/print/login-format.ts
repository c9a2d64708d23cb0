/** Writes credentials as text: for people, for an environment file, for programs, and as the options of mosquitto_pub. */

export type LoginFormat = 'text' | 'env' | 'json' | 'mosquitto'

export const loginFormats: readonly LoginFormat[] = ['text', 'env', 'json', 'mosquitto']

/** One credential, under the name that it has in each format. */
export interface Field {
  /** The name for people, such as `client id`. */
  readonly label: string
  /** The member of the JSON object, such as `clientId`. */
  readonly member: string
  /** The environment variable, such as `MQTT_CLIENT_ID`. */
  readonly variable: string
  readonly value: string
}

export function labelled(fields: readonly Field[]): string {
  const width = Math.max(...fields.map(({ label }) => label.length)) + 2
  return fields.map(({ label, value }) => `${label.padEnd(width)}${value}\n`).join('')
}

/** Lines that a shell and most readers of environment files understand. */
export function environment(fields: readonly Field[]): string {
  return fields.map(({ variable, value }) => `${variable}=${shellQuote(value)}\n`).join('')
}

export function json(fields: readonly Field[]): string {
  return `${JSON.stringify(Object.fromEntries(fields.map(({ member, value }) => [member, value])), undefined, 2)}\n`
}

/** Between single quotes only the single quote is special to a shell. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
