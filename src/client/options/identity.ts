/**
 * Who a client says it is: Client Identifier, user name and password (section 3.1.3). They come from the options, from the URL of
 * a server, and, with precedence over both, from the function `credentials`, which is asked anew for each attempt. So the
 * rules are held in one place, and twice: when the client is made, against what is known by then, and before each CONNECT.
 */
import { textLength } from '../../codec/field-checks.js'
import { UsageError } from '../../errors.js'
import { anything, type Checks, fieldBytes, group } from './checks.js'
import type { ClientOptions, Credentials } from './client-options.js'
import { requireClientIdWithin } from './profile-limits.js'
import type { ServerProfile } from './server-profile.js'

/** What is known of the identity before `credentials` is asked. */
export interface IdentitySettings {
  /** Undefined only where `credentials` has to give one. */
  readonly clientId: string | undefined
  readonly username: string | undefined
  readonly password: Buffer | undefined
  readonly credentials: ClientOptions['credentials']
}

/** User name and password of a server's own, out of its URL. */
export interface ServerLogin {
  readonly username: string | undefined
  readonly password: string | undefined
}

/** The identity of one attempt, ready for CONNECT. */
export interface Identity {
  readonly clientId: string
  readonly username: string | undefined
  readonly password: Buffer | undefined
  /** What the stored session belongs to. */
  readonly sessionId: string
}

export interface SessionTerms {
  readonly cleanSession: boolean
  readonly profile: ServerProfile | undefined
}

/** `parseFields` checks them, wherever they come from. */
const credentialsNames: Checks<Credentials> = {
  clientId: anything,
  username: anything,
  password: anything,
  sessionId: anything,
}

/** Reads the options that say who the client is. @throws UsageError */
export function parseIdentity(options: ClientOptions, terms: SessionTerms, random: () => number): IdentitySettings {
  const { credentials } = options
  const { clientId: given, username, password } = parseFields(options)
  if (given !== undefined) requireClientIdWithin(terms.profile, given)
  const clientId = given ?? (terms.cleanSession ? inventClientId(terms.profile, random) : undefined)
  if (credentials === undefined) requireClientId(clientId, terms)
  return { clientId, username, password, credentials }
}

/**
 * Puts the identity of one attempt together: the answer of `credentials` goes before the options, and they before the URL.
 * @throws UsageError
 */
export function identityFor(
  settings: IdentitySettings,
  terms: SessionTerms,
  login: ServerLogin | undefined,
  answer: Credentials | undefined,
): Identity {
  const asked = parseFields(answer === undefined ? {} : group('the answer of credentials', answer, credentialsNames))
  const fromUrl = parseFields(login ?? {})
  const clientId = requireClientId(asked.clientId ?? settings.clientId, terms)
  const username = asked.username ?? settings.username ?? fromUrl.username
  const password = asked.password ?? settings.password ?? fromUrl.password
  requireClientIdWithin(terms.profile, clientId)
  // [MQTT-3.1.2-22] no password without a user name
  if (password !== undefined && username === undefined) {
    throw new UsageError('password is given without username: give both (the user name may be empty)', {
      statement: 'MQTT-3.1.2-22',
    })
  }
  return { clientId, username, password, sessionId: asked.sessionId ?? clientId }
}

interface Fields {
  readonly clientId: string | undefined
  readonly username: string | undefined
  readonly password: Buffer | undefined
  readonly sessionId: string | undefined
}

function parseFields({ clientId, username, password, sessionId }: Credentials): Fields {
  // [MQTT-3.1.3-4] the Client Identifier is a string that UTF-8 can express
  if (clientId !== undefined) textLength(clientId, 'clientId', 'MQTT-3.1.3-4')
  // [MQTT-3.1.3-11] and so is the user name
  if (username !== undefined) textLength(username, 'username', 'MQTT-3.1.3-11')
  if (sessionId !== undefined && (typeof sessionId !== 'string' || sessionId === '')) {
    throw new UsageError('sessionId has to be a string that is not empty: it names the stored session')
  }
  const bytes = password === undefined ? undefined : fieldBytes('password', password, '3.1.3.5')
  return { clientId, username, password: bytes, sessionId }
}

/** The server files a session under the Client Identifier: without one there is nothing to come back to. */
function requireClientId(clientId: string | undefined, { cleanSession }: SessionTerms): string {
  if (clientId !== undefined && (clientId !== '' || cleanSession)) return clientId
  // [MQTT-3.1.3-7] an empty Client Identifier goes with a clean session only
  throw new UsageError('a session that outlives its connection needs a clientId: give one, or cleanSession: true', {
    statement: 'MQTT-3.1.3-7',
  })
}

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
const idLength = 23
/** So that people recognise the client in a server's log. The 16 characters behind it are 95 bits of chance. */
const idPrefix = 'mqtt311'

// [MQTT-3.1.3-5] every server takes 1 to 23 bytes of these characters
function inventClientId(profile: ServerProfile | undefined, random: () => number): string {
  const length = Math.min(idLength, profile?.maxClientIdBytes ?? idLength)
  let id = length < idLength ? '' : idPrefix
  while (id.length < length) id += alphabet.charAt(Math.floor(random() * alphabet.length))
  return id
}
