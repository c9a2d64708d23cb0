import { connect } from 'mqtt311'
import { aliyun, aliyunProfile, type Device, signConnect } from 'mqtt311/aliyun'

const device: Device = { productKey: 'a1b2c3', deviceName: 'lamp', deviceSecret: process.env.DEVICE_SECRET ?? '' }

export async function main(): Promise<void> {
  const client = await connect(aliyun(device, { keepAlive: 360 }))
  await client.publish('/a1b2c3/lamp/user/update', '{}', { qos: 1 })
  const { clientId, username, password } = signConnect({
    productKey: 'pk',
    deviceName: 'device',
    deviceSecret: 'secret',
    signMethod: 'hmacsha256',
    timestamp: 789,
    extensions: { lan: 'TypeScript' },
  })
  const parts: string[] = [clientId, username, password]
  console.log(parts.length, aliyunProfile.maxQos)
  // @ts-expect-error the platform knows four methods, and crc32 is none of them
  signConnect({ productKey: 'pk', deviceName: 'd', deviceSecret: 's', signMethod: 'crc32' })
}
