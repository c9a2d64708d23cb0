/**
 * One connection of a test server. It decodes the bytes of the stream, applies the rules of the test, and passes packets to the broker.
 *
 *   stream -> decoder -> logs -> silence? -> answer? -> delay? -> ServedConnection -> withhold? -> writer -> stream
 *
 * What comes behind a delayed packet waits for it, also the end of the stream, so the order of a connection never changes. All packets
 * that the server sends in one turn of the event loop are sent in one write, as from a fast server.
 */
import type { Duplex } from 'node:stream'
import type { ControlPacket, PacketName, SubackPacket } from '../codec/control-packet.js'
import { PacketDecoder } from '../codec/decode/packet-decoder.js'
import { encodePacket, PacketWriter } from '../codec/encode/packet-writer.js'
import { kindOf } from '../codec/field-checks.js'
import { ConnectionLostError, isMqttError, ProtocolViolationError, UsageError } from '../errors.js'
import { requireOptions } from '../option-names.js'
import { isBytes, isError } from '../realms/foreign-values.js'
import type { Broker } from './broker/broker.js'
import { ServedConnection } from './broker/served-connection.js'
import {
  type ClientPacketName,
  clientPacketNames,
  type Match,
  type PacketOf,
  requireMatch,
  requireName,
} from './match.js'
import { requireSignal } from './option-checks.js'
import type { PacketLog } from './packet-log.js'
import { maxTimerMs, type Rules, waitNames } from './rules.js'
import type { TestServerOptions } from './server-options.js'

/** Which packet a call waits for, and what ends the wait. */
export interface ReceivesOptions<Name extends PacketName> extends Match<Name> {
  /** Ends the wait: the promise rejects with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
}

/** The server, as a connection sees it. */
export interface ConnectionHost {
  readonly broker: Broker
  readonly rules: Rules<TestConnection>
  /** The packets of all connections. */
  readonly log: PacketLog<TestConnection>
  readonly options: TestServerOptions
  /** The connection is closed; `fault` is the fault of the client, if that was the reason. */
  gone(connection: TestConnection, fault: Error | undefined): void
}

/** What the server does later: it handles a packet, or the end of the stream. */
interface DelayedStep {
  readonly run: () => void
  isDue: boolean
}

/** With more unsent bytes, messages at QoS 0 are dropped. */
const unsentMax = 16 * 1024 * 1024

/** One connection of a client, as the server sees it. */
export class TestConnection {
  /** @internal The byte stream of the connection. */
  readonly stream: Duplex
  readonly #host: ConnectionHost
  readonly #served: ServedConnection
  readonly #decoder: PacketDecoder
  readonly #writer = new PacketWriter()
  readonly #delayed: DelayedStep[] = []
  readonly #timers = new Set<NodeJS.Timeout>()
  #clientId: string | undefined
  #keepAlive: NodeJS.Timeout | undefined
  #fault: Error | undefined
  /** The error for calls that wait for a packet; set when the connection is closed. */
  #end: Error | undefined
  /** Whether a flush at the end of this turn is scheduled. */
  #willFlush = false
  /**
   * Resolves when the connection is closed in both directions. The value is the fault of the client, if that was the reason: a
   * MalformedPacketError, a ProtocolViolationError, or a ConnectionLostError after a longer silence than Keep Alive allows.
   */
  readonly closed: Promise<Error | undefined>
  /** Resolves when the client has ended its side of the connection, or the connection was cut. */
  readonly ended: Promise<void>

  /** @internal */
  constructor(stream: Duplex, host: ConnectionHost) {
    this.stream = stream
    this.#host = host
    const { maxPacketBytes = 16 * 1024 * 1024 } = host.options
    this.#decoder = new PacketDecoder({ maxPacketBytes, from: 'client' })
    this.#served = new ServedConnection(
      host.broker,
      {
        send: (packet) => this.#answer(packet),
        close: () => this.close(),
        fail: (error) => this.#fail(error),
        get isFull() {
          return stream.writableLength > unsentMax
        },
      },
      (packet) => host.rules.refusalsOf(packet, this.clientId),
    )
    this.closed = new Promise((resolve) => stream.on('close', () => resolve(this.#gone())))
    this.ended = new Promise((resolve) => {
      stream.on('end', () => resolve())
      stream.on('close', () => resolve())
    })
    // After an error the stream closes; `close` is handled above.
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => this.#guard(() => this.#decoder.decode(chunk, (packet) => this.#take(packet))))
    stream.on('end', () =>
      this.#guard(() => {
        this.#decoder.end()
        // [MQTT-3.14.4-2] the server closes its side when the client has closed its own
        this.#inTurn(() => this.close())
      }),
    )
  }

