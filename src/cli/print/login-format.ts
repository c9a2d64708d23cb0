/** Credentials as text: for people, for an environment file, for programs, and as the options of mosquitto_pub. */

export type LoginFormat = 'text' | 'env' | 'json' | 'mosquitto'

export const loginFormats: readonly LoginFormat[] = ['text', 'env', 'json', 'mosquitto']

/** Names and values in the order in which they are shown. */
export interface Field {
  /** `client id`: what people read. */
  readonly label: string
  /** `clientId`: the member of the JSON object. */
  readonly member: string
  /** `MQTT_CLIENT_ID`: the variable. */
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

/** Between single quotes nothing has a meaning to a shell but the single quote. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
