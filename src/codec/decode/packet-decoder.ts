import { UsageError } from '../../errors.js'
import { outline } from '../field-checks.js'
import { MAX_PACKET_BYTES } from '../fixed-header.js'
import { decodeBody } from './client-bodies.js'
import { type PacketDecoderOptions, StreamDecoder } from './stream-decoder.js'

/**
 * Turns a stream of bytes, cut anywhere, into Control Packets. It checks every rule that concerns a single packet.
 *
 * @example
 * ```ts
 * import { PacketDecoder } from 'mqtt311/codec'
 *
 * const decoder = new PacketDecoder({ maxPacketBytes: 65_536 })
 * decoder.decode(Buffer.of(0xd0)) // the first of two bytes
 * for (const packet of decoder.decode(Buffer.of(0x00))) console.log(packet.type) // prints: pingresp
 * ```
 */
export class PacketDecoder<Strict extends boolean = true> extends StreamDecoder<Strict> {
  /** @throws UsageError for an option of the wrong type, and for a `maxPacketBytes` that is not an integer from 2 to 268,435,460. */
  constructor(options: PacketDecoderOptions<Strict> = {}) {
    const { maxPacketBytes = MAX_PACKET_BYTES, from, maxReturnCodes, strict = true, onAnomaly } = options
    if (!Number.isInteger(maxPacketBytes) || maxPacketBytes < 2 || maxPacketBytes > MAX_PACKET_BYTES) {
      throw new UsageError(
        `maxPacketBytes has to be an integer from 2 to ${MAX_PACKET_BYTES}, not ${outline(maxPacketBytes)}`,
      )
    }
    if (from !== undefined && from !== 'server' && from !== 'client') {
      throw new UsageError(`from has to be 'server' or 'client', not ${outline(from)}`)
    }
    if (maxReturnCodes !== undefined && typeof maxReturnCodes !== 'function') {
      throw new UsageError(`maxReturnCodes has to be a function, not ${outline(maxReturnCodes)}`)
    }
    // Only the boolean false: a decoder must not be lenient by mistake.
    if (typeof strict !== 'boolean') throw new UsageError(`strict has to be true or false, not ${outline(strict)}`)
    if (onAnomaly !== undefined && typeof onAnomaly !== 'function') {
      throw new UsageError(`onAnomaly has to be a function, not ${outline(onAnomaly)}`)
    }
    super(options, decodeBody)
  }
}