  /** The Client Identifier of CONNECT; if that was empty, the one that the server made. Undefined before CONNECT. */
  get clientId(): string | undefined {
    return this.#served.clientId ?? this.#clientId
  }

  /** The packets of this connection so far, in order. Older ones are removed, as in `received` of the server. */
  get received(): readonly ControlPacket<Buffer>[] {
    return this.#host.log.packetsOf(this)
  }

  /**
   * Resolves with the first packet of this type on this connection that no earlier call on this connection got. It may have come
   * already, or the call waits for it. Calls of `server.receives` are independent: both can get the same packet.
   *
   * Rejects with a ConnectionLostError if the connection ends before.
   *
   * ```ts
   * const connection = await server.accepts()
   * lamp.publish('a', 'x')
   * console.log((await connection.receives('publish')).topic) // prints: a
   * ```
   *
   * @throws UsageError (as a rejection) for a type that no client sends, or a wrong option.
   */
  async receives<Name extends ClientPacketName>(
    type: Name,
    options: ReceivesOptions<Name> = {},
  ): Promise<PacketOf<Name>> {
    requireReceives(type, options)
    return this.#host.log.take(type, options, this, this.#end)
  }

  /**
   * Sends packets in one write, after the packets that the server has already to send.
   *
   * ```ts
   * const connection = await server.accepts()
   * server.silence('subscribe')
   * const subscribed = lamp.subscribe('a', { qos: 2 })
   * const { packetId } = await connection.receives('subscribe')
   * connection.send({ type: 'suback', packetId, returnCodes: [0] })
   * console.log((await subscribed).granted[0]?.qos) // prints: 0
   * ```
   *
   * @throws UsageError if the standard forbids a packet.
   */
  send(...packets: ControlPacket[]): void {
    this.sendBytes(Buffer.concat(packets.map((packet) => encodePacket(packet))))
  }

  /**
   * Sends any bytes in one write, after the packets that the server has already to send. On a closed connection it does nothing.
   *
   * ```ts
   * const connection = await server.accepts()
   * connection.sendBytes(Buffer.from('HTTP/1.1 400 Bad Request'))
   * await connection.closed // the client has closed it
   * ```
   */
  sendBytes(bytes: Uint8Array): void {
    if (!isBytes(bytes)) throw new UsageError(`sendBytes takes a Uint8Array, not ${kindOf(bytes)}`)
    const before = this.#writer.take()
    const all = Buffer.concat([before, bytes])
    if (this.stream.writable && all.length > 0) this.stream.write(all)
  }

  /** Closes the connection after everything that was sent has left. The will is published. */
  close(): void {
    this.#served.end()
    this.#flush()
    this.stream.end()
  }

  /** Cuts the connection: unsent bytes are lost. The will is published. */
  cut(): void {
    this.#served.end()
    this.stream.destroy()
  }

  /**
   * Stops reading until `readOn`, so that the bytes of the client wait. Keep Alive is not checked meanwhile.
   *
   * ```ts
   * const connection = await server.accepts()
   * connection.stopReading()
   * const published = lamp.publish('a', Buffer.alloc(100_000), { qos: 1 })
   * connection.readOn()
   * await published
   * ```
   */
  stopReading(): void {
    this.stream.pause()
  }

  /** Reads again after `stopReading`. */
  readOn(): void {
    this.stream.resume()
  }

  #take(packet: ControlPacket<Buffer>): void {
    const { log, rules } = this.#host
    if (packet.type === 'connect') this.#clientId ??= packet.clientId
    const { clientId } = this
    log.push(packet, this, clientId)
    this.#keepAlive?.refresh()
    if (rules.apply('silence', packet, clientId) !== undefined) return
    const answer = rules.apply('answer', packet, clientId)
    if (answer !== undefined) return answer.act?.(packet, this)
    this.#inTurn(() => this.#serve(packet), rules.apply('delay', packet, clientId)?.value)
  }

