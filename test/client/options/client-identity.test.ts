import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ClientOptions, Credentials } from '../../../src/client/options/client-options.js'
import { parseClientOptions } from '../../../src/client/options/client-settings.js'
import { type IdentitySettings, identityFor, type SessionTerms } from '../../../src/client/options/identity.js'
import { UsageError } from '../../../src/errors.js'

const url = 'mqtt://a'
const clean: SessionTerms = { cleanSession: true, profile: undefined }
const persistent: SessionTerms = { cleanSession: false, profile: undefined }

const identityOf = (options: ClientOptions, random = Math.random) =>
  parseClientOptions({ url, ...options }, random).identity

function refusal(act: () => unknown): UsageError {
  try {
    act()
  } catch (error) {
    if (error instanceof UsageError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** A login in the URL of the only server. */
function loginOf(address: string) {
  const { network } = parseClientOptions({ url: address }, Math.random)
  return network.kind === 'servers' ? network.servers[0] : undefined
}

describe('the Client Identifier', () => {
  it('that is made up is one that every server accepts [MQTT-3.1.3-5]', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(fc.array(random, { minLength: 23, maxLength: 23 }), (numbers) => {
        let index = 0
        const { clientId } = identityOf({}, () => numbers[index++ % 23] ?? 0)
        expect(clientId).toMatch(/^mqtt311[0-9a-zA-Z]{16}$/)
      }),
      { seed: 311 },
    )
  })

  it('that is made up fits the profile', () => {
    const { clientId } = identityOf({ profile: { name: 'p', maxClientIdBytes: 10 } })
    expect(clientId).toMatch(/^[0-9a-zA-Z]{10}$/)
  })

  it('may be empty with a clean session', () => {
    expect(identityOf({ clientId: '' }).clientId).toBe('')
  })

  it('has to be there for a session that is kept [MQTT-3.1.3-7]', () => {
    for (const clientId of [undefined, '']) {
      const { message, statement } = refusal(() => identityOf({ cleanSession: false, clientId }))
      expect(statement).toBe('MQTT-3.1.3-7')
      expect(message).toContain('needs a clientId')
    }
  })

  it('may come from credentials, and is asked for then [MQTT-3.1.3-7]', () => {
    const settings = identityOf({ cleanSession: false, credentials: () => ({ clientId: 'c' }) })
    expect(settings.clientId).toBeUndefined()
    expect(identityFor(settings, persistent, undefined, { clientId: 'c' }).clientId).toBe('c')
    for (const answer of [undefined, {}, { clientId: '' }]) {
      expect(refusal(() => identityFor(settings, persistent, undefined, answer)).statement).toBe('MQTT-3.1.3-7')
    }
  })

  it('is a string that UTF-8 can express [MQTT-3.1.3-4]', () => {
    for (const clientId of ['\ud800', 'a\u0000', 'x'.repeat(65_536)]) {
      expect(refusal(() => identityOf({ clientId })).message).toContain('clientId')
    }
  })

  it('is held against the profile, from wherever it comes', () => {
    const profile = { name: 'the platform', maxClientIdBytes: 4 }
    expect(identityOf({ clientId: 'éé', profile }).clientId).toBe('éé')
    expect(refusal(() => identityOf({ clientId: 'ééx', profile })).message).toBe(
      'clientId has 5 bytes, but the platform takes at most 4 (profile.maxClientIdBytes)',
    )
    expect(() => identityOf({ clientId: '12345', profile, credentials: () => ({}) })).toThrow('the platform')
    const settings = identityOf({ profile, credentials: () => ({}) })
    const answered = () => identityFor(settings, { cleanSession: true, profile }, undefined, { clientId: '12345' })
    expect(refusal(answered).message).toContain('the platform')
  })
})

describe('user name and password', () => {
  it('are a string and bytes; a string becomes UTF-8, bytes are copied', () => {
    const bytes = Uint8Array.of(0, 0xff)
    const settings = identityOf({ username: '', password: bytes })
    bytes[1] = 0
    expect(settings).toMatchObject({ username: '', password: Buffer.from([0, 0xff]) })
    expect(identityOf({ username: 'u', password: 'é' }).password).toEqual(Buffer.from([0xc3, 0xa9]))
    expect(identityOf({ username: 'u', password: '' }).password).toHaveLength(0)
  })

  it('go together: no password without a user name [MQTT-3.1.2-22]', () => {
    expect(refusal(() => identityOf({ password: 'secret' })).statement).toBe('MQTT-3.1.2-22')
    const settings = identityOf({ password: 'secret', credentials: () => ({}) })
    expect(refusal(() => identityFor(settings, clean, undefined, {})).statement).toBe('MQTT-3.1.2-22')
    expect(identityFor(settings, clean, undefined, { username: 'u' })).toMatchObject({ username: 'u' })
  })

  it('may stand in the URL; the options go before it, and credentials before both', () => {
    const login = loginOf('mqtt://alice:p%40ss@a')
    const none: IdentitySettings = { clientId: 'c', username: undefined, password: undefined, credentials: undefined }
    expect(identityFor(none, clean, login, undefined)).toMatchObject({
      username: 'alice',
      password: Buffer.from('p@ss'),
    })
    const given = { ...none, password: Buffer.from('option') }
    expect(identityFor(given, clean, login, undefined)).toMatchObject({
      username: 'alice',
      password: Buffer.from('option'),
    })
    expect(identityFor(given, clean, login, { username: 'bob', password: 'answer' })).toMatchObject({
      username: 'bob',
      password: Buffer.from('answer'),
    })
  })

  it('hold what CONNECT can hold [MQTT-3.1.3-11]', () => {
    for (const username of ['\udc00', '\u0000', 'x'.repeat(65_536)]) {
      expect(refusal(() => identityOf({ username })).message).toContain('username')
    }
    expect(identityOf({ username: 'u', password: 'x'.repeat(65_535) }).password).toHaveLength(65_535)
  })

  it('are never shown when the password is refused', () => {
    const secrets: readonly unknown[] = ['secret\ud800', 'secret'.repeat(11_000), 5_318_008, ['secret'], null]
    for (const password of secrets) {
      const parse = () => Reflect.apply(parseClientOptions, undefined, [{ url, username: 'u', password }, Math.random])
      const { message } = refusal(parse)
      expect(message).toContain('password')
      expect(message).not.toMatch(/secret|5318008/)
    }
    expect(refusal(() => identityOf({ password: 'secret' })).message).not.toContain('secret')
  })
})

describe('the answer of credentials', () => {
  const settings = identityOf({ clientId: 'option', credentials: () => ({}) })

  it('names the stored session, or else the Client Identifier does', () => {
    expect(identityFor(settings, clean, undefined, undefined).sessionId).toBe('option')
    expect(identityFor(settings, clean, undefined, { clientId: 'signed|x', sessionId: 'device' })).toMatchObject({
      clientId: 'signed|x',
      sessionId: 'device',
    })
    expect(refusal(() => identityFor(settings, clean, undefined, { sessionId: '' })).message).toContain('sessionId')
  })

  it('is checked like the options', () => {
    const wrong: readonly unknown[] = [null, 'secret', { clientID: 'c' }, { password: 5 }, { username: 7 }]
    for (const answer of wrong) {
      const parse = () => Reflect.apply(identityFor, undefined, [settings, clean, undefined, answer])
      expect(refusal(parse).message).not.toContain('secret')
    }
    const unknownName: Credentials = { clientId: 'c', ...{ clientID: 'c' } }
    expect(refusal(() => identityFor(settings, clean, undefined, unknownName)).message).toContain(
      'did you mean clientId?',
    )
  })
})
