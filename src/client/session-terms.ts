import type { SessionSettings } from '../protocol/session-settings.js'
import type { ClientSettings } from './client-settings.js'
import { PublishPacer } from './publish-pacer.js'

/** Filters in one SUBSCRIBE of the engine's own, when a profile says nothing: small enough for any server's packet limit. */
const filtersPerResubscription = 100

/** What the engine is told of the options of a client. */
export function sessionSettingsOf(settings: ClientSettings, journal: 'kept' | 'none'): SessionSettings {
  const { session, delivery, queue, connection, profile } = settings
  return {
    cleanSession: session.cleanSession,
    journal,
    maxInFlight: session.maxInFlight,
    maxInFlightQos2: session.maxInFlightQos2,
    receiveWindow: delivery.receiveWindow,
    receiveBufferBytes: delivery.receiveBufferBytes,
    queue,
    pacer: profile?.publishesPerSecond === undefined ? undefined : new PublishPacer(profile.publishesPerSecond),
    ackTimeoutMs: connection.ackTimeoutMs,
    operationTimeoutMs: connection.operationTimeoutMs,
    maxFiltersPerSubscribe: profile?.maxFiltersPerSubscribe ?? filtersPerResubscription,
    strangerPacketId: 1 + Math.floor(Math.random() * 65_535),
  }
}