  /** Runs the step after so many milliseconds, and behind the delayed steps before it; at once if there is nothing to wait for. */
  #inTurn(run: () => void, ms?: number): void {
    if (ms === undefined && this.#delayed.length === 0) return run()
    const step = { run, isDue: ms === undefined }
    this.#delayed.push(step)
    if (ms === undefined) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      step.isDue = true
      this.#guard(() => this.#runDue())
    }, ms)
    this.#timers.add(timer)
  }

  #runDue(): void {
    while (this.#delayed[0]?.isDue === true) this.#delayed.shift()?.run()
  }

  #serve(packet: ControlPacket<Buffer>): void {
    this.#served.receive(packet)
    if (packet.type !== 'connect' || this.#served.clientId === undefined) return
    this.#clientId = this.#served.clientId
    // [MQTT-3.1.2-24] a client that sends no packet for one and a half times Keep Alive is gone
    const ms = packet.keepAlive * 1_000 * this.#host.broker.habits.keepAliveFactor
    if (ms > 0) this.#keepAlive = setTimeout(() => this.#silent(packet.keepAlive), Math.min(ms, maxTimerMs))
  }

  #silent(seconds: number): void {
    if (this.stream.isPaused()) return void this.#keepAlive?.refresh()
    const message = `the client was silent for longer than its Keep Alive of ${seconds} s allows [MQTT-3.1.2-24]`
    this.#fail(new ConnectionLostError(message, { reason: 'timed-out' }))
  }

  #answer(packet: ControlPacket<Buffer>): void {
    if (this.#host.rules.apply('withhold', packet, this.clientId) !== undefined) return
    // The codec refuses to write a reserved Return Code.
    if (packet.type === 'suback' && Array.from(packet.returnCodes).includes(0x8f))
      return this.sendBytes(reservedSuback(packet))
    this.#writer.write(packet)
    if (this.#willFlush) return
    this.#willFlush = true
    process.nextTick(() => {
      this.#willFlush = false
      this.#flush()
    })
  }

  #flush(): void {
    this.sendBytes(Buffer.alloc(0))
  }

  /** Runs code that may throw because of a fault of the client, or because of a function of the test. */
  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#fail(isError(error) ? asViolation(error) : new UsageError('a function of the test threw', { cause: error }))
    }
  }

  #fail(error: Error): void {
    this.#fault ??= error
    // [MQTT-3.1.0-2] a second CONNECT gets no second CONNACK, even if it is malformed
    const returnCode = this.#served.clientId === undefined ? returnCodeFor(error) : 0
    this.#served.end()
    if (returnCode === 0) return void this.stream.destroy()
    this.#answer({ type: 'connack', sessionPresent: false, returnCode })
    this.close()
  }

  #gone(): Error | undefined {
    this.#served.end()
    clearTimeout(this.#keepAlive)
    for (const timer of this.#timers) clearTimeout(timer)
    this.#end =
      this.#fault ?? new ConnectionLostError('the connection ended before such a packet came', { reason: 'closed' })
    this.#host.log.end(this, this.#end)
    this.#host.gone(this, this.#fault)
    return this.#fault
  }
}

/** A SUBACK with any Return Codes: they are its last bytes, one for each Topic Filter. */
function reservedSuback({ packetId, returnCodes }: SubackPacket): Buffer {
  const bytes = encodePacket({ type: 'suback', packetId, returnCodes: new Uint8Array(returnCodes.length) })
  bytes.set(returnCodes, bytes.length - returnCodes.length)
  return bytes
}

/** A packet of the wrong sender is no malformed packet, although the decoder refuses it at its first byte. */
function asViolation(error: Error): Error {
  if (!isMqttError(error) || error.code !== 'MQTT_MALFORMED_PACKET' || error.fault !== 'wrong-sender') return error
  const { message, statement } = error
  // The message is "received SUBACK, which only a server may send, [statement] at byte ...".
  const text = message.replace('received', 'the client sent').replace(/, \[.*/, '')
  return new ProtocolViolationError(text, { violation: 'server-only-packet', statement, cause: error })
}

/** The Return Code for a malformed CONNECT; 0 if it gets no CONNACK. */
function returnCodeFor(error: Error): number {
  if (!isMqttError(error) || error.code !== 'MQTT_MALFORMED_PACKET') return 0
  // [MQTT-3.1.2-2] another version of the protocol
  if (error.fault === 'protocol-level') return 1
  // [MQTT-3.1.3-8] a persistent Session needs a Client Identifier
  return error.fault === 'client-identifier' ? 2 : 0
}

/** Checks the arguments of `receives`. @throws UsageError */
export function requireReceives<Name extends ClientPacketName>(type: Name, options: ReceivesOptions<Name>): void {
  requireName('receives()', type, clientPacketNames)
  requireOptions(`receives('${type}')`, options, waitNames)
  requireMatch(type, options)
  requireSignal('signal', options.signal)
}
