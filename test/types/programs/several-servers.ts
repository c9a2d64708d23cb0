import { connect } from 'mqtt311'

export async function main(): Promise<void> {
  await connect({
    servers: ['mqtts://one.example', 'mqtts://[2001:db8::1]:8883', { host: 'three.example', port: 8883, tls: true }],
    tls: { ca: 'PEM', cert: 'PEM', key: 'PEM' },
    reconnect: {
      minDelayMs: 500,
      maxDelayMs: 30_000,
      factor: 2,
      maxAttempts: 10,
      maxAttemptsPerMinute: 5,
      retryInitial: true,
    },
    queue: { maxMessages: 1_000, maxBytes: 1_000_000, maxAgeMs: 60_000, overflow: 'drop-oldest', offlineQos0: true },
  })
  await connect({ host: 'one.example', reconnect: false })
  // @ts-expect-error the back-off is named by its parts
  await connect({ host: 'one.example', reconnect: { period: 1000 } })
}
