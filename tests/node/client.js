// A client of the signal bus in another language: joins, answers ping, describes and runs a method, ends when told.
// It knows only docs/reference/bus.md. Messages are JSON; the server answers in kind.
"use strict"

const crypto = require("node:crypto")
const fs = require("node:fs")
const { Dealer } = require("zeromq")

const seq = Number(process.env.VISCRIPT_SEQ)
const generation = Number(process.env.VISCRIPT_GENERATION)
const session = crypto.randomBytes(8).toString("hex")

const methods = [
  { name: "double", summary: "Twice the number.", params: { type: "object", properties: { n: { type: "number" } } } },
]

const Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

// ZeroMQ's own spelling of keys: five characters for four bytes.
function z85(bytes) {
  let text = ""
  for (let at = 0; at < bytes.length; at += 4) {
    let word = bytes.readUInt32BE(at)
    let digits = ""
    for (let i = 0; i < 5; i++, word = Math.floor(word / 85)) digits = Z85[word % 85] + digits
    text += digits
  }
  return text
}

function publicOf(secret) {
  const head = Buffer.from("302e020100300506032b656e04220420", "hex") // what PKCS#8 puts before an X25519 secret
  const key = crypto.createPrivateKey({ key: Buffer.concat([head, secret]), format: "der", type: "pkcs8" })
  return crypto.createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32)
}

// Over tcp: the token from its descriptor, and the keys that follow from it.
function takeToken(socket) {
  const descriptor = Number(process.env.VISCRIPT_TOKEN_FD)
  const token = fs.readFileSync(descriptor, "ascii")
  fs.closeSync(descriptor)
  const salt = Buffer.alloc(0)
  const secret = Buffer.from(crypto.hkdfSync("sha256", Buffer.from(token, "hex"), salt, "viscript app curve 1", 32))
  socket.curveServerKey = z85(Buffer.from(process.env.VISCRIPT_SERVER_KEY, "hex"))
  socket.curveSecretKey = z85(secret)
  socket.curvePublicKey = z85(publicOf(secret))
  return token
}

async function main() {
  const socket = new Dealer({ linger: 200 })
  const token = process.env.VISCRIPT_TOKEN_FD ? takeToken(socket) : undefined
  socket.connect(process.env.VISCRIPT_ENDPOINT)

  // One writer at a time: a ZeroMQ socket takes no second send while one is under way.
  let last = Promise.resolve()
  const send = (message) => (last = last.then(() => socket.send(JSON.stringify({ v: 1, ...message }))))

  await send({ t: "hello", id: "1", body: { session, seq, generation, pid: process.pid, token, library: "node test" } })
  let beats
  for await (const [frame] of socket) {
    const message = JSON.parse(frame.toString())
    const answer = (t, body) => send({ t, re: message.id, ...(body && { body }) })
    if (message.t === "welcome") {
      if (message.body.seq !== seq || message.body.generation !== generation) process.exit(3)
      beats = setInterval(() => send({ t: "beat", body: { work: 1 } }), (message.body.beat_s || 1) * 1000)
      await send({ t: "ready", id: "2", body: { endpoints: { http: "127.0.0.1:80" } } })
      await send({ t: "offer", id: "3", body: { name: "node", type: "demo", address: "127.0.0.1:80" } })
    } else if (message.t === "refuse") {
      process.exit(4)
    } else if (message.t === "ping") {
      await answer("pong")
    } else if (message.t === "describe") {
      await answer("described", { methods })
    } else if (message.t === "call") {
      await answer("result", { value: 2 * message.body.params.n })
    } else if (message.t === "shutdown") {
      clearInterval(beats)
      await answer("closing", { extend_s: 0 })
      await send({ t: "bye", body: { reason: "asked to" } })
      break
    } else if (message.t !== "ok" && message.id) {
      await send({ t: "error", re: message.id, err: { code: "unsupported", text: message.t } })
    }
  }
  await last
  socket.close()
}

main()
