/** Captures of connections made by hand. */
import { writeFileSync } from 'node:fs'
import { temporaryFile } from '../cli/program.js'
import { pcap, type SegmentFields } from '../explain/tcp-frames.js'

/** Connections of which the client has sent these segments, in a capture. */
export function captureOf(streams: readonly (readonly Segment[])[], layer: (fields: SegmentFields) => Buffer): string {
  const frames = streams.flatMap((segments, index) => {
    const [clientPort, first] = [40_000 + index, 2 ** 32 - 50]
    return [
      layer({ from: 'client', sequence: first - 1, flags: 'SYN', clientPort }),
      layer({ from: 'server', sequence: 0, flags: 'SYN ACK', clientPort }),
      ...segments.map(({ at, payload }) => layer({ from: 'client', sequence: first + at, payload, clientPort })),
    ]
  })
  const file = temporaryFile('made.pcap')
  writeFileSync(file, pcap(frames, 101))
  return file
}

export interface Segment {
  /** Where in the stream it begins. */
  readonly at: number
  readonly payload: Uint8Array
}

/** Segments of the given sizes, in turn, until all bytes are in one. */
export function cut(bytes: Uint8Array, sizes: readonly number[]): Segment[] {
  const segments: Segment[] = []
  for (let at = 0; at < bytes.length; at = at + (segments.at(-1)?.payload.length ?? 0)) {
    segments.push({ at, payload: bytes.subarray(at, at + (sizes[segments.length % sizes.length] ?? 1)) })
  }
  return segments
}
