import { expect, it } from 'vitest'
import { aliyun } from '../../src/aliyun/index.js'

// This file has a process of its own, because the warning comes once in a process.
it('a process is told once that the IPv6 host is not for production', async () => {
  const secret = { productKey: 'a1Pk', deviceName: 'lamp', deviceSecret: 'the-secret' }
  const texts: string[] = []
  process.on('warning', ({ name, message }) => {
    if (name === 'Mqtt311Warning') texts.push(message)
  })
  aliyun(secret, { endpoint: 'product' })
  expect(() => aliyun(secret, { region: 'us-west-1' })).toThrow('"ipv6" is in cn-shanghai only')
  aliyun(secret)
  aliyun(secret, { endpoint: 'ipv6' })
  await new Promise((resolve) => setImmediate(resolve))
  expect(texts).toEqual([
    'the host ipv6.itls.cn-shanghai.aliyuncs.com is for tests only: in production use endpoint "product" or { instanceId }',
  ])
})
