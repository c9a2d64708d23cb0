/**
 * The identity of a client: Client Identifier, user name and password (section 3.1.3). They come from the function `credentials`,
 * from the options, or from the URL of a server, in this order of precedence. `credentials` is called again for each attempt. So the
 * same rules are checked twice: when the client is made, for the values that are known then, and before each CONNECT.
 */
import { textLength } from '../../codec/field-checks.js'
import { ConnectionLostError, isMqttError, UsageError } from '../../errors.js'
import { reasonOf } from '../../realms/foreign-values.js'
import { type Checks, fieldBytes, group, groupOf, unchecked } from './checks.js'
import type { CertificateOptions, ClientOptions, Credentials, CredentialsAttempt } from './client-options.js'
import { requireClientIdWithin } from './profile-limits.js'
import type { ServerProfile } from './server-profile.js'

/** The values that are known before `credentials` is called. */
export interface IdentitySettings {
  /** Undefined only if `credentials` has to give the Client Identifier. */
  readonly clientId: string | undefined
  readonly username: string | undefined
  readonly password: Buffer | undefined
  readonly credentials: ClientOptions['credentials']
}

/** The user name and the password in the URL of a server. */
export interface ServerLogin {
  readonly username: string | undefined
  readonly password: string | undefined
}

/** The identity of one attempt, ready for CONNECT. */
export interface Identity {
  readonly clientId: string
  readonly username: string | undefined
  readonly password: Buffer | undefined
  /** The name of the stored session. */
  readonly sessionId: string
  /** The certificates that `credentials` returned. */
  readonly tls: CertificateOptions | undefined
}

export interface SessionTerms {
  readonly cleanSession: boolean
  readonly profile: ServerProfile | undefined
}

/** Checks only the names: Node and OpenSSL check the values. */
const certificateNames: Checks<CertificateOptions> = {
  cert: unchecked,
  key: unchecked,
  pfx: unchecked,
  passphrase: unchecked,
  ca: unchecked,
}

/** Checks only the names; `parseFields` checks the values of all three sources. */
const credentialsNames: Checks<Credentials> = {
  clientId: unchecked,
  username: unchecked,
  password: unchecked,
  sessionId: unchecked,
  tls: groupOf(certificateNames),
}

/** Reads the options that say who the client is. @throws UsageError */
export function parseIdentity(options: ClientOptions, terms: SessionTerms, random: () => number): IdentitySettings {
  const { credentials } = options
  const { clientId: given, username, password } = parseFields(options)
  if (given !== undefined) requireClientIdWithin(terms.profile, given)
  const clientId = given ?? (terms.cleanSession ? randomClientId(terms.profile, random) : undefined)
  if (credentials === undefined) requireClientId(clientId, terms)
  return { clientId, username, password, credentials }
}

/** Calls `credentials`, if it is given. @throws ConnectionLostError if it fails; an MqttError goes through */
export async function askCredentials(
  { credentials }: IdentitySettings,
  attempt: CredentialsAttempt,
): Promise<Credentials | undefined> {
  try {
    return await credentials?.(attempt)
  } catch (error) {
    if (isMqttError(error)) throw error
    throw new ConnectionLostError(`credentials() failed${reasonOf(error)}`, { reason: 'credentials', cause: error })
  }
}

/**
 * The identity of one attempt. `answer`, the result of `credentials`, has precedence over the options, and the options over the URL.
 * @throws UsageError
 */
export function identityFor(
  settings: IdentitySettings,
  terms: SessionTerms,
  login: ServerLogin | undefined,
  answer: Credentials | undefined,
): Identity {
  const given = answer === undefined ? {} : group('the answer of credentials', answer, credentialsNames)
  const answered = parseFields(given)
  const fromUrl = parseFields(login ?? {})
  const clientId = requireClientId(answered.clientId ?? settings.clientId, terms)
  const username = answered.username ?? settings.username ?? fromUrl.username
  const password = answered.password ?? settings.password ?? fromUrl.password
  requireClientIdWithin(terms.profile, clientId)
  // [MQTT-3.1.2-22] a password needs a user name
  if (password !== undefined && username === undefined) {
    throw new UsageError('password is given without username: give both (the user name may be empty)', {
      statement: 'MQTT-3.1.2-22',
    })
  }
  return { clientId, username, password, sessionId: answered.sessionId ?? clientId, tls: given.tls }
}

interface Fields {
  readonly clientId: string | undefined
  readonly username: string | undefined
  readonly password: Buffer | undefined
  readonly sessionId: string | undefined
}

function parseFields({ clientId, username, password, sessionId }: Omit<Credentials, 'tls'>): Fields {
  // [MQTT-3.1.3-4] the Client Identifier is a string with a UTF-8 form
  if (clientId !== undefined) textLength(clientId, 'clientId', 'MQTT-3.1.3-4')
  // [MQTT-3.1.3-11] the user name is a string with a UTF-8 form
  if (username !== undefined) textLength(username, 'username', 'MQTT-3.1.3-11')
  if (sessionId !== undefined && (typeof sessionId !== 'string' || sessionId === '')) {
    throw new UsageError('sessionId has to be a string that is not empty: it names the stored session')
  }
  const bytes = password === undefined ? undefined : fieldBytes('password', password, '3.1.3.5')
  return { clientId, username, password: bytes, sessionId }
}

/** A server finds a kept session by the Client Identifier, so a persistent session needs one. */
function requireClientId(clientId: string | undefined, { cleanSession }: SessionTerms): string {
  if (clientId !== undefined && (clientId !== '' || cleanSession)) return clientId
  // [MQTT-3.1.3-7] an empty Client Identifier is allowed only with a clean session
  throw new UsageError('a session that outlives its connection needs a clientId: give one, or cleanSession: true', {
    statement: 'MQTT-3.1.3-7',
  })
}

const idLength = 23
/** With this prefix people recognise the client in the log of a server. The 16 random characters after it have 82 bits. */
const idPrefix = 'mqtt311'

// [MQTT-3.1.3-5] every server takes a Client Identifier of 1 to 23 digits and letters
function randomClientId(profile: ServerProfile | undefined, random: () => number): string {
  const length = Math.min(idLength, profile?.maxClientIdBytes ?? idLength)
  let id = length < idLength ? '' : idPrefix
  while (id.length < length) id += Math.floor(random() * 36).toString(36)
  return id
}
