import { connect, type MessageHandler } from 'mqtt311'
import { fileStore, memoryStore, type SessionStore } from 'mqtt311/store'

const orders: MessageHandler = async (message) => console.log(message.text())

export async function main(): Promise<void> {
  const store: SessionStore = fileStore('/var/lib/shop/mqtt', { fsync: { everyMs: 100 } })
  const client = await connect('mqtts://broker.example', {
    clientId: 'shop-1',
    store,
    handlers: { 'orders/#': orders },
    onMessage: (message) => console.warn('unexpected', message.topic),
    onHandlerError: (error, message) => (message.dup && error instanceof RangeError ? 'acknowledge' : 'redeliver'),
    receiveWindow: 4,
  })
  await client.publish('stock/7', '12', { qos: 2, until: 'stored' })
  await connect('mqtt://localhost', { clientId: 'x', cleanSession: false, store: memoryStore() })
}
