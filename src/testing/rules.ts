/**
 * What a program has the server do otherwise, for packets that match: nothing at all, what a function does, the same later, refuse,
 * or the same without an answer.
 * A rule holds until it is disposed of, or until it has been applied so many times as it was made for.
 */
import type { ControlPacket, PacketName } from '../codec/control-packet.js'
import { requireOptions } from '../option-names.js'
import type { Refusals } from './broker/broker.js'
import {
  type ClientPacketName,
  clientPacketNames,
  isMatch,
  isOf,
  type Match,
  type PacketOf,
  requireMatch,
  requireName,
  type ServerPacketName,
  serverPacketNames,
} from './match.js'
import { requireFunction, requireText, requireWhole } from './option-checks.js'

/** Which packets a rule is for, and how often it is applied. */
export interface RuleOptions<Name extends PacketName> extends Match<Name> {
  /** After so many times the rule is gone: 1 to 9,007,199,254,740,991. Default: no limit. */
  readonly times?: number | undefined
}

/** What is refused, how often, and with which Return Code. */
export interface RefuseOptions<Name extends 'connect' | 'subscribe' | 'publish'> extends RuleOptions<Name> {
  /** For CONNECT alone: the Return Code of CONNACK, 1 to 5. Default 5, "not authorized" (section 3.2.2.3). */
  readonly returnCode?: number | undefined
}

/** What a program does in the place of the server. */
type Answer<Name extends PacketName, Connection> = (packet: PacketOf<Name>, connection: Connection) => void

type Kind = 'silence' | 'answer' | 'delay' | 'refuse' | 'withhold'

interface Rule<Connection> {
  readonly kind: Kind
  /** Whether the packet is meant; a Topic Filter of a SUBSCRIBE is asked for alone. */
  applies(packet: ControlPacket<Buffer>, clientId: string | undefined): boolean
  /** Milliseconds for `delay`, the Return Code for `refuse`. */
  readonly value: number
  /** For `answer`: what the program does. */
  readonly act: ((packet: ControlPacket<Buffer>, connection: Connection) => void) | undefined
  left: number
}

const refusable = ['connect', 'subscribe', 'publish'] as const
const matchNames = ['clientId', 'topic', 'where'] as const
const ruleNames: ReadonlySet<string> = new Set([...matchNames, 'times'])
/** Of a rule for packets of every type. */
const anyTypeNames: ReadonlySet<string> = new Set(['clientId', 'times'])
const refuseNames: ReadonlySet<string> = new Set([...ruleNames, 'returnCode'])
export const waitNames: ReadonlySet<string> = new Set([...matchNames, 'signal'])

/** The longest time that a timer of Node holds. */
const maxTimerMs = 2_147_483_647

export class Rules<Connection> {
  readonly #rules = new Set<Rule<Connection>>()

  silence<Name extends ClientPacketName>(name: Name | undefined, options: RuleOptions<Name>): Disposable {
    if (name !== undefined) return this.#add('silence', name, options, clientPacketNames)
    requireOptions('silence()', options, anyTypeNames)
    requireText('clientId', options.clientId)
    const applies = (_packet: ControlPacket, clientId: string | undefined) =>
      options.clientId === undefined || options.clientId === clientId
    return this.#keep({ kind: 'silence', applies, value: 0, act: undefined, left: timesOf(options) })
  }

  answer<Name extends ClientPacketName>(
    name: Name,
    act: Answer<Name, Connection>,
    options: RuleOptions<Name>,
  ): Disposable {
    requireFunction('the answer', act ?? null)
    return this.#add('answer', name, options, clientPacketNames, 0, (packet, connection) => {
      if (isOf(packet, name)) act(packet, connection)
    })
  }

  delay<Name extends ClientPacketName>(name: Name, ms: number, options: RuleOptions<Name>): Disposable {
    requireWhole('the delay in milliseconds', ms ?? null, 1, maxTimerMs)
    return this.#add('delay', name, options, clientPacketNames, ms)
  }

  withhold<Name extends ServerPacketName>(name: Name, options: RuleOptions<Name>): Disposable {
    return this.#add('withhold', name, options, serverPacketNames)
  }

  refuse<Name extends 'connect' | 'subscribe' | 'publish'>(name: Name, options: RefuseOptions<Name>): Disposable {
    if (name !== 'connect') return this.#add('refuse', name, options, refusable)
    requireOptions("refuse('connect')", options, refuseNames)
    const { returnCode, ...others } = options
    requireWhole('returnCode', returnCode, 1, 5)
    return this.#add('refuse', name, others, refusable, returnCode ?? 5)
  }

  #add<Name extends PacketName>(
    kind: Kind,
    name: Name,
    options: RuleOptions<Name>,
    names: readonly PacketName[],
    value = 0,
    act: Rule<Connection>['act'] = undefined,
  ): Disposable {
    requireName(`${kind}()`, name, names)
    requireOptions(`${kind}('${name}')`, options, ruleNames)
    requireMatch(name, options)
    const applies = (packet: ControlPacket<Buffer>, clientId: string | undefined) =>
      isMatch(packet, name, options, clientId)
    return this.#keep({ kind, applies, value, act, left: timesOf(options) })
  }

  #keep(rule: Rule<Connection>): Disposable {
    this.#rules.add(rule)
    return { [Symbol.dispose]: () => void this.#rules.delete(rule) }
  }

  /** The first rule of this kind for the packet, which is applied with this call; undefined if there is none. */
  apply(kind: Kind, packet: ControlPacket<Buffer>, clientId: string | undefined): Rule<Connection> | undefined {
    for (const rule of this.#rules) {
      if (rule.kind !== kind || !rule.applies(packet, clientId)) continue
      rule.left -= 1
      if (rule.left === 0) this.#rules.delete(rule)
      return rule
    }
    return undefined
  }

  /** What of this packet is refused. */
  refusalsOf(packet: ControlPacket<Buffer>, clientId: string | undefined): Refusals {
    return {
      connect: () => this.apply('refuse', packet, clientId)?.value ?? 0,
      publish: () => this.apply('refuse', packet, clientId) !== undefined,
      filter: (filter) => {
        if (packet.type !== 'subscribe') return false
        const alone = { ...packet, subscriptions: packet.subscriptions.filter((each) => each.filter === filter) }
        return this.apply('refuse', alone, clientId) !== undefined
      },
    }
  }
}

function timesOf({ times }: { readonly times?: number | undefined }): number {
  requireWhole('times', times, 1, Number.MAX_SAFE_INTEGER)
  return times ?? Number.POSITIVE_INFINITY
}
