/**
 * Faults in what is read and kept while messages wait for their handlers. Each is a session that counts something else as open, or
 * whose policy of reading answers otherwise.
 */

import { type Fate, ReadingPolicy } from '../../../src/protocol/incoming/reading-policy.js'
import { Session } from '../../../src/protocol/index.js'

/** What is open is the reason to read on although the backlog is full. */
abstract class CountsOtherwise extends Session<number, string> {
  constructor(...args: ConstructorParameters<typeof Session<number, string>>) {
    super(...args)
    const { incoming } = this
    const wantsToRead = incoming.wantsToRead.bind(incoming)
    const nextDeadline = incoming.nextDeadline.bind(incoming)
    const counted = () => (this.countsAsOpen() ? 'waits' : 'idle')
    incoming.wantsToRead = (at) => wantsToRead(at, counted())
    incoming.nextDeadline = (at) => nextDeadline(at, counted())
  }

  protected abstract countsAsOpen(): boolean

  protected get hasMessages(): boolean {
    return this.table.publishes + this.outgoing.queue.size > 0
  }

  protected get hasRequests(): boolean {
    return this.requests.size > 0
  }
}

export class CountsNoMessages extends CountsOtherwise {
  override countsAsOpen(): boolean {
    return this.hasRequests
  }
}

export class CountsNoRequests extends CountsOtherwise {
  override countsAsOpen(): boolean {
    return this.hasMessages
  }
}

export class CountsNoPings extends CountsOtherwise {
  override countsAsOpen(): boolean {
    return this.hasMessages || this.hasRequests
  }
}

export class CountsPingsOfKeepAlive extends CountsOtherwise {
  override countsAsOpen(): boolean {
    return true
  }
}

/** The policy of reading, with one answer changed. */
class ReadsOtherwise extends Session<number, string> {
  constructor(...args: ConstructorParameters<typeof Session<number, string>>) {
    super(...args)
    const { reading } = this.incoming
    const right = <Name extends 'wantsToRead' | 'hasGap'>(name: Name) =>
      Reflect.get(ReadingPolicy.prototype, name, reading) === true
    const fateOf = reading.fateOf.bind(reading)
    Object.defineProperty(reading, 'wantsToRead', { get: () => this.reads(right('wantsToRead')) })
    Object.defineProperty(reading, 'hasGap', { get: () => this.fills(right('hasGap')) })
    reading.fateOf = (at, message) => this.judges(right('hasGap'), () => fateOf(at, message))
  }

  /** Whether to read, where `isRight` would be right. */
  protected reads(isRight: boolean): boolean {
    return isRight
  }

  /** Whether there is a gap to fill, where `isRight` would be right. */
  protected fills(isRight: boolean): boolean {
    return isRight
  }

  /** What becomes of a new message. */
  protected judges(_hasGap: boolean, right: () => Fate): Fate {
    return right()
  }

  protected reaches(bound: 'receiveBufferBytes' | 'receiveBufferMaxBytes'): boolean {
    return this.incoming.backlogBytes >= this.settings[bound]
  }
}

export class StopsReadingAtTheBound extends ReadsOtherwise {
  override reads(): boolean {
    return !this.reaches('receiveBufferBytes')
  }
}

export class HasNoPatience extends ReadsOtherwise {
  override reads(): boolean {
    return true
  }
}

export class StopsReadingAtTheUpperBound extends ReadsOtherwise {
  override reads(isRight: boolean): boolean {
    return isRight && !this.reaches('receiveBufferMaxBytes')
  }
}

export class ShedsAtOnce extends ReadsOtherwise {
  override judges(): Fate {
    return this.reaches('receiveBufferBytes') ? 'postpone' : 'keep'
  }
}

export class KeepsBehindGap extends ReadsOtherwise {
  override judges(hasGap: boolean, right: () => Fate): Fate {
    return hasGap ? 'keep' : right()
  }
}

export class FillsNoGap extends ReadsOtherwise {
  override fills(): boolean {
    return false
  }
}
