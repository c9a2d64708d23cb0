/**
 * Applies the acknowledgements of a server to the exchanges of the session, by the table of `exchange.ts`. If an acknowledgement
 * violates the protocol, the method returns the error and changes nothing.
 */
import type { PacketIdentifier, SubackPacket } from '../../codec/control-packet.js'
import { ProtocolViolationError, type Violation } from '../../errors.js'
import type { Driver } from '../driver.js'
import {
  type AcknowledgementName,
  type Exchange,
  nextStep,
  PublishExchange,
  RequestExchange,
} from '../exchange/exchange.js'
import type { Request } from '../exchange/request.js'
import type { SessionState } from '../session-state.js'

type FoundViolation = ProtocolViolationError | undefined

export class Acknowledgements<P, R> {
  readonly #session: SessionState<P, R>
  readonly #driver: Driver<P, R>

  constructor(session: SessionState<P, R>, driver: Driver<P, R>) {
    this.#session = session
    this.#driver = driver
  }

  /** PUBACK, PUBREC, PUBCOMP or UNSUBACK came. */
  acknowledged(
    name: 'puback' | 'pubrec' | 'pubcomp' | 'unsuback',
    packetId: PacketIdentifier,
    now: number,
  ): FoundViolation {
    const exchange = this.#session.table.get(packetId)
    const step = nextStep(exchange === undefined ? 'nothing' : exchange.awaits, name)
    switch (step) {
      case 'settle':
        // [MQTT-3.10.4-4] UNSUBACK settles only the UNSUBSCRIBE that has its Packet Identifier.
        if (exchange instanceof PublishExchange) {
          if (exchange.awaits === 'puback') this.#session.suspects.answered(exchange.message)
          this.#session.outgoing.settle(exchange, now)
        }
        if (exchange instanceof RequestExchange) this.#answered(exchange, [])
        return undefined
      case 'settle-at-qos-1':
        return this.#settleAtQos1(exchange, packetId, now)
      case 'release':
        /* v8 ignore else -- @preserve nextStep returns 'release' for messages only, which the compiler cannot know */
        if (exchange instanceof PublishExchange) {
          this.#session.suspects.answered(exchange.message)
          this.#session.outgoing.received(exchange, now)
          this.#session.qos2 = 'answered'
        }
        // [MQTT-4.3.3-1] PUBREC is answered with PUBREL, and the PUBLISH is never sent again.
        this.#driver.sendAcknowledgement('pubrel', packetId)
        return undefined
      case 'release-again':
        this.#driver.anomaly(exchange === undefined ? 'unknown-pubrec' : 'repeated-pubrec', packetId)
        this.#driver.sendAcknowledgement('pubrel', packetId)
        return undefined
      case 'ignore':
        this.#driver.anomaly(unknownAcknowledgement[name], packetId)
        return undefined
      case 'wrong-acknowledgement':
      case 'unknown-suback':
        return this.#wrongAcknowledgement(name, exchange, packetId)
    }
  }

  /** The server has no QoS 2, and has the message: if that ended the client, a stored message would end it again at each start. */
  #settleAtQos1(exchange: Exchange<P, R> | undefined, packetId: PacketIdentifier, now: number): FoundViolation {
    /* v8 ignore else -- @preserve nextStep returns 'settle-at-qos-1' for messages only, which the compiler cannot know */
    if (exchange instanceof PublishExchange) {
      this.#session.suspects.answered(exchange.message)
      this.#session.outgoing.settle(exchange, now)
    }
    if (this.#session.settings.strict) return this.#wrongAcknowledgement('puback', exchange, packetId)
    this.#driver.anomaly('puback-at-qos-2', packetId)
    return undefined
  }

