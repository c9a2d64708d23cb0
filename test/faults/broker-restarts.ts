import { setTimeout as delay } from 'node:timers/promises'
import { Broker, roomy } from '../mosquitto/broker.js'
import { Load, type LoadReport } from './load.js'
import { Seed } from './seed.js'

export interface BrokerRestarts extends LoadReport {
  readonly restarts: number
}

/** A broker that is killed comes back with what it knew some hundred changes before. */
const savesOften = ['autosave_on_changes true', 'autosave_interval 500']

/**
 * The broker is stopped and started again every few hundred milliseconds while messages go out and come in. Told by SIGTERM it writes
 * everything to disk before it ends; killed by SIGKILL it comes back with what it had written a while before.
 */
export async function restartBroker(options: {
  readonly signal: 'SIGTERM' | 'SIGKILL'
  readonly messagesOfEachQos: number
  readonly seed: number
}): Promise<BrokerRestarts> {
  const seed = new Seed(options.seed)
  const { messagesOfEachQos, signal } = options
  const settings = signal === 'SIGKILL' ? [...roomy, ...savesOften] : roomy
  await using broker = await Broker.start({ persistence: true, settings })
  const address = { url: broker.url }
  const memory = signal === 'SIGKILL' ? 'forgets' : 'keeps'
  const load = new Load({ messagesOfEachQos, broker: memory, producer: address, consumer: address })
  let restarts = 0
  try {
    const report = await load.run(async (stopping) => {
      await load.underWay()
      while (!stopping.aborted) {
        await broker.restart(signal)
        restarts += 1
        await delay(seed.between(50, 450))
      }
    })
    return { ...report, restarts }
  } finally {
    load.destroy()
  }
}
