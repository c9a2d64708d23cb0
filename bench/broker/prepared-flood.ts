/**
 * A publisher that costs next to nothing: it writes blocks of packets that were encoded before. So the broker or the client that receives
 * is the limit, where mosquitto_pub with its 35,000 messages a second would be.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type ControlPacket, encodePacket } from 'mqtt311/codec'
import { payload } from '../measure/sample-message.js'
import type { QoS } from '../measure/subjects.js'

const packetsOfBlock = 500
/** So many blocks may be unacknowledged. Each has its own Packet Identifiers. */
const blocksMax = 40
const pubackBytes = 4
const connackBytes = 4

function packetOf(topic: string, qos: QoS, packetId: number): ControlPacket {
  const message = { type: 'publish', topic, payload, retain: false, dup: false } as const
  return qos === 0 ? { ...message, qos } : { ...message, qos, packetId }
}

function blocksOf(topic: string, qos: QoS): readonly Buffer[] {
  return Array.from({ length: blocksMax }, (_, block) =>
    Buffer.concat(
      Array.from({ length: packetsOfBlock }, (_, index) =>
        encodePacket(packetOf(topic, qos, 1 + block * packetsOfBlock + index)),
      ),
    ),
  )
}

/** The bytes that the server has sent. */
class Answers {
  #bytes = 0
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (bytes) => {
      this.#bytes += bytes.length
    })
  }

  async reach(bytes: number): Promise<void> {
    while (this.#bytes < bytes) await once(this.#socket, 'data')
  }
}

/** Publishes at QoS 0 or 1. Resolves when the server has acknowledged all, or at QoS 0 when all is written. */
export async function preparedFlood(port: number, topic: string, qos: 0 | 1, messages: number): Promise<void> {
  const blocks = blocksOf(topic, qos)
  const socket = connect({ host: '::1', port, noDelay: true })
  const answers = new Answers(socket)
  socket.write(encodePacket({ type: 'connect', clientId: `flood-${process.pid}`, cleanSession: true, keepAlive: 0 }))
  await answers.reach(connackBytes)
  const acknowledged = (count: number) => answers.reach(connackBytes + (qos === 0 ? 0 : pubackBytes * count))
  for (let sent = 0, block = 0; sent < messages; block += 1) {
    const bytes = blocks[block % blocksMax] ?? Buffer.alloc(0)
    const count = Math.min(packetsOfBlock, messages - sent)
    const part = bytes.subarray(0, (bytes.length / packetsOfBlock) * count)
    await acknowledged(sent - (blocksMax - 1) * packetsOfBlock)
    if (!socket.write(part)) await once(socket, 'drain')
    sent += count
  }
  await acknowledged(messages)
  socket.end(encodePacket({ type: 'disconnect' }))
  await once(socket, 'close')
}
