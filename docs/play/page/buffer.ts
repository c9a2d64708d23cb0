/** Browsers have no Buffer, on which the codec works; this one does the same. */
export { Buffer } from 'buffer/index.js'
