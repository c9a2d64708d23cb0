import { type Credentials, connect } from 'mqtt311'

declare function fetchToken(options: { signal: AbortSignal }): Promise<string>

export async function main(): Promise<void> {
  await connect('mqtts://broker.example', {
    credentials: async ({ signal, lastError }): Promise<Credentials> => {
      if (lastError !== undefined) console.warn(lastError.message)
      return { clientId: 'meter-1', username: 'meter', password: await fetchToken({ signal }), sessionId: 'meter-1' }
    },
  })
}
