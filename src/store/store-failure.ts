import { StoreError } from '../errors.js'

/**
 * Anything that went wrong, as a StoreError that says what was being done. The error of the operating system, with its
 * `code` (`ENOSPC`, `EROFS`, `EACCES`, `EIO`), is the `cause`; a StoreError has said all there is to say and stays.
 */
export function storeFailure(doing: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause
  return new StoreError(`${doing}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
}
