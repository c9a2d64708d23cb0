import { describe, expect, it } from 'vitest'
import { ReconnectPolicy } from '../../../src/client/life/reconnect-policy.js'
import { ConnectionLostError, type LossReason } from '../../../src/errors.js'
import type { CutReport } from '../../../src/protocol/suspects/suspects.js'

const backoff = {
  minDelayMs: 1,
  maxDelayMs: 1,
  factor: 1,
  maxAttempts: 100,
  maxAttemptsPerMinute: 100,
  stableAfterMs: 1_000,
}

describe('connections that end soon after CONNACK', () => {
  const ends = (reason: LossReason, cut?: CutReport) => {
    const policy = new ReconnectPolicy({ backoff, retryInitial: true }, 'fixed')
    const end = (upForMs = 10) =>
      policy.ended({
        error: new ConnectionLostError('it ended', { reason }),
        connection: { upForMs, cut },
        everOnline: true,
        now: 0,
      }).error
    return { end }
  }

  it('are reported from the third in a row', () => {
    const { end } = ends('closed')
    const reports = [end(), end(), end(), end()]
    expect(reports.map(({ message }) => message.slice(0, 24))).toEqual([
      'it ended',
      'it ended',
      '3 connections in a row w',
      '4 connections in a row w',
    ])
    expect(reports[2]).toMatchObject({ reason: 'short-lived', cause: expect.any(ConnectionLostError) })
  })

  it('are no longer in a row after one that lasted', () => {
    const { end } = ends('closed')
    expect([end(), end(), end(1_000), end(), end()].map(({ message }) => message)).toEqual(Array(5).fill('it ended'))
  })

  it('name what was unanswered at the last, and accuse nobody', () => {
    const { end } = ends('reset', {
      proves: 'other',
      unanswered: ['SUBSCRIBE of "a/#"', 'a message (QoS 1, topic "a/b")'],
    })
    end()
    end()
    expect(end().message).toMatch(
      /SUBSCRIBE of "a\/#" and a message \(QoS 1, topic "a\/b"\) was unanswered: perhaps .* or another client/,
    )
  })

  it('say that another client may be the cause, if nothing was unanswered', () => {
    const { end } = ends('reset', { proves: 'other', unanswered: [] })
    end()
    end()
    expect(end().message).toMatch(/CONNACK, and perhaps another client uses the same Client Identifier/)
  })

  const unanswered = ['a message (QoS 1, topic "a/b")']
  it.each<[string, CutReport, RegExp]>([
    ['a cut in the quiet', { proves: 'quiet', unanswered: [] }, /asked for nothing: perhaps another client/],
    [
      'a strike',
      { proves: 'strike', verdict: 'struck', strikes: 1, unanswered },
      /"a\/b"\) and nothing else, once: perhaps/,
    ],
    ['parking', { proves: 'strike', verdict: 'parked', strikes: 3, unanswered }, /3 times: it seems to refuse that/],
    ['giving up', { proves: 'strike', verdict: 'abandoned', strikes: 5, unanswered }, /given it up \(abandonAfter\)/],
    ['a refusal', { proves: 'strike', verdict: 'refused', strikes: 3, unanswered }, /3 times: it refuses that/],
  ])('tell at once what a careful connection has shown: %s', (_, cut, text) => {
    expect(ends('closed', cut).end()).toMatchObject({ reason: 'short-lived', message: expect.stringMatching(text) })
  })

  it.each(['redelivery', 'unanswered'] as const)(
    'are not counted when the client has ended them itself (%s): then nobody has cut us off',
    (reason) => {
      const { end } = ends(reason)
      expect([end(), end(), end(), end()].map(({ message }) => message)).toEqual(Array(4).fill('it ended'))
    },
  )
})
