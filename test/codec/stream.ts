/** Ways to feed a decoder, and what comes out: the packets, and the error that ended it, if one did. */
import { type ControlPacket, isMqttError, type MalformedPacketError, PacketDecoder } from 'mqtt311/codec'

export interface Outcome {
  readonly packets: ControlPacket<Buffer>[]
  readonly error: MalformedPacketError | undefined
}

/** Feeds the bytes in pieces of `size` and then ends the stream. */
export function decodeInPieces(bytes: Uint8Array, size: number, decoder = new PacketDecoder()): Outcome {
  const pieces: Uint8Array[] = []
  for (let from = 0; from < bytes.length; from += size) pieces.push(bytes.subarray(from, from + size))
  return decodePieces(pieces, decoder)
}

export function decodePieces(pieces: readonly Uint8Array[], decoder = new PacketDecoder()): Outcome {
  const packets: ControlPacket<Buffer>[] = []
  const error = malformedBy(() => {
    for (const piece of pieces) decoder.decode(piece, (packet) => packets.push(packet))
    decoder.end()
  })
  return { packets, error }
}

/** The `MalformedPacketError` that `action` throws; any other error is a failure of the test. */
export function malformedBy(action: () => void): MalformedPacketError | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    if (isMqttError(error) && error.code === 'MQTT_MALFORMED_PACKET') return error
    throw error
  }
}

/** A PUBLISH at QoS 0 with this payload. */
export function publishOf(payload: Buffer, topic = 'a/b'): ControlPacket<Buffer> {
  return { type: 'publish', topic, payload, retain: false, qos: 0 }
}
