// Driver of pm2: its own client library; the protocol stands in loop.py. NODE_PATH says where pm2 is.
const pm2 = require('pm2')

const call = (method, data) =>
  new Promise((resolve, reject) =>
    pm2.Client.executeRemote(method, data, (error, answer) => (error ? reject(error) : resolve(answer))))

const online = async () =>
  (await call('getMonitorData', {})).filter((one) => one.pm2_env.status === 'online').length

const stopAll = async () => {
  const all = await call('getMonitorData', {})
  await Promise.all(all.map((one) => call('stopProcessId', one.pm_id)))
  return all.length
}

const operations = {
  ping: async () => { await call('getVersion', {}); return null },
  status_all: online, // the same request carries the resource figures
  usage_all: online,
  stop_all: stopAll,
}

const now = () => Number(process.hrtime.bigint()) / 1e3

async function repeat(operation, seconds, most) {
  const times = []
  let value = null
  let error = null
  const begun = now()
  for (;;) {
    const before = now()
    try { value = await operation() } catch (raised) { error = String(raised); break }
    const after = now()
    times.push(after - before)
    if (times.length >= most || after - begun >= seconds * 1e6) break
  }
  const elapsed = (now() - begun) / 1e6
  times.sort((a, b) => a - b)
  const at = (share) => times.length ? times[Math.min(Math.floor(times.length * share), times.length - 1)] : null
  return { done: times.length, elapsed, p50_us: at(0.5), p95_us: at(0.95), worst_us: at(1), value, error }
}

pm2.connect(async () => {
  const lines = require('readline').createInterface({ input: process.stdin })
  for await (const line of lines) {
    const asked = JSON.parse(line)
    const operation = operations[asked.op]
    const answer = operation
      ? await repeat(operation, asked.seconds || 0, asked.most || 1e9)
      : { unsupported: true }
    console.log(JSON.stringify(answer))
  }
  process.exit(0)
})
