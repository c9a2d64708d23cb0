/** Alibaba Cloud IoT Platform: the signer, the endpoints and their roots, and what the platform allows. */

export { type SecureMode, type SignConnectInput, type SignedConnect, signConnect } from './sign-connect.js'
export type { SignMethod } from './signature.js'
