import type { ControlPacket } from '../../../src/codec/control-packet.js'
import { PacketDecoder } from '../../../src/codec/decode/packet-decoder.js'
import { encodePacket } from '../../../src/codec/encode/packet-writer.js'
import { type Configuration, configuration } from '../../model/configuration/configuration.js'
import { named } from '../../model/world/packet-name.js'
import {
  type Answer,
  answer,
  connackRead,
  connectAnswer,
  newServer,
  parking,
  type Server,
  send,
} from '../../model/world/reference-server.js'
import type { SeededRandom } from '../seeded-random.js'
import type { SimulatedLink } from './simulated-link.js'
import type { World } from './world.js'

/** The reference server of the exploration, behind links that carry bytes. */
export class SimulatedServer {
  /** How often each message of the client has come to be the server's. */
  readonly owned: number[]
  /** Sessions that were lost, and how often. */
  losses = 0
  /** What the client did that it may not do. */
  readonly faults: string[] = []
  #server: Server = newServer
  #link: SimulatedLink | undefined
  readonly #world: World
  readonly #random: SeededRandom
  readonly #trouble: () => boolean
  readonly #configuration: Configuration
  /** Messages to the client that have not been handed to `send` yet. */
  #next = 0

  constructor(world: World, random: SeededRandom, trouble: () => boolean) {
    this.#world = world
    this.#random = random
    this.#trouble = trouble
    this.owned = world.outgoing.map(() => 0)
    const { outgoing, incoming, serverTakes } = world
    this.#configuration = configuration('simulation', { outgoing, incoming, serverTakes })
  }

  /** True if nothing is under way to the client, and all has been sent. */
  get settled(): boolean {
    const sending = this.#server.session?.sending.length ?? 0
    return this.#next === this.#world.incoming.length && this.#server.owed.length === 0 && sending === 0
  }

  /** The client tells that it has parked this message. */
  parking(message: number): void {
    this.#server = parking(this.#server, [message])
  }

  accept(link: SimulatedLink): void {
    const decoder = new PacketDecoder()
    link.attach({
      received: (bytes) => {
        try {
          decoder.decode(bytes, (packet) => this.#receive(link, packet))
        } catch (error) {
          // The client sent what no conforming client sends.
          this.faults.push(error instanceof Error ? error.message : String(error))
          decoder.stop()
        }
      },
      gone: () => {
        if (this.#link === link) this.#link = undefined
      },
    })
  }

  /** Sends the next message, if there is a session to send it in. */
  sendNext(): void {
    const message = this.#next
    const qos = this.#world.incoming[message]
    if (qos === undefined || this.#server.session?.subscribed !== true) return
    this.#next += 1
    this.#apply(send(this.#server, message, qos, this.#configuration))
  }

  #receive(link: SimulatedLink, packet: ControlPacket<Buffer>): void {
    if (packet.type === 'connect') {
      this.#link?.cut()
      this.#link = link
      this.#apply(this.#connect())
      return
    }
    if (link !== this.#link) return
    this.#server = connackRead(this.#server)
    this.#apply(answer(this.#server, named(packet), this.#configuration))
  }

  #connect(): Answer {
    const trouble = this.#trouble()
    if (trouble && this.#random.chance(this.#world.refuse))
      return connectAnswer(this.#server, 'refuse', this.#configuration)
    const had = this.#server.session !== undefined
    const decision = trouble && this.#random.chance(this.#world.loseSession) ? 'lose' : 'keep'
    const answered = connectAnswer(this.#server, decision, this.#configuration)
    if (had && answered.sentAnew !== undefined) this.losses += 1
    return answered
  }

  #apply({ server, replies, owns }: Answer): void {
    this.#server = server
    if (owns !== undefined) this.owned[owns] = (this.owned[owns] ?? 0) + 1
    for (const { packet } of replies) {
      // A server that conforms sends no Topic Name that is no text.
      if (packet.type !== 'unnamed-publish') this.#link?.send(encodePacket(packet))
    }
  }
}
