/**
 * A program that calls the client at random, also in its handlers, and knows what each call may lead to: each promise settles, by a
 * value that fits what went over the wire, or by an error of the package or the reason that the program itself gave.
 */
import type { PublishPacket } from '../../../src/codec/control-packet.js'
import { isMqttError } from '../../../src/errors.js'
import type { Message, MessageStream, MqttClient, QoS, Subscription } from '../../../src/index.js'
import type { Random } from '../random.js'
import { messageNumber, type Trace } from './lying-server.js'
import type { Publishes } from './wire-rules.js'
import { wrongCall, wrongCallCount } from './wrong-calls.js'

export type FuzzedClient = Pick<
  MqttClient,
  'connect' | 'publish' | 'subscribe' | 'messages' | 'unsubscribe' | 'handle' | 'ping' | 'end' | 'destroy'
>

/** What the program knows of the wire. */
export interface Wire {
  wasSent(number: number): boolean
  mayBeAnsweredEarly(number: number): boolean
  isAcknowledged(number: number): boolean
  /** How often the server has sent its message with this number. */
  timesReceived(message: number): number
}

interface Gate {
  readonly open: () => void
  readonly fail: () => void
}

interface Published {
  readonly topic: string
  readonly qos: QoS
  readonly retain: boolean
  readonly fill: number
  readonly length: number
}

export interface ProgramSettings {
  readonly hasStore: boolean
  readonly canStore: boolean
  readonly ordered: boolean
  /** 'some' if a profile forbids what the standard allows. */
  readonly limits: 'none' | 'some'
}

const filterPool = ['t/+', 't/#', '#', 't/1', 't/1/2', 'u', '$SYS/#', '$share/g/t/1', '+/2']

export class Program implements Publishes {
  readonly #random: Random
  readonly #report: (fault: string) => void
  readonly #trace: Trace
  readonly #settings: ProgramSettings
  #client: FuzzedClient | undefined
  #wire: Wire | undefined
  #calls = 0
  /** Promises that have not settled, by the number of their call. */
  readonly #pending = new Map<number, string>()
  #publishes = 0
  readonly #published = new Map<number, Published>()
  /** Publishes that were rejected as never delivered. */
  readonly #denied = new Set<number>()
  /** Publishes of which the client has said that the server has them. */
  readonly #delivered = new Set<number>()
  readonly #running = new Map<number, number>()
  readonly #gates: Gate[] = []
  #isOver = false
  readonly #subscriptions: Subscription[] = []
  readonly #routes: Disposable[] = []
  readonly #controllers: AbortController[] = []
  /** What the program itself has thrown, or given as a reason. */
  readonly #ownErrors = new Set<unknown>()
  handlerStarts = 0
  settled = 0

  constructor(random: Random, settings: ProgramSettings, trace: Trace, report: (fault: string) => void) {
    this.#random = random
    this.#settings = settings
    this.#trace = trace
    this.#report = report
  }

  start(client: FuzzedClient, wire: Wire): void {
    this.#client = client
    this.#wire = wire
    this.#isOver = false
  }

