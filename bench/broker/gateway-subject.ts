/**
 * Many devices behind one process, each with a connection of its own on which it publishes now and then at QoS 1. With 'raw' they are
 * bare sockets that write the same packets, and read only how many bytes come: nothing can cost less.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { encodePacket } from 'mqtt311/codec'
import { payload } from '../measure/sample-message.js'
import { ours, theirs } from '../measure/subjects.js'

export interface Gateway {
  readonly client: 'ours' | 'theirs' | 'raw'
  readonly port: number
  readonly devices: number
  /** Between two messages of one device. */
  readonly everyMs: number
}

/** CPU time of each message, in microseconds. */
export type Cost = number

const topicOf = (device: number) => `plant/line-7/robot-${device}/torque`

interface Device {
  /** Resolves when the message is acknowledged. */
  publish(): Promise<unknown>
}

async function deviceOf({ client, port }: Gateway, device: number): Promise<Device> {
  if (client === 'raw') return new RawDevice(port, device).connected(device)
  const subject = await (client === 'ours' ? ours({ port }) : theirs({ port }))
  return { publish: () => subject.publish(topicOf(device), payload, 1) }
}

/** One read buffer serves all of them. */
const buffer = Buffer.allocUnsafeSlow(65_536)

class RawDevice implements Device {
  readonly #socket: Socket
  readonly #publish: Buffer
  #answered = (): void => {}

  constructor(port: number, device: number) {
    const message = { type: 'publish', topic: topicOf(device), payload, retain: false } as const
    this.#publish = Buffer.from(encodePacket({ ...message, qos: 1, packetId: 1, dup: false }))
    const callback = () => {
      this.#answered()
      return true
    }
    this.#socket = connect({ host: '::1', port, noDelay: true, onread: { buffer, callback } })
  }

  async connected(device: number): Promise<this> {
    await once(this.#socket, 'connect')
    const connacked = this.#answer()
    const connectPacket = { type: 'connect', clientId: `raw-${device}`, cleanSession: true, keepAlive: 60 } as const
    this.#socket.write(encodePacket(connectPacket))
    await connacked
    return this
  }

  publish(): Promise<void> {
    this.#socket.write(this.#publish)
    return this.#answer()
  }

  #answer(): Promise<void> {
    return new Promise((resolve) => {
      this.#answered = resolve
    })
  }
}

let acknowledged = 0
const count = () => {
  acknowledged += 1
}

async function measure(ms: number): Promise<Cost> {
  const [before, from] = [process.cpuUsage(), acknowledged]
  await pause(ms)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / (acknowledged - from)
}

const [gateway]: Gateway[] = await once(process, 'message')
if (gateway === undefined) throw new Error('the parent said nothing')
const devices: Device[] = []
for (let device = 0; device < gateway.devices; device += 1) devices.push(await deviceOf(gateway, device))

/**
 * One after the other, each at its time, on one timer: with a timer for each device it would be chance how many of them share a turn of
 * the event loop, and so its cost.
 */
function startPublishing({ everyMs }: Gateway): NodeJS.Timeout {
  const startedAt = performance.now()
  let published = 0
  return setInterval(() => {
    const due = ((performance.now() - startedAt) / everyMs) * devices.length
    for (; published < due; published += 1) void devices[published % devices.length]?.publish().then(count)
  }, 1)
}

process.on('message', async (ms: number) => {
  // Nobody publishes between two rounds.
  const timer = startPublishing(gateway)
  await measure(ms / 4)
  const cost = await measure(ms)
  clearInterval(timer)
  process.send?.(cost)
})
process.on('disconnect', () => process.exit())
process.send?.(0)
