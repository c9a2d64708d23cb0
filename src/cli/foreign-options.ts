/** Options of mosquitto_pub, mosquitto_sub and the MQTT.js CLI that this command does not have, and what to do instead. */

const mqtt5 = 'it belongs to MQTT 5, and this client speaks 3.1.1 only'
const properties = 'properties belong to MQTT 5, and this client speaks 3.1.1 only'
const byteStream = 'a program can pass the library a stream'
const preSharedKeys = 'pre-shared keys are not supported; use certificates, --cafile, --cert and --key'
const protocol = 'write --tls or mqtts:// for TLS; it stands for the protocol in MQTT.js'
const pemFile = 'the key has to be in a file, in PEM, without engine'
const filtering =
  'leave it out: sub prints all messages; -R hides retained ones, -T those of a filter, %r in -F marks retained ones'

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
  ['psk', preSharedKeys],
  ['psk-identity', preSharedKeys],
  ['nodelay', 'TCP_NODELAY is always set; leave it out'],
  ['S', 'DNS SRV records are not looked up; name the host by -h'],
  ['tls-use-os-certs', 'write --tls: without --cafile the roots of Node.js are trusted'],
  ['tls-version', 'TLS 1.2 is the least, and the newest that both sides know is used'],
  ['ciphers', 'the ciphers are those of Node.js; NODE_OPTIONS=--tls-cipher-list=... chooses others'],
  ['tls-keylog', 'write NODE_OPTIONS=--tls-keylog=FILE in front of the command'],
  ['tls-engine', pemFile],
  ['keyform', pemFile],
  ['no-tls', 'there is no TLS unless it is asked for; leave it out'],
  ['pretty', 'pipe the output of --json into a program such as jq'],
  ['repeat', 'repeat the lines in standard input and use -l'],
  ['repeat-delay', 'pause between the lines of standard input and use -l'],
  ['o', 'write the options on the command line, or MQTT_URL and its like into the environment'],
  ['retained-only', filtering],
  ['remove-retained', 'clear a topic by: mqtt311 pub -t TOPIC -r -n'],
  ['random-filter', filtering],
  ['C', protocol],
  ['l', protocol],
  ['clean', 'a clean session is the default; leave it out'],
  ['H', 'for help write --help'],
])

/** Undefined for an option that those commands do not have either. */
export function adviceForForeign(name: string): string | undefined {
  return advice.get(name)
}
