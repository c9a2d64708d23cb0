import type { MqttClient } from 'mqtt'
import { describe, expect, it } from 'vitest'
import type { Platform } from '../../fixtures/platform/index.js'
import { client as clientIdentity, unknownIssuer } from '../../fixtures/tls/index.js'
import { sign } from '../../src/aliyun/signature.js'
import { wireClientId } from '../../src/aliyun/wire-client-id.js'
import { closed, foreign, lamp, nextMessage, online, platformWith, refusal, returnCodeOf } from './foreign-device.js'

describe('a device registers itself', () => {
  const product = { productKey: 'a1Pk', productSecret: 'the secret of the product', instanceId: 'iot-1' }

  /** A client that is registering. */
  function registering(platform: Platform, deviceName: string, parameters: [string, string][]): MqttClient {
    const random = 'r1'
    const password = sign('hmacsha256', product.productSecret, { deviceName, productKey: 'a1Pk', random })
    const clientId = wireClientId('mac', [...parameters, ['random', random], ['signmethod', 'hmacsha256']])
    return foreign(platform, { clientId, username: `${deviceName}&a1Pk`, password })
  }

  /** What the platform pushes to it, or the Return Code of its refusal. */
  async function registration(
    platform: Platform,
    deviceName: string,
    parameters: [string, string][],
  ): Promise<unknown> {
    return nextMessage(registering(platform, deviceName, parameters)).catch(returnCodeOf)
  }

  it('and gets its secret if it was entered in advance', async () => {
    const platform = await platformWith({ products: [product] })
    const parameters: [string, string][] = [
      ['securemode', '2'],
      ['authType', 'register'],
    ]
    expect(await registration(platform, 'lamp', parameters)).toEqual({
      topic: '/ext/register',
      text: JSON.stringify(lamp),
      qos: 1,
    })
    expect(await registration(platform, 'unknown', parameters)).toBe(5)
    expect(await registration(platform, 'lamp', [...parameters, ['random', 'twice']])).toBe(2)
  })

  it('and gets a token that lets it in, if nobody entered it', async () => {
    const platform = await platformWith({ products: [product] })
    const parameters: [string, string][] = [
      ['securemode', '-2'],
      ['authType', 'regnwl'],
    ]
    expect(await registration(platform, 'new', parameters)).toBe(5)
    const answer = await nextMessage(registering(platform, 'new', [...parameters, ['instanceId', 'iot-1']]))
    expect(answer.topic).toBe('/ext/regnwl')
    const { clientId, deviceToken } = JSON.parse(answer.text)
    await online(platform, {
      clientId: `${clientId}|securemode=-2,authType=connwl|`,
      username: 'new&a1Pk',
      password: deviceToken,
    })
  })

  it('and is cut off some time later, whatever it sends', async () => {
    const platform = await platformWith({ products: [product], registrationMs: 1 })
    const parameters: [string, string][] = [
      ['securemode', '2'],
      ['authType', 'register'],
    ]
    await closed(registering(platform, 'lamp', parameters))
    expect(platform.seen).toMatchObject({ online: 0, cuts: 0, violations: [] })
    expect(platform.seen.connectsWith(0)).toBe(1)
  })
})

describe('a device with a certificate', () => {
  const devices = [{ productKey: 'a1Pk', deviceName: 'cert', certificate: clientIdentity.cert }, lamp]

  it('is told its names, and may show them later', async () => {
    const platform = await platformWith({ devices })
    const anonymous = foreign(platform, { clientId: '.|securemode=2|', username: '', password: '', ...clientIdentity })
    const { topic: told, text } = await nextMessage(anonymous)
    expect([told, text]).toEqual(['/ext/auth/identity/response', '{"productKey":"a1Pk","deviceName":"cert"}'])
    await online(platform, { clientId: 'a|securemode=2|', username: 'cert&a1Pk', password: '', ...clientIdentity })
  })

  it('is refused without the certificate, or with one that is not its own', async () => {
    const platform = await platformWith({ devices })
    const named = { clientId: 'a|securemode=2|', username: 'cert&a1Pk', password: '' }
    expect(await refusal(platform, named)).toBe(4)
    expect(await refusal(platform, { ...named, ...unknownIssuer })).toBe(4)
    expect(await refusal(platform, { ...named, username: 'lamp&a1Pk', ...clientIdentity })).toBe(4)
    expect(await refusal(platform, { ...named, password: 'x', ...clientIdentity })).toBe(4)
    expect(await refusal(platform, { ...named, username: '', password: 'x', ...clientIdentity })).toBe(4)
  })
})
