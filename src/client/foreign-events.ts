/** Events that the clients of other libraries have, and what to use here. */
const advices: ReadonlyMap<string | symbol, string> = new Map([
  ['message', 'pass a handler to subscribe(), or give the option onMessage'],
  ['error', "await client.closed, or listen for 'close'"],
  ['connect', "await connect(), or listen for 'online'"],
  ['reconnect', "listen for 'online'"],
])

const warned = new Set<string | symbol>()

/** A listener for the event of another client would wait for ever: said once for each event. Listens to 'newListener'. */
export function warnOfForeignEvent(name: string | symbol, listener: { readonly name: string }): void {
  const advice = advices.get(name)
  if (advice === undefined || warned.has(name)) return
  // `once(client, 'online')` of node:events listens for 'error' as well, under this name: that is no habit from elsewhere.
  if (name === 'error' && listener.name === 'errorListener') return
  warned.add(name)
  process.emitWarning(`mqtt311 has no '${String(name)}' event: ${advice}`, 'Mqtt311Warning')
}
