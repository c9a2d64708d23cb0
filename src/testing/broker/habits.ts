/**
 * Habits: the points in which real servers differ. In some of them the standard allows both; others are faults of a server.
 * The default of each habit is the behaviour of a careful server.
 *
 * `serverHabits` has the habits of six servers. One version of each was measured on the loopback interface.
 */
import type { QoS } from '../../codec/control-packet.js'
import { outline } from '../../codec/field-checks.js'
import { UsageError } from '../../errors.js'
import { requireOptions } from '../../option-names.js'
import { requireOneOf, requireWhole } from '../option-checks.js'

/** How a server behaves where the standard allows more than one behaviour, or against the standard. */
export interface Habits {
  /** The highest QoS that SUBACK grants. Default 2. */
  readonly grantedQosMax?: QoS | undefined
  /**
   * The answer to a PUBLISH at QoS 2: `'pubrec'` as the standard says; `'puback'` as if it had QoS 1; `'silence'`, none; `'close'`, the
   * end of the connection. Default `'pubrec'`.
   */
  readonly publishAtQos2?: 'pubrec' | 'puback' | 'silence' | 'close' | undefined
  /**
   * Session Present in the CONNACK of a resumed Session: `'truthful'`, 1; `'never'`, 0; `'with-subscriptions'`, 1 only if the Session
   * has a subscription; `'with-qos1'`, 1 only if it has one at QoS 1 or 2. Default `'truthful'`.
   */
  readonly sessionPresent?: 'truthful' | 'never' | 'with-subscriptions' | 'with-qos1' | undefined
  /** Whether the subscriptions at QoS 0 of a Session outlive the connection. Default true. */
  readonly keepsQos0Subscriptions?: boolean | undefined
  /**
   * How the server sends a PUBLISH again in a resumed Session: `'dup'`, with DUP 1; `'no-dup'`, with DUP 0; `'new-identifier'`, with
   * DUP 1 and a new Packet Identifier. Default `'dup'`.
   */
  readonly redelivery?: 'dup' | 'no-dup' | 'new-identifier' | undefined
  /**
   * The copies of a message that match several Topic Filters of a Session: one at their highest QoS, one at their lowest, or one for
   * each filter. Default `'highest'`.
   */
  readonly overlappingFilters?: 'highest' | 'lowest' | 'each' | undefined
  /** Whether the server sends retained messages for a Topic Filter with wildcards. Default true. */
  readonly retainedForWildcards?: boolean | undefined
  /** Whether the server sends retained messages before SUBACK. Default false. */
  readonly retainedBeforeSuback?: boolean | undefined
  /** Whether `#` and `+` match the first level of a Topic Name that begins with `$`. Default false. */
  readonly wildcardsMatchDollar?: boolean | undefined
  /** The largest number of levels of a Topic Filter; a filter with more is refused. Default: no limit. */
  readonly filterLevelsMax?: number | undefined
  /** The answer to a refused Topic Filter: the Return Code 0x80 or 0x8F, or the end of the connection. Default 0x80. */
  readonly refusedFilter?: 0x80 | 0x8f | 'close' | undefined
  /**
   * The answer to a refused PUBLISH: an acknowledgement although no client gets the message, none, or the end of the connection.
   * Default `'acknowledge'`.
   */
  readonly refusedPublish?: 'acknowledge' | 'silence' | 'close' | undefined
  /** The answer to a PUBREL with an unknown Packet Identifier. Default `'pubcomp'`. */
  readonly unknownPubrel?: 'pubcomp' | 'close' | undefined
  /** Whether the will is published when another connection with the same Client Identifier ends the first. Default true. */
  readonly willOnTakeOver?: boolean | undefined
  /** The largest number of unacknowledged messages at QoS 1 and 2 that the server sends to a Session. Default 65,535. */
  readonly sendWindow?: number | undefined
  /** A silent connection is closed after Keep Alive times this factor. Default 1.5, as the standard says. */
  readonly keepAliveFactor?: number | undefined
}

/** Every habit with its value. */
export type AllHabits = { readonly [Name in keyof Habits]-?: NonNullable<Habits[Name]> }

/** The servers whose habits are known. */
export type ServerName = 'mosquitto' | 'rabbitmq' | 'activemq' | 'nats' | 'ejabberd' | 'aedes'

/**
 * The habits of real servers, for the option `habits`; spread one to change a part of it. Measured with mosquitto 2.0.11,
 * RabbitMQ 3.10.8, ActiveMQ 5.17.2, nats-server 2.9.10, ejabberd 23.01 and aedes 1.2.0. The test server does not imitate
 * their timing (Nagle's algorithm, queues that expire), their rules for Topic Names, and Sessions without a Client Identifier.
 */
