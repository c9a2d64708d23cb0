/** What a capture is made of. */

/** What a network card has seen at a moment. */
export interface Frame {
  /** The frame, or the first part of it if the capture has cut it. */
  readonly bytes: Uint8Array
  /** LINKTYPE_ of the registry of tcpdump: what the first bytes are. */
  readonly linkType: number
  /** Microseconds since 1970; undefined if nobody knows. */
  readonly atUs: number | undefined
}

export interface Capture {
  readonly frames: readonly Frame[]
  /** Why nothing is read behind the last frame; undefined if the file is whole. */
  readonly fault?: string | undefined
  /** Key logs of TLS that are in the file. */
  readonly tlsSecrets: string
}
