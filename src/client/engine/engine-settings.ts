import type { SessionSettings } from '../../protocol/session-settings.js'
import type { ClientSettings } from '../options/client-settings.js'
import { SharedSettings } from '../options/shared-settings.js'
import { PublishPacer } from '../publish/pacer.js'

/** Filters in one SUBSCRIBE of the engine's own, when a profile says nothing: small enough for any server's packet limit. */
const filtersPerResubscription = 100

/**
 * Where Packet Identifiers start in a server session that another program has begun: by chance, so that we hardly begin among those
 * that it has in use.
 */
const strangerPacketId = 1 + Math.floor(Math.random() * 65_535)

const shared = new SharedSettings<SessionSettings>()

/** What the engine is told of the options of a client. */
export function engineSettings(settings: ClientSettings, journal: 'kept' | 'none'): SessionSettings {
  const { session, queue, profile } = settings
  const pacer = profile?.publishesPerSecond && new PublishPacer(profile.publishesPerSecond)
  const engine = {
    ...settings.engine,
    cleanSession: session.cleanSession,
    journal,
    queue,
    pacer,
    maxFiltersPerSubscribe: profile?.maxFiltersPerSubscribe ?? filtersPerResubscription,
    strangerPacketId,
  }
  return pacer === undefined ? shared.of(engine) : engine
}
