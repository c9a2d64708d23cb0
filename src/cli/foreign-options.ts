/** Options of mosquitto_pub, mosquitto_sub and the MQTT.js CLI that this command does not have, and what to do instead. */

const mqtt5 = 'it belongs to MQTT 5, and this client speaks 3.1.1 only'
const properties = 'properties belong to MQTT 5, and this client speaks 3.1.1 only'
const byteStream = 'a program can pass the library a stream'
const protocol = 'write --tls or mqtts:// for TLS; it stands for the protocol in MQTT.js'
const pemFile = 'the key has to be in a file, in PEM, without engine'

const advice: ReadonlyMap<string, string> = new Map([
  [
    'insecure',
    'verification is never switched off; pass the root of the server by --cafile, or its name by --servername',
  ],
  ['property', properties],
  ['D', properties],
  ['session-expiry-interval', `${mqtt5}; -c keeps the session`],
  ['x', `${mqtt5}; -c keeps the session`],
  ['retain-as-published', mqtt5],
  ['retain-handling', `${mqtt5}; -R hides retained messages`],
  ['ws', `WebSocket is not built in; ${byteStream}`],
  ['proxy', `proxies are not built in; ${byteStream}`],
  ['nodelay', 'TCP_NODELAY is always set; leave it out'],
  ['S', 'DNS SRV records are not looked up; name the host by -h'],
  ['tls-use-os-certs', 'write --tls: without --cafile the roots of Node.js are trusted'],
  ['tls-engine', pemFile],
  ['tls-engine-kpass-sha1', pemFile],
  ['keyform', pemFile],
  ['no-tls', 'there is no TLS unless it is asked for; leave it out'],
  ['C', protocol],
  ['l', protocol],
  ['clean', 'a clean session is the default; leave it out'],
  ['H', 'for help write --help'],
])

/** Undefined for an option that those commands do not have either. */
export function adviceForForeign(name: string): string | undefined {
  return advice.get(name)
}
