import { describe, expect, it } from 'vitest'
import { ReconnectPolicy } from '../../../src/client/life/reconnect-policy.js'
import { ConnectionLostError, type LossReason } from '../../../src/errors.js'

const backoff = {
  minDelayMs: 1,
  maxDelayMs: 1,
  factor: 1,
  maxAttempts: 100,
  maxAttemptsPerMinute: 100,
  stableAfterMs: 1_000,
}

describe('connections that end soon after CONNACK', () => {
  const ends = (reason: LossReason, sequence?: number) => {
    const policy = new ReconnectPolicy({ backoff, retryInitial: true }, 'fixed')
    const unacknowledged = sequence === undefined ? undefined : { sequence, topic: 'a/b', qos: 1 }
    const end = (upForMs = 10) =>
      policy.ended({
        error: new ConnectionLostError('it ended', { reason }),
        connection: { upForMs, unacknowledged },
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

  it('name the message that was unacknowledged each time', () => {
    const { end } = ends('reset', 7)
    end()
    end()
    expect(end().message).toMatch(/each while the same message was unacknowledged \(QoS 1, topic "a\/b"\)/)
  })

  it.each(['redelivery', 'unanswered'] as const)(
    'are not counted when the client has ended them itself (%s): then nobody has cut us off',
    (reason) => {
      const { end } = ends(reason)
      expect([end(), end(), end(), end()].map(({ message }) => message)).toEqual(Array(4).fill('it ended'))
    },
  )
})
