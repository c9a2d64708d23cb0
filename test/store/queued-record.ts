import type { JournalRecord } from '../../src/protocol/journal/journal-record.js'

/** The record of a message that waits: one of so many bytes, at QoS 1. */
export const queued = (sequence: number, bytes = 64): JournalRecord => {
  return { kind: 'queued', sequence, topic: 't', payload: Buffer.alloc(bytes, 1), qos: 1, retain: false }
}
