import { Broker, roomy } from '../mosquitto/broker.js'
import { CuttingProxy, type Deeds } from './cutting-proxy.js'
import { Load, type LoadReport } from './load.js'

export interface CutConnections extends LoadReport {
  readonly deeds: Deeds
}

/** Both clients reach the broker through a proxy that cuts, stalls, and hands bytes over one at a time. */
export async function cutConnections(options: {
  readonly messagesOfEachQos: number
  readonly seed: number
}): Promise<CutConnections> {
  await using broker = await Broker.start({ settings: roomy })
  await using proxy = await CuttingProxy.start({ host: broker.host, port: broker.port }, options.seed)
  const { host, port } = proxy
  const address = { host, port, keepAlive: 1, pingTimeoutMs: 500, connectTimeoutMs: 1_000 }
  const { messagesOfEachQos } = options
  const load = new Load({ messagesOfEachQos, broker: 'keeps', producer: address, consumer: address })
  try {
    const report = await load.run(async (stopping) => {
      await new Promise((resolve) => stopping.addEventListener('abort', resolve))
      proxy.clear()
    })
    return { ...report, deeds: proxy.deeds }
  } finally {
    load.destroy()
  }
}
