/**
 * Looks up the addresses of a name, IPv6 first. Node tries the addresses one after the other (its form of Happy Eyeballs).
 * It alternates between the families, and begins with the family of the first address.
 */
import type { LookupFunction } from 'node:net'
import { ConnectionLostError } from '../errors.js'
import { describeEndpoint, type Endpoint } from './endpoint.js'

/** 0: IPv6 first, then IPv4. 6 or 4: only this family. */
export type AddressFamily = 0 | 4 | 6

/**
 * A lookup for `net.connect` and `tls.connect`. It applies the family itself. If Node got the family, Node would ask for a
 * single address, and give up when that address fails.
 */
export function addressLookup(family: AddressFamily): LookupFunction {
  return lookups[family]
}

function lookupOf(family: AddressFamily): LookupFunction {
  return (hostname, options, callback) => {
    // The hint ADDRCONFIG drops a family for which the machine has no address. That is wrong if the caller chose the family.
    const hints = family === 0 ? options.hints : 0
    process
      .getBuiltinModule('node:dns')
      .lookup(hostname, { ...options, hints, family, all: true, verbatim: true }, (error, found) => {
        if (error !== null) {
          if (family === 0) callback(error, [])
          else lookForOtherFamily(hostname, family, error, (reason) => callback(reason, []))
          return
        }
        const addresses = [...found].sort((one, other) => other.family - one.family)
        if (options.all) callback(null, addresses)
        else callback(null, addresses[0]?.address ?? '', addresses[0]?.family)
      })
  }
}

/** A name without an address of this family looks like an unknown name. A second lookup, for both families, tells the two apart. */
function lookForOtherFamily(hostname: string, family: 4 | 6, error: Error, report: (reason: Error) => void): void {
  process.getBuiltinModule('node:dns').lookup(hostname, (none) => {
    const text = `${hostname} has no IPv${family} address: add one, or allow both families with family 0`
    report(none === null ? new ConnectionLostError(text, { reason: 'name-not-found', cause: error }) : error)
  })
}

/** One function for each family: a socket keeps its lookup in memory, so all sockets share it. */
const lookups: Readonly<Record<AddressFamily, LookupFunction>> = { 0: lookupOf(0), 4: lookupOf(4), 6: lookupOf(6) }

/** Node ignores the family if the host is an address, so an address of the other family is refused here. */
export function familyMismatch(endpoint: Endpoint, family: AddressFamily): ConnectionLostError | undefined {
  const literal = process.getBuiltinModule('node:net').isIP(endpoint.host)
  if (family === 0 || literal === 0 || literal === family) return undefined
  return new ConnectionLostError(
    `${describeEndpoint(endpoint)} is an IPv${literal} address and cannot be reached with family ${family}: ` +
      'name the host, or allow both families with family 0',
    { reason: 'unreachable' },
  )
}
