/** What all errors of this package have in common; `errors.ts` has the errors. */

/** Who has a message whose `publish` was rejected: nobody, perhaps the server, or the session store. */
export type DeliveryState = 'none' | 'unknown' | 'stored'

/** A program may hold this module twice, as ESM and as CommonJS: the brand makes `instanceof` hold across both. */
const brand = Symbol.for('mqtt311.error')

/** What every error of this package can be made with, besides its message. */
export interface MqttErrorOptions {
  /** What went wrong underneath. */
  readonly cause?: unknown
  /** For a rejected `publish`: who has the message all the same. */
  readonly delivery?: DeliveryState | undefined
}

/** What all errors of this package have in common. `instanceof` holds across its ESM and its CommonJS copy. */
export abstract class MqttError extends Error {
  /** The kind of error, one for each class; stable across releases. */
  abstract readonly code: string
  /** Set when a `publish` is rejected: whether the server may have the message all the same. */
  readonly delivery: DeliveryState | undefined

  /** `options.cause` and `options.delivery` become properties of the error. */
  constructor(message: string, options: MqttErrorOptions = {}) {
    super(message, options)
    this.delivery = options.delivery
  }

  /** @internal The name of the class, which a minifier does not change. A getter costs nothing for each error. */
  get kind(): string | undefined {
    return undefined
  }

  /** @internal */
  get [brand](): string | undefined {
    return this.kind
  }

  /** @internal The name of the class, unless it is set to another. */
  override get name(): string {
    return this.kind ?? super.name
  }

  /** @internal */
  override set name(value: string) {
    Object.defineProperty(this, 'name', { value, configurable: true, enumerable: true, writable: true })
  }

  /** Makes `instanceof` ask for the brand instead of the prototype. */
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
