/**
 * A client in a process of its own, so that nothing else is counted as its CPU time. It does what its parent orders, a piece of work
 * at a time, and tells what that took.
 */
import { once } from 'node:events'
import { type Throughput, throughput } from '../clients/throughput.js'
import { machineMs } from '../measure/machine.js'
import { payload, topic } from '../measure/sample-message.js'
import {
  Countdown,
  type OurOptions,
  ours,
  publishMany,
  type QoS,
  type Server,
  type Subject,
  theirs,
} from '../measure/subjects.js'

export interface Holder {
  readonly client: 'ours' | 'theirs'
  readonly options?: OurOptions
  readonly server: Server
  /** The topic from which it receives. */
  readonly topic: string
}

export type Order =
  /** If it publishes, then `width` messages wait at any time for their acknowledgement, or for room in the window. */
  | { readonly does: 'receive' | 'publish'; readonly qos: QoS; readonly width: number; readonly messages: number }
  /** Notes when each message comes. */
  | { readonly does: 'listen'; readonly messages: number }

export type Report =
  | { readonly is: 'ready' }
  /** So many messages are wanted now. */
  | { readonly is: 'waiting'; readonly messages: number }
  | { readonly is: 'measured'; readonly throughput: Throughput }
  /** Milliseconds on the clock of the machine, which all processes share. */
  | { readonly is: 'heard'; readonly at: readonly number[] }

const report = (told: Report) => process.send?.(told)

class Receiver {
  readonly #countdown = new Countdown()
  readonly #arrivals: number[] = []
  #notes: 'nothing' | 'arrivals' = 'nothing'

  readonly received = (): void => {
    if (this.#notes === 'arrivals') this.#arrivals.push(machineMs())
    this.#countdown.count()
  }

  receive(messages: number): Promise<void> {
    const done = this.#countdown.start(messages)
    report({ is: 'waiting', messages })
    return done
  }

  async listen(messages: number): Promise<readonly number[]> {
    this.#notes = 'arrivals'
    await this.receive(messages)
    this.#notes = 'nothing'
    return this.#arrivals.splice(0)
  }
}

async function follow(order: Order, client: Subject, receiver: Receiver): Promise<Report> {
  const { messages } = order
  switch (order.does) {
    case 'receive':
      return { is: 'measured', throughput: await throughput(messages, (count) => receiver.receive(count)) }
    case 'publish': {
      const publish = () => client.publish(topic, payload, order.qos)
      const work = (count: number) => publishMany(count, order.width, publish)
      return { is: 'measured', throughput: await throughput(messages, work) }
    }
    case 'listen':
      return { is: 'heard', at: await receiver.listen(messages) }
  }
}

const [holder]: Holder[] = await once(process, 'message')
if (holder === undefined) throw new Error('the parent said nothing')
const { server, options } = holder
const client = await (holder.client === 'ours' ? ours(server, options) : theirs(server))
const receiver = new Receiver()
await client.subscribe(holder.topic, 2, receiver.received)
process.on('message', async (order: Order) => report(await follow(order, client, receiver)))
process.on('disconnect', () => process.exit())
report({ is: 'ready' })
