/**
 * Faults in what becomes of parked messages, and of those that share a topic with them. Each is a session that knows other suspects, or
 * keeps the parked messages otherwise.
 */
import { PublishExchange, Session } from '../../../src/protocol/index.js'

type Args = ConstructorParameters<typeof Session<number, string>>

/** As if one strike were enough to park a message. */
export class PassesStruckMessages extends Session<number, string> {
  constructor(...args: Args) {
    super(...args)
    this.suspects.isParked = (suspect) =>
      this.suspects
        .inspect(0)
        .strikes.some((strikes) => typeof suspect !== 'string' && strikes.suspect === suspect.sequence)
  }
}

/** The topics that wait until another one shows that the server answers. */
abstract class PutsOffOtherwise extends Session<number, string> {
  constructor(...args: Args) {
    super(...args)
    Object.defineProperty(this.suspects, 'parkedTopics', { get: () => this.topicsPutOff() })
  }

  protected abstract topicsPutOff(): ReadonlySet<string>

  protected topicsWith(strikes: number): ReadonlySet<string> {
    const struck = this.suspects.inspect(0).strikes.filter(({ count }) => count >= strikes)
    const messages = [...this.outgoing.unsettled()].filter(({ sequence }) =>
      struck.some(({ suspect }) => suspect === sequence),
    )
    return new Set(messages.map(({ topic }) => topic))
  }
}

export class PassesTopicsOfStruckMessages extends PutsOffOtherwise {
  override topicsPutOff(): ReadonlySet<string> {
    return this.topicsWith(1)
  }
}

export class PassesParkedTopicsAfterAnswers extends PutsOffOtherwise {
  override topicsPutOff(): ReadonlySet<string> {
    return this.topicsWith(3)
  }
}

/** While a message is parked, the others of its topic are asked for from the last to the first. */
export class TurnsParkedTopicsRound extends Session<number, string> {
  constructor(...args: Args) {
    super(...args)
    const sendOne = this.outgoing.sendOne.bind(this.outgoing)
    this.outgoing.sendOne = (line, now, wants) => {
      const messages = [...this.outgoing.unsettled()]
      const parked = messages.filter((message) => this.suspects.isParked(message))
      const last = messages.findLast((one) => wants(one) && parked.some(({ topic }) => topic === one.topic))
      return sendOne(line, now, (one) => one === last) ?? sendOne(line, now, wants)
    }
  }
}

/** Where an exchange is that is sent again only when it is parked no more. */
export class MovesParkedMessages extends Session<number, string> {
  override begin(sessionPresent: boolean, care: 'careful' | 'plain'): void {
    super.begin(sessionPresent, care)
    this.table.reorder([...this.table.messages()].filter(({ message }) => !this.suspects.isParked(message)))
  }
}

/** A parked message begins anew, as if the server could not have it yet. */
export class RenewsParkedMessages extends Session<number, string> {
  constructor(...args: Args) {
    super(...args)
    const park = this.outgoing.park.bind(this.outgoing)
    this.outgoing.park = (exchange) => {
      const packetId = this.table.takeIdentifier() ?? 0
      const { message, awaits } = exchange
      this.table.delete(exchange)
      const renewed = new PublishExchange(packetId, message, awaits)
      this.table.add(renewed)
      park(renewed)
    }
  }
}

export class ForgetsParkedMessages extends Session<number, string> {
  constructor(...args: Args) {
    super(...args)
    this.outgoing.park = (exchange) => {
      this.table.delete(exchange)
      this.suspects.forget(exchange.message)
    }
  }
}
