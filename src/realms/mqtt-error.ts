/** The base class of all errors of this package; `src/errors.ts` has the errors. Its brand is the same in all realms and in all copies. */

/** Whether a message whose `publish` was rejected may be delivered: 'none', no; 'unknown', the server may have it; 'stored', the session
 * store has it and it will be sent. */
export type DeliveryState = 'none' | 'unknown' | 'stored'

/** A program may load this module twice, as ESM and as CommonJS. The brand makes `instanceof` work across both. */
const brand = Symbol.for('mqtt311.error')

/** The options of every error of this package. */
export interface MqttErrorOptions {
  /** The error behind this one. */
  readonly cause?: unknown
  /** For a rejected `publish`: whether the message may be delivered all the same. */
  readonly delivery?: DeliveryState | undefined
}

/** The base class of all errors of this package. `instanceof` works across its ESM and its CommonJS copy. */
export abstract class MqttError extends Error {
  /** The code of the class; stable across releases. */
  abstract readonly code: string
  /** Set when a `publish` is rejected: whether the message may be delivered all the same. */
  readonly delivery: DeliveryState | undefined

  /** `options.cause` and `options.delivery` become properties of the error. */
  constructor(message: string, options: MqttErrorOptions = {}) {
    super(message, options)
    this.delivery = options.delivery
  }

  /** @internal The name of the class, which a minifier does not change. It is a getter, so an error needs no memory for it. */
  get kind(): string | undefined {
    return undefined
  }

  /** @internal */
  get [brand](): string | undefined {
    return this.kind
  }

  /** @internal The name of the class, unless a program sets another name. */
  override get name(): string {
    return this.kind ?? super.name
  }

  /** @internal */
  override set name(value: string) {
    Object.defineProperty(this, 'name', { value, configurable: true, enumerable: true, writable: true })
  }

  /** Makes `instanceof` check the brand instead of the prototype. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    const kind = brandOf(value)
    // biome-ignore lint/complexity/noThisInStatic: `this` is the class on the right of instanceof.
    const own = brandOf(this.prototype)
    return kind !== undefined && (own === undefined || own === kind)
  }
}

/** The name of the class of an error of this package, whichever copy of it made the error. */
export function brandOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !(brand in value)) return undefined
  const kind = value[brand]
  return typeof kind === 'string' ? kind : undefined
}
