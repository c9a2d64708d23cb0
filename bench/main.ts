/** `npm run bench` runs all benchmarks, `npm run bench -- codec` the named ones. */

export {}

const benchmarks: Readonly<Record<string, () => Promise<{ run(): Promise<void> }>>> = {
  codec: () => import('./codec.js'),
  sink: () => import('./against-sink.js'),
  journal: () => import('./journal.js'),
  platform: () => import('./platform.js'),
}

const names = process.argv.slice(2)
for (const name of names.length > 0 ? names : Object.keys(benchmarks)) {
  const load = benchmarks[name]
  if (load === undefined) throw new Error(`no benchmark "${name}"; there is ${Object.keys(benchmarks).join(', ')}`)
  const benchmark = await load()
  await benchmark.run()
}
