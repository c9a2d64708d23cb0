/**
 * The rules of a test: they change what the server does with packets that match.
 *
 *   silence    the server does nothing
 *   answer     a function of the test acts instead of the server
 *   delay      the server acts later
 *   refuse     the server refuses
 *   withhold   the server acts, but does not send this packet
 *
 * A rule holds until it is disposed of, or until it was applied `times` times.
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
  /** How many times the rule is applied, 1 to 9,007,199,254,740,991; then it ends. Default: no limit. */
  readonly times?: number | undefined
}

/** Which packets are refused, how often, and with which Return Code. */
export interface RefuseOptions<Name extends 'connect' | 'subscribe' | 'publish'> extends RuleOptions<Name> {
  /** Only for CONNECT: the Return Code of CONNACK, 1 to 5. Default 5, "not authorized" (section 3.2.2.3). */
  readonly returnCode?: number | undefined
}

/** A function of the test that acts instead of the server. */
type Answer<Name extends PacketName, Connection> = (packet: PacketOf<Name>, connection: Connection) => void

type Kind = 'silence' | 'answer' | 'delay' | 'refuse' | 'withhold'

interface Rule<Connection> {
  readonly kind: Kind
  /** Whether the rule applies to this packet. For `refuse` the packet is a SUBSCRIBE with only one of its Topic Filters. */
  applies(packet: ControlPacket<Buffer>, clientId: string | undefined): boolean
  /** Milliseconds for `delay`, the Return Code for `refuse`. */
  readonly value: number
  /** For `answer`: the function of the test. */
  readonly act: ((packet: ControlPacket<Buffer>, connection: Connection) => void) | undefined
  /** How many more times the rule is applied. */
  remaining: number
}

const refusable = ['connect', 'subscribe', 'publish'] as const
const matchNames = ['clientId', 'topic', 'where'] as const
const ruleNames: ReadonlySet<string> = new Set([...matchNames, 'times'])
/** The options of a rule for packets of every type. */
const anyTypeNames: ReadonlySet<string> = new Set(['clientId', 'times'])
const refuseNames: ReadonlySet<string> = new Set([...ruleNames, 'returnCode'])
export const waitNames: ReadonlySet<string> = new Set([...matchNames, 'signal'])

/** The longest delay of a timer in Node. */
export const maxTimerMs = 2_147_483_647

export class Rules<Connection> {
  readonly #rules = new Set<Rule<Connection>>()

  silence<Name extends ClientPacketName>(name: Name | undefined, options: RuleOptions<Name>): Disposable {
    if (name !== undefined) return this.#add('silence', name, options, clientPacketNames)
    requireOptions('silence()', options, anyTypeNames)
    requireText('clientId', options.clientId)
    const applies = (_packet: ControlPacket, clientId: string | undefined) =>
      options.clientId === undefined || options.clientId === clientId
    return this.#keep({ kind: 'silence', applies, value: 0, act: undefined, remaining: timesOf(options) })
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
    return this.#keep({ kind, applies, value, act, remaining: timesOf(options) })
  }

  #keep(rule: Rule<Connection>): Disposable {
    this.#rules.add(rule)
    return { [Symbol.dispose]: () => void this.#rules.delete(rule) }
  }

  /** Finds the first rule of this kind for the packet, and counts it as applied. Returns undefined if there is none. */
  apply(kind: Kind, packet: ControlPacket<Buffer>, clientId: string | undefined): Rule<Connection> | undefined {
    for (const rule of this.#rules) {
      if (rule.kind !== kind || !rule.applies(packet, clientId)) continue
      rule.remaining -= 1
      if (rule.remaining === 0) this.#rules.delete(rule)
      return rule
    }
    return undefined
  }

  /** Answers, by the rules, whether the packet or a Topic Filter in it is refused. */
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
  return times ?? Infinity
}
