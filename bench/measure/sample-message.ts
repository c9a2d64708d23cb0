/** 35 bytes, as in `/ProductKey/DeviceName/user/update`. */
export const topic = 'plant/line-7/robot-42/joint/3/torque'.slice(0, 35)

/** 64 bytes, as a small reading in JSON. */
export const payload = Buffer.alloc(64, 'payload ')
