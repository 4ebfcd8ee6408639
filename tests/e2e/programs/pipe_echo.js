// An app of the pipe protocol in Node: it takes connections and says every message back in capitals.
"use strict";
const fs = require("fs");

const SUCCESS = 0xff;
let nextId = 0;

function write(type, id, body) {
  const frame = Buffer.alloc(4 + body.length);
  frame.writeUInt16BE(body.length + 2, 0);
  frame[2] = type;
  frame[3] = id;
  body.copy(frame, 4);
  let at = 0;
  while (at < frame.length) {
    at += fs.writeSync(4, frame, at);
  }
}

function ask(type, value) {
  write(type, nextId++ % 255, Buffer.from(JSON.stringify(value)));
}

function take(type, id, body) {
  if (type >= 0xfe) {
    return;
  }
  write(SUCCESS, id, Buffer.from("null"));
  if (type === 3) {
    const { loop, payload } = JSON.parse(body);
    const text = Buffer.from(payload, "base64").toString().toUpperCase();
    ask(3, { loop, payload: Buffer.from(text).toString("base64") });
  }
}

let waiting = Buffer.alloc(0);
fs.createReadStream(null, { fd: 3 })
  .on("data", (data) => {
    waiting = Buffer.concat([waiting, data]);
    while (waiting.length >= 2 && waiting.length >= 2 + waiting.readUInt16BE(0)) {
      const size = waiting.readUInt16BE(0);
      take(waiting[2], waiting[3], waiting.subarray(4, 2 + size));
      waiting = waiting.subarray(2 + size);
    }
  })
  .on("end", () => process.exit(0));
ask(0, { "app-name": "echo", "app-version": "1.0", "protocol-version": "0.0.1" });
console.log("echo is up");
