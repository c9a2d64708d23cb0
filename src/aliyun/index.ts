/**
 * Alibaba Cloud IoT Platform: the signer, the endpoints and their roots, and the limits of the platform.
 *
 * @module mqtt311/aliyun
 */

export type {
  AnonymousCertificateDevice,
  CertificateDevice,
  Device,
  DeviceIdentity,
  IdentifiedCertificateDevice,
  Renewable,
  SecretDevice,
  TokenDevice,
} from './device.js'
export type { Endpoint, Region } from './endpoint.js'
export { aliyunProfile } from './platform-profile.js'
export { type AliyunOptions, aliyun } from './preset.js'
export { type Registration, registerDevice } from './register-device.js'
export { aliyunRoots } from './roots.js'
export { type SecureMode, type SignConnectInput, type SignedConnect, signConnect } from './sign-connect.js'
export type { SignMethod } from './signature.js'