export const serverHabits: Readonly<Record<ServerName, Habits>> = {
  mosquitto: { filterLevelsMax: 201, sendWindow: 20 },
  rabbitmq: {
    grantedQosMax: 1,
    publishAtQos2: 'puback',
    sessionPresent: 'with-qos1',
    keepsQos0Subscriptions: false,
    redelivery: 'new-identifier',
    overlappingFilters: 'each',
    retainedForWildcards: false,
    wildcardsMatchDollar: true,
    refusedFilter: 'close',
    refusedPublish: 'close',
    willOnTakeOver: false,
    sendWindow: 10,
    keepAliveFactor: 3,
  },
  activemq: {
    sessionPresent: 'never',
    keepsQos0Subscriptions: false,
    overlappingFilters: 'each',
    retainedBeforeSuback: true,
    willOnTakeOver: false,
    keepAliveFactor: 2.5,
  },
  nats: {
    grantedQosMax: 1,
    publishAtQos2: 'close',
    overlappingFilters: 'each',
    wildcardsMatchDollar: true,
    willOnTakeOver: false,
    unknownPubrel: 'close',
    sendWindow: 1_024,
  },
  ejabberd: {
    overlappingFilters: 'each',
    filterLevelsMax: 8,
    refusedFilter: 0x8f,
    sendWindow: 1,
  },
  aedes: {
    sessionPresent: 'with-subscriptions',
    redelivery: 'no-dup',
    overlappingFilters: 'lowest',
    filterLevelsMax: 100,
    refusedPublish: 'close',
  },
}

/** The given habits, with the defaults for all others. @throws UsageError for an unknown habit or a wrong value. */
export function allHabits(given: ServerName | Habits = {}): AllHabits {
  if (typeof given === 'string') requireOneOf('habits', given, Object.keys(serverHabits))
  const habits = typeof given === 'string' ? serverHabits[given] : given
  requireOptions('habits', habits, new Set(Object.keys(withDefaults({}))))
  return withDefaults(habits)
}

function withDefaults(habits: Habits): AllHabits {
  const { filterLevelsMax, sendWindow, keepAliveFactor } = habits
  requireWhole('habits.filterLevelsMax', filterLevelsMax, 1, 65_535)
  requireWhole('habits.sendWindow', sendWindow, 1, 65_535)
  requireFactor(keepAliveFactor)
  const choice = <Name extends keyof Habits>(
    name: Name,
    standard: NonNullable<Habits[Name]>,
    allowed: readonly (NonNullable<Habits[Name]> | boolean)[] = [true, false],
  ): NonNullable<Habits[Name]> => {
    requireOneOf(`habits.${name}`, habits[name], allowed)
    return habits[name] ?? standard
  }
  return {
    grantedQosMax: choice('grantedQosMax', 2, [0, 1, 2]),
    publishAtQos2: choice('publishAtQos2', 'pubrec', ['pubrec', 'puback', 'silence', 'close']),
    sessionPresent: choice('sessionPresent', 'truthful', ['truthful', 'never', 'with-subscriptions', 'with-qos1']),
    keepsQos0Subscriptions: choice('keepsQos0Subscriptions', true),
    redelivery: choice('redelivery', 'dup', ['dup', 'no-dup', 'new-identifier']),
    overlappingFilters: choice('overlappingFilters', 'highest', ['highest', 'lowest', 'each']),
    retainedForWildcards: choice('retainedForWildcards', true),
    retainedBeforeSuback: choice('retainedBeforeSuback', false),
    wildcardsMatchDollar: choice('wildcardsMatchDollar', false),
    filterLevelsMax: filterLevelsMax ?? Infinity,
    refusedFilter: choice('refusedFilter', 0x80, [0x80, 0x8f, 'close']),
    refusedPublish: choice('refusedPublish', 'acknowledge', ['acknowledge', 'silence', 'close']),
    unknownPubrel: choice('unknownPubrel', 'pubcomp', ['pubcomp', 'close']),
    willOnTakeOver: choice('willOnTakeOver', true),
    sendWindow: sendWindow ?? 65_535,
    keepAliveFactor: keepAliveFactor ?? 1.5,
  }
}

function requireFactor(factor: number | undefined): void {
  if (factor === undefined || (typeof factor === 'number' && factor > 0 && factor <= 100)) return
  throw new UsageError(`habits.keepAliveFactor has to be a number above 0, at most 100, not ${outline(factor)}`)
}
