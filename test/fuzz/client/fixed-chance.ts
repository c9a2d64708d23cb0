/**
 * A client draws some numbers once in a process, when its modules are loaded. They have to be the same in every process, or a seed would
 * not repeat a run. So this module is imported before those of the client, and who imports it gives the real numbers back.
 */
export const systemRandom = Math.random

Math.random = () => 0.25