  #wrongAcknowledgement(
    name: AcknowledgementName,
    exchange: Exchange<P, R> | undefined,
    packetId: number,
  ): FoundViolation {
    const awaited = exchange?.awaits
    const isAtQos2 = awaited === 'pubrec' || awaited === 'pubcomp'
    const asked = isAtQos2 ? 'a message at QoS 2' : `an exchange that awaits ${awaited?.toUpperCase()}`
    const advice =
      isAtQos2 && name === 'puback'
        ? ' (perhaps this server does not have QoS 2; then publish at QoS 1, or set profile.maxQos to 1)'
        : ''
    const text = `the server answered ${asked} with ${name.toUpperCase()}, Packet Identifier ${packetId}${advice}`
    return violation('wrong-acknowledgement', brokenBy(name, exchange instanceof PublishExchange), text)
  }

  /** SUBACK came. */
  suback({ packetId, returnCodes }: SubackPacket): FoundViolation {
    const exchange = this.#session.table.get(packetId)
    if (exchange === undefined && !this.#session.settings.strict) {
      this.#driver.anomaly('unknown-suback', packetId)
      return undefined
    }
    if (exchange === undefined) {
      // [MQTT-3.8.4-2] A SUBACK has the Packet Identifier of its SUBSCRIBE.
      const text = `the server sent SUBACK with Packet Identifier ${packetId}, which no request has`
      return violation('unknown-suback', 'MQTT-3.8.4-2', text)
    }
    if (!(exchange instanceof RequestExchange) || exchange.request.kind !== 'subscribe') {
      return this.#wrongAcknowledgement('suback', exchange, packetId)
    }
    const asked = exchange.request.subscriptions.length
    if (asked !== returnCodes.length) {
      // [MQTT-3.8.4-5] A SUBACK has one Return Code for each Topic Filter.
      const text = `the server answered a SUBSCRIBE of ${asked} Topic Filters with ${returnCodes.length} Return Codes`
      return violation('suback-length', 'MQTT-3.8.4-5', text)
    }
    this.#answered(exchange, returnCodes)
    return undefined
  }

  #answered(exchange: RequestExchange<R>, returnCodes: ArrayLike<number>): void {
    this.#session.table.delete(exchange)
    if (this.#session.qos2 === 'nothing' && grantsLess(exchange.request, returnCodes)) {
      this.#session.qos2 = 'granted less'
    }
    const refused = this.#session.requests.answered(exchange, returnCodes)
    // [MQTT-3.8.3-2] A refusal is an answer and no violation: for example, the server may not support wildcards.
    if (exchange.request.ticket !== undefined) this.#driver.answered(exchange.request, returnCodes)
    else if (refused.length > 0) this.#driver.refused(refused)
  }

  /** PUBREL came. */
  release(packetId: PacketIdentifier): void {
    // [MQTT-3.10.4-3] The exchange is completed even if the subscription for the message no longer exists.
    const known = this.#session.incoming.release(packetId)
    if (known !== 'released') this.#driver.anomaly(known === 'early' ? 'early-pubrel' : 'unknown-pubrel', packetId)
    // [MQTT-4.3.3-2] PUBREL is always answered with PUBCOMP: otherwise a server that repeats PUBREL could never complete its exchange.
    this.#driver.sendAcknowledgement('pubcomp', packetId)
  }
}

/** Whether the server grants QoS 0 or 1 for a Topic Filter that was asked for at QoS 2. */
function grantsLess(request: Request<unknown>, returnCodes: ArrayLike<number>): boolean {
  if (request.kind === 'unsubscribe') return false
  return request.subscriptions.some(({ qos }, index) => qos === 2 && Number(returnCodes[index]) < 2)
}

function violation(name: Violation, statement: string, message: string): ProtocolViolationError {
  return new ProtocolViolationError(message, { violation: name, statement })
}

const unknownAcknowledgement = {
  puback: 'unknown-puback',
  pubrec: 'unknown-pubrec',
  pubcomp: 'unknown-pubcomp',
  unsuback: 'unknown-unsuback',
} as const

/** The statement that a wrong acknowledgement breaks: each kind of acknowledgement answers only one kind of packet. */
function brokenBy(name: AcknowledgementName, answersPublish: boolean): string {
  switch (name) {
    case 'puback':
    case 'pubrec':
      // [MQTT-3.3.4-1] The QoS of a PUBLISH decides between PUBACK and PUBREC. [MQTT-2.3.1-6] Both answer only PUBLISH.
      return answersPublish ? 'MQTT-3.3.4-1' : 'MQTT-2.3.1-6'
    case 'pubcomp':
      // [MQTT-4.3.3-2] PUBCOMP answers only PUBREL.
      return 'MQTT-4.3.3-2'
    case 'suback':
    case 'unsuback':
      // [MQTT-2.3.1-7] SUBACK answers SUBSCRIBE, and UNSUBACK answers UNSUBSCRIBE.
      return 'MQTT-2.3.1-7'
  }
}
