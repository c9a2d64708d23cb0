/** What people give to `explain` by mistake, told by its first bytes or characters. */

/** By their first bytes: formats that hold other data, perhaps packets, in a form that is not read here. */
const magics: readonly (readonly [start: string, what: string])[] = [
  ['1f8b', 'gzip: unpack it first, as by zcat'],
  ['28b52ffd', 'Zstandard: unpack it first, as by zstdcat'],
  ['fd377a58', 'xz: unpack it first, as by xzcat'],
  ['425a68', 'bzip2: unpack it first, as by bzcat'],
  ['504b0304', 'a ZIP archive: unpack it first'],
  ['89504e47', 'a PNG picture'],
  ['ffd8ff', 'a JPEG picture'],
  ['47494638', 'a GIF picture'],
  ['25504446', 'a PDF document'],
  ['7f454c46', 'a program (ELF)'],
  ['160301', 'the start of TLS: the packets are encrypted; explain a capture of it with --keylog'],
  ['160303', 'the start of TLS: the packets are encrypted; explain a capture of it with --keylog'],
  ['170303', 'data of TLS: the packets are encrypted; explain a capture of it with --keylog'],
  ['150301', 'an alert of TLS: one side has refused the other'],
  ['150303', 'an alert of TLS: one side has refused the other'],
  ['736e6f6f', 'a capture of snoop: turn it into pcap, as by tshark -r FILE -w FILE.pcap'],
  ['54525358', 'a capture of a trace program: turn it into pcap'],
]

/** Undefined for bytes that may be packets. */
export function foreignBytes(bytes: Uint8Array): string | undefined {
  const start = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return magics.find(([magic]) => start.startsWith(magic))?.[1]
}

/** By their characters. The first that fits says it. */
const texts: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/^-----BEGIN /, 'a certificate or a key in PEM'],
  [/^(GET|POST|PUT|HEAD|OPTIONS|CONNECT) \S+ HTTP\/1/, 'a request of HTTP'],
  [/^HTTP\/1\.\d \d{3}/, 'an answer of HTTP: the port was that of a web server'],
  [
    /^(\w+_TRAFFIC_SECRET_0|CLIENT_RANDOM|#.*SSL\/TLS secrets) /,
    'a key log of TLS: give it by --keylog, beside a capture',
  ],
  [/^\s*<(!doctype|html|\?xml)/i, 'HTML or XML'],
  [/^[{[]/, 'JSON'],
  [/^mqtts?:\/\//, 'the address of a server'],
  [/^\d+: (New connection|Client|Sending|Received|mosquitto)/, 'the log of mosquitto, which has no bytes'],
  [/^\s*\d+\s+\d+\.\d+ .* MQTT /, 'the packet list of tshark: write tshark -x, or give the capture itself'],
  [/^\d\d:\d\d:\d\d\.\d+ (IP6?|lo|eth)/, 'the packet list of tcpdump: write tcpdump -X, or give the capture itself'],
]

/** What a text is that is no form of bytes. */
export function foreignText(text: string): string {
  const found = texts.find(([pattern]) => pattern.test(text.slice(0, 1_000)))
  return found?.[1] ?? 'words'
}
