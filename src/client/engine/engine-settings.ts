import type { SessionSettings } from '../../protocol/session-settings.js'
import type { ClientSettings } from '../options/client-settings.js'
import { SharedSettings } from '../options/shared-settings.js'
import { PublishPacer } from '../publish/pacer.js'

/** The Topic Filters in one SUBSCRIBE of a resubscription without a profile: few enough for the packet limit of any server. */
const filtersPerResubscription = 100

/**
 * The first Packet Identifier in a session that another program has begun on the server. It is random, so that it is hardly among the
 * Packet Identifiers that are in use.
 */
const strangerPacketId = 1 + Math.floor(Math.random() * 65_535)

const shared = new SharedSettings<SessionSettings>()

/** The settings of the engine from the settings of the client. */
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
    sessionPresent: profile?.sessionPresent,
    resubscribe: profile?.resubscribe,
  }
  return pacer === undefined ? shared.of(engine) : engine
}
