import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { connect } from 'mqtt311'

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { workerData: process.env.MQTT_URL ?? 'mqtt://[::1]' })
  worker.on('message', (text) => console.log(text))
  // A worker gets no signals. `terminate()` would not let it finish: the server would publish the will.
  process.once('SIGTERM', () => worker.postMessage('end'))
  await once(worker, 'exit')
} else {
  // A client cannot be passed from thread to thread: each thread makes its own, with a Client Identifier of its own.
  const client = await connect(String(workerData), { clientId: 'orders-worker' })
  parentPort?.once('message', () => client.end())
  await client.subscribe('orders/#', { qos: 1 }, (message) => {
    // Text and objects are copied. The memory of a payload cannot be transferred: other messages are in it too.
    parentPort?.postMessage(`${message.topic} ${message.text()}`)
  })
  parentPort?.postMessage('subscribed')
}
