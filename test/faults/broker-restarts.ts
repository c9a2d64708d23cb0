import { setTimeout as delay } from 'node:timers/promises'
import { Broker, roomy } from '../mosquitto/broker.js'
import { Load, type LoadReport } from './load.js'
import { Seed } from './seed.js'

export interface BrokerRestarts extends LoadReport {
  readonly restarts: number
}

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
  const autosave = options.signal === 'SIGKILL' ? ['autosave_interval 1'] : []
  await using broker = await Broker.start({ persistence: true, settings: [...roomy, ...autosave] })
  const { messagesOfEachQos } = options
  const load = new Load({ messagesOfEachQos, producer: { url: broker.url }, consumer: { url: broker.url } })
  let restarts = 0
  try {
    const report = await load.run(async (stopping) => {
      while (!stopping.aborted) {
        await delay(seed.between(150, 450))
        await broker.restart(options.signal)
        restarts += 1
      }
    })
    return { ...report, restarts }
  } finally {
    load.destroy()
  }
}