  get pending(): readonly string[] {
    return [...this.#pending.values()]
  }

  ownError(text: string): Error {
    const error = new Error(text)
    this.#ownErrors.add(error)
    return error
  }

  isKnown(error: unknown): boolean {
    // The store in memory never fails by itself: it refuses only a record that cannot follow the others.
    if (isMqttError(error)) return error.code !== 'MQTT_STORE'
    if (this.#ownErrors.has(error)) return true
    return error instanceof Error && this.#ownErrors.has(error.cause)
  }

  // What the rules of the wire ask.

  numberOf({ topic, payload, qos, retain }: PublishPacket<Buffer>): number | undefined {
    const number = Number(topic.slice(2))
    const published = this.#published.get(number)
    if (published === undefined || published.topic !== topic) return undefined
    if (this.#denied.has(number)) this.#report(`publish ${number} was rejected as never delivered, and is sent`)
    if (this.#delivered.has(number) && this.#wire?.mayBeAnsweredEarly(number) !== true)
      this.#report(`publish ${number} has resolved, and is sent again`)
    const { fill, length } = published
    const isSame = payload.length === length && payload.every((byte) => byte === fill)
    return isSame && published.qos === qos && published.retain === retain ? number : undefined
  }

  isHandling(message: number | undefined): boolean {
    // With two of them nobody knows which of the two runs.
    if (message === undefined || this.#wire?.timesReceived(message) !== 1) return false
    return this.#running.has(message)
  }

  // Calls.

  /** Follows a promise of the client to its end. */
  #watch<T>(name: string, promise: Promise<T>, resolved: (value: T) => void, rejected: (error: unknown) => void): void {
    this.#calls += 1
    const call = this.#calls
    this.#pending.set(call, `${call} ${name}`)
    this.#trace.note(() => `call ${call} ${name}`)
    const settle = (how: string, follow: () => void) => {
      this.#pending.delete(call)
      this.settled += 1
      this.#trace.note(() => `call ${call} ${how}`)
      follow()
    }
    promise.then(
      (value) => settle('has resolved', () => resolved(value)),
      (error: unknown) => {
        settle(`has rejected: ${error}`, () => {
          if (!this.isKnown(error)) this.#report(`${name} rejects with a foreign error: ${error}`)
          rejected(error)
        })
      },
    )
  }

  /** Any one call. */
  call(): Promise<unknown> {
    const random = this.#random
    const choice = random.below(100)
    if (choice < 3) return this.#callWrongly()
    if (choice < 45) return this.#publish()
    if (choice < 62) return this.#subscribe()
    if (choice < 70) return this.#messages()
    if (choice < 77) return this.#unsubscribe()
    if (choice < 85) return this.#ping()
    if (choice < 90) return this.#handle()
    if (choice < 95) return this.#abort()
    if (choice < 97) return this.end()
    if (choice < 98) return this.connect()
    if (choice < 99) return this.destroy()
    return Promise.all(Array.from({ length: 20 }, () => this.#publish()))
  }

  connect(): Promise<unknown> {
    const { client } = this
    const promise = client.connect(this.#random.oneIn(10) ? { signal: this.#signal() } : {})
    this.#watch('connect()', promise, nothing, nothing)
    return promise
  }

  end(): Promise<void> {
    const promise = this.client.end({ timeoutMs: this.#random.of([0, 10, 500, 3000]) })
    this.#watch('end()', promise, nothing, (error) => this.#report(`end() rejects: ${error}`))
    return promise
  }

  async destroy(): Promise<void> {
    this.#trace.note(() => 'destroy()')
    if (this.#random.oneIn(2)) this.client.destroy()
    else this.client.destroy(this.ownError('destroyed by the program'))
  }

  get client(): FuzzedClient {
    if (this.#client === undefined) throw new Error('there is no client yet')
    return this.#client
  }

  #signal(): AbortSignal {
    const controller = new AbortController()
    if (this.#random.oneIn(8)) this.#abortNow(controller)
    else this.#controllers.push(controller)
    return controller.signal
  }

  async #abort(): Promise<void> {
    const [controller] = this.#controllers.splice(this.#random.below(this.#controllers.length + 1), 1)
    if (controller !== undefined) this.#abortNow(controller)
  }

  #abortNow(controller: AbortController): void {
    this.#trace.note(() => 'a signal is aborted')
    if (this.#random.oneIn(2)) controller.abort(this.ownError('aborted by the program'))
    else controller.abort()
    this.#ownErrors.add(controller.signal.reason)
  }

  #publish(): Promise<void> {
    const random = this.#random
    this.#publishes += 1
    const number = this.#publishes
    const topic = `p/${number}`
    const qos = random.of([0, 1, 1, 2, 2] as const)
    const retain = random.oneIn(5)
    const fill = 0x40 + (number % 32)
    const length = random.oneIn(30) ? random.below(200_000) : random.below(random.oneIn(10) ? 3000 : 40)
    this.#published.set(number, { topic, qos, retain, fill, length })
    const until = random.oneIn(this.#settings.canStore ? 3 : 60) ? ('stored' as const) : undefined
    const signal = random.oneIn(4) ? this.#signal() : undefined
    const bytes = Buffer.alloc(length, fill)
    const payload = random.oneIn(2) ? bytes : bytes.toString()
    const promise = this.client.publish(topic, payload, { qos, retain, until, signal })
    // The bytes belong to the program again.
    bytes.fill(0)
    const mayBeWrong = until === 'stored' && !(this.#settings.canStore && qos > 0)
    this.#watch(
      `publish ${number} at QoS ${qos}${until === undefined ? '' : ' until stored'}`,
      promise,
      () => {
        if (qos === 0 || until === 'stored') return
        this.#delivered.add(number)
        if (this.#wire?.isAcknowledged(number)) return
        this.#report(`publish ${number} resolves, and the server has not acknowledged it`)
      },
      (error) => this.#notPublished(number, error, mayBeWrong),
    )
    return promise
  }

  #notPublished(number: number, error: unknown, mayBeWrong: boolean): void {
    if (!isMqttError(error)) return
    if (error.code === 'MQTT_USAGE') return this.#refused(`publish ${number}`, error, mayBeWrong)
    if (error.delivery === undefined) this.#report(`publish ${number} rejects without telling of delivery: ${error}`)
    if (error.delivery === 'stored' && !this.#settings.hasStore) this.#report(`publish ${number} cannot be stored`)
    if (error.delivery !== 'none') return
    if (this.#wire?.wasSent(number))
      this.#report(`publish ${number} rejects as never delivered, and was sent: ${error}`)
    this.#denied.add(number)
  }

  #refused(name: string, error: unknown, isExpected = false): void {
    const isUsage = isMqttError(error) && error.code === 'MQTT_USAGE'
    if (isUsage && !isExpected && this.#settings.limits === 'none')
      this.#report(`${name} rejects as if the call were wrong: ${error}`)
  }

  #callWrongly(): Promise<unknown> {
    const { name, result } = wrongCall(this.client, this.#random.below(wrongCallCount))
    const promise = Promise.resolve(result)
    this.#watch(
      name,
      promise,
      () => this.#report(`${name} resolves`),
      (error) => {
        const isRefused = isMqttError(error) && (error.code === 'MQTT_USAGE' || error.code === 'MQTT_CLOSED')
        if (!isRefused) this.#report(`${name} rejects with ${error}`)
      },
    )
    return promise
  }

  #filters(): string[] {
    return Array.from({ length: this.#random.oneIn(3) ? 1 + this.#random.below(4) : 1 }, () =>
      this.#random.of(filterPool),
    )
  }

  #subscribe(): Promise<Subscription> {
    const random = this.#random
    const names = [...new Set(this.#filters())]
    const [first = '#'] = names
    const signal = random.oneIn(5) ? this.#signal() : undefined
    const filters = names.length > 1 || random.oneIn(2) ? names : first
    const options = { qos: random.of([0, 1, 2] as const), signal }
    const handler = random.oneIn(6) ? undefined : this.handler(names)
    const promise = this.client.subscribe(filters, options, handler)
    const name = `subscribe ${names}`
    this.#watch(
      name,
      promise,
      (subscription) => this.#subscribed(name, names, subscription),
      (error) => this.#refused(name, error),
    )
    return promise
  }

  #subscribed(name: string, names: readonly string[], subscription: Subscription): void {
    this.#subscriptions.push(subscription)
    const granted = subscription.granted.map(({ filter }) => filter)
    if (granted.join() !== names.join()) this.#report(`${name} resolves with ${granted}`)
  }

  #unsubscribe(): Promise<void> {
    const [subscription] = this.#random.oneIn(2)
      ? this.#subscriptions.splice(this.#random.below(this.#subscriptions.length + 1), 1)
      : []
    const names = [...new Set(this.#filters())]
    const name = subscription === undefined ? `unsubscribe ${names}` : 'the end of a subscription'
    const promise = subscription === undefined ? this.client.unsubscribe(names) : subscription.unsubscribe()
    this.#watch(name, promise, nothing, (error) => this.#refused(name, error))
    return promise
  }

  #ping(): Promise<number> {
    const random = this.#random
    const timeoutMs = random.of([0, 1, 100]) || undefined
    const promise = this.client.ping({ timeoutMs, signal: random.oneIn(4) ? this.#signal() : undefined })
    this.#watch(
      'ping',
      promise,
      (milliseconds) => {
        if (!(milliseconds >= 0)) this.#report(`ping resolves with ${milliseconds}`)
      },
      (error) => this.#refused('ping', error),
    )
    return promise
  }

  async #handle(): Promise<void> {
    const filter = this.#random.of(filterPool)
    if (this.#random.oneIn(3)) this.#routes.pop()?.[Symbol.dispose]()
    else this.#routes.push(this.client.handle(filter, this.handler([filter])))
  }

  #messages(): Promise<MessageStream> {
    const random = this.#random
    const names = [...new Set(this.#filters())]
    const limit = random.of([0, 1, 3]) || undefined
    const signal = random.oneIn(5) ? this.#signal() : undefined
    const promise = this.client.messages(names, { qos: random.of([0, 1, 2] as const), limit, signal })
    const name = `messages ${names}`
    this.#watch(
      name,
      promise,
      (stream) => this.#watch(`a loop over ${names}`, this.#loop(stream), nothing, nothing),
      (error) => this.#refused(name, error),
    )
    return promise
  }

  async #loop(stream: MessageStream): Promise<void> {
    for (;;) {
      const { done, value } = await stream.next()
      if (done) return
      const number = messageNumber(value.payload)
      this.#starts(number)
      await this.#awaitSomething(this.#random.below(8), false)
      this.#ends(number)
      if (this.#random.oneIn(12)) {
        await stream.return?.()
        return
      }
    }
  }

  // Handlers.

  /** A handler of these filters, or of every message. */
  handler(names: readonly string[] | undefined): (message: Message) => unknown {
    const seen = new Map<number, number>()
    let last = 0
    return (message) => {
      this.handlerStarts += 1
      const number = messageNumber(message.payload)
      this.#trace.note(() => `a handler of ${names} starts with message ${number} of ${message.topic}`)
      if (names?.some((name) => matches(name.replace(/^\$share\/g\//, ''), message.topic)) === false) {
        this.#report(`a handler of ${names} gets a message of ${message.topic}`)
      }
      if (number !== undefined) {
        const times = (seen.get(number) ?? 0) + 1
        seen.set(number, times)
        const most = this.#wire?.timesReceived(number) ?? 0
        if (times > most)
          this.#report(`a handler gets message ${number} ${times} times, the server sent it ${most} times`)
        if (this.#settings.ordered && number < last) this.#report(`a handler gets message ${number} after ${last}`)
        last = number
      }
      return this.#handleMessage(number)
    }
  }

  #handleMessage(number: number | undefined): unknown {
    const choice = this.#random.below(20)
    if (choice === 19) throw this.ownError('thrown by a handler')
    if (choice >= 8) {
      // A handler that calls the client and does not wait.
      if (choice === 18) this.call().catch(nothing)
      return undefined
    }
    this.#starts(number)
    return this.#awaitSomething(choice, true).finally(() => this.#ends(number))
  }

  /** Waits for the world, or for the client; perhaps fails. */
  async #awaitSomething(choice: number, isHandler: boolean): Promise<void> {
    if (choice < 4) return this.#gate()
    if (choice === 4) return
    const call = this.call()
    if (choice === 5 && isHandler && this.#random.oneIn(3)) await call
    else await call.catch(nothing)
  }

  #starts(message: number | undefined): void {
    if (message !== undefined) this.#running.set(message, (this.#running.get(message) ?? 0) + 1)
  }

  #ends(message: number | undefined): void {
    if (message === undefined) return
    const left = (this.#running.get(message) ?? 0) - 1
    if (left > 0) this.#running.set(message, left)
    else this.#running.delete(message)
  }

  #gate(): Promise<void> {
    if (this.#isOver) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#gates.push({ open: resolve, fail: () => reject(this.ownError('rejected by a handler')) })
    })
  }

  /** Lets one handler go on that waits for the world. */
  release(): void {
    const [gate] = this.#gates.splice(this.#random.below(this.#gates.length + 1), 1)
    if (this.#random.oneIn(30)) gate?.fail()
    else gate?.open()
  }

  /** No handler waits for the world any more. */
  releaseAll(): void {
    this.#isOver = true
    for (const { open } of this.#gates.splice(0)) open()
  }
}

/** Whether a Topic Name, in which wildcards are characters like others, matches a filter. */
function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && !filter.startsWith('$')) return false
  const levels = topic.split('/')
  const wanted = filter.split('/')
  const isOpen = wanted.at(-1) === '#'
  if (isOpen) wanted.pop()
  if (isOpen ? levels.length < wanted.length : levels.length !== wanted.length) return false
  return wanted.every((level, index) => level === '+' || level === levels[index])
}

function nothing(): void {}
