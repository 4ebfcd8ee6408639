// The page of a chat. What others wrote is set as text, never as markup.
"use strict";

const $ = (id) => document.getElementById(id);
const PAGE = 50;
const me = { key: "" };
let talks = [];
let open = null; // the talk that is shown
let texts = new Map(); // its texts by turn
let unsure = {}; // the last text that was sent and not answered: sent again, it keeps its id
let loading = null; // the promise of talks that are asked for
let again = false; // and once more then

// -- asking

class Refused extends Error {}

async function ask(path, body) {
  const post = body !== undefined && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", ...post });
  } catch {
    throw new Refused("The chat does not answer. Is it running? Try again in a moment.");
  }
  const data = await answer.json();
  if (answer.status === 401) signedOut();
  if (!answer.ok) throw new Refused(data.error.text);
  return data;
}

function signedOut() {
  $("chat").hidden = true;
  $("signed-out").hidden = false;
}

async function trying(work) {
  try {
    const result = await work();
    $("notice").textContent = "";
    return result;
  } catch (error) {
    $("notice").textContent = error.message;
    return null;
  }
}

// -- building

function element(kind, name, text) {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

const short = (key) => key.slice(0, 12);
const named = (talk) => talk.name || short(talk.talk);
const clock = (time) => new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
const day = (time) => new Date(time).toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", year: "numeric" });

function draw(list, made) {
  const focused = document.activeElement && document.activeElement.dataset.talk;
  list.replaceChildren(...made);
  if (focused) for (const button of list.querySelectorAll("button")) if (button.dataset.talk === focused) button.focus();
}

function drawTalks() {
  draw($("talks"), talks.map((talk) => {
    const item = element("li");
    const button = element("button", talk.unread ? "unread" : "");
    button.type = "button";
    button.dataset.talk = talk.talk;
    if (open && open.talk === talk.talk) button.setAttribute("aria-current", "true");
    button.append(element("bdi", "name", named(talk)));
    if (talk.unread) {
      const count = element("span", "count", talk.unread);
      count.setAttribute("aria-label", `${talk.unread} unread`);
      button.append(count);
    } else {
      button.append(element("span", "quiet", talk.time ? clock(talk.time) : ""));
    }
    button.append(element("bdi", "last quiet", talk.last));
    button.addEventListener("click", () => show(talk.talk));
    item.append(button);
    return item;
  }));
  $("no-talks").hidden = talks.length > 0;
  const unread = talks.reduce((sum, talk) => sum + talk.unread, 0);
  document.title = unread ? `(${unread}) Chat` : "Chat";
}

function drawHead() {
  $("choose").hidden = open !== null;
  $("write").hidden = $("scroll").hidden = open === null || open.is_left === true;
  $("scroll").hidden = open === null;
  $("title").firstElementChild.textContent = open ? named(open) : "";
  const members = open && open.members;
  $("subtitle").textContent = !open ? "" : members
    ? open.members.map((key, at) => (key === me.key ? "you" : open.names[at] || short(key))).join(", ")
    : open.talk;
  $("leave").hidden = !members || open.is_left === true;
  $("chat").classList.toggle("open", open !== null);
}

function bubble(row) {
  const item = element("li", row.leaves ? "note" : row.mine ? "mine" : "");
  item.dataset.id = row.id;
  const who = row.mine ? "you" : row.name || short(row.sender);
  if (row.leaves) {
    item.append(element("bdi", "", who), ` left the room`);
    return item;
  }
  if (open.members && !row.mine) item.append(element("bdi", "who", who));
  const text = element("div", "text", row.text);
  text.dir = "auto";
  const when = element("span", "when", row.mine ? `${clock(row.time)} · ${row.state}` : clock(row.time));
  when.title = new Date(row.time).toLocaleString();
  item.append(text, when);
  return item;
}

function drawTexts() {
  const rows = [...texts.values()].sort((one, other) => one.turn - other.turn);
  const made = [];
  let shown = "";
  for (const row of rows) {
    if (day(row.time) !== shown) {
      shown = day(row.time);
      made.push(element("li", "day", shown));
    }
    made.push(bubble(row));
  }
  $("texts").replaceChildren(...made);
}

function addText(row) {
  const last = Math.max(0, ...texts.keys());
  const box = $("scroll");
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  const known = texts.has(row.turn);
  const before = texts.get(last);
  texts.set(row.turn, row);
  if (!known && row.turn > last && before && day(before.time) === day(row.time)) $("texts").append(bubble(row));
  else if (!known) drawTexts();
  if (atEnd || row.mine) box.scrollTop = box.scrollHeight;
}

// -- what a person does

function loadTalks() {
  again = true; // what is on its way may be older than what is asked for now
  loading ||= loadTalksWhileAsked().finally(() => { loading = null; });
  return loading;
}

async function loadTalksWhileAsked() {
  while (again) {
    again = false;
    const found = await trying(() => ask("/talks"));
    if (!found) return;
    if (open && !found.some((talk) => talk.talk === open.talk)) found.unshift(open);
    talks = found;
    open = open && talks.find((talk) => talk.talk === open.talk);
    drawTalks();
    drawHead();
  }
}

async function show(id, made) {
  open = talks.find((talk) => talk.talk === id) || made;
  if (made && open === made) talks.unshift(made);
  texts = new Map();
  drawTexts();
  drawTalks();
  drawHead();
  await loadTexts();
  $("scroll").scrollTop = $("scroll").scrollHeight;
  if (matchMedia("(min-width: 44.01rem)").matches) $("text").focus();
}

async function loadTexts(before = 0) {
  const wanted = open.talk;
  const path = `/talks/${encodeURIComponent(wanted)}/texts?limit=${PAGE}&before=${before}`;
  const rows = await trying(() => ask(path));
  if (!rows || !open || open.talk !== wanted) return;
  for (const row of rows) texts.set(row.turn, row);
  const height = $("scroll").scrollHeight;
  drawTexts();
  if (before) $("scroll").scrollTop += $("scroll").scrollHeight - height;
  $("older").hidden = rows.length < PAGE;
  await markRead();
}

async function markRead() {
  if (!open || document.hidden) return;
  if (![...texts.values()].some((row) => row.state === "unread")) return;
  for (const row of texts.values()) if (row.state === "unread") row.state = "read";
  await trying(() => ask(`/talks/${encodeURIComponent(open.talk)}/read`, {}));
}

async function send(event) {
  event.preventDefault();
  const box = $("text");
  if (!open || !box.value.trim()) return;
  const text = box.value;
  box.value = "";
  grow();
  const recipient = open.members ? `room:${open.talk}` : open.talk;
  if (unsure.text !== text || unsure.recipient !== recipient) unsure = { text, recipient, id: drawId() };
  const row = await trying(() => ask("/message", { recipient, message: text, id: unsure.id }));
  if (row) {
    unsure = {};
  } else {
    box.value = text;
    grow();
  }
  box.focus();
}

function grow() {
  const box = $("text");
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
}

function drawId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const people = () => $("who").value.split(/[\s,]+/).filter(Boolean);

async function begin(event) {
  event.preventDefault();
  $("new-error").textContent = "";
  try {
    const who = people();
    if (who.length > 1) {
      const room = await ask("/rooms", { name: $("name").value.trim(), members: who });
      await loadTalks();
      await show(room.talk);
    } else {
      const found = await ask(`/peers/${encodeURIComponent(who[0] || "")}`);
      await show(found.talk, { ...found, kind: "peer", unread: 0, last: "", time: null, turn: 0 });
    }
    $("new").close();
  } catch (error) {
    $("new-error").textContent = error.message;
  }
}

async function leave() {
  if (!open || !confirm(`Leave ${named(open)}? You get no more texts of this room, and the others are told.`)) return;
  await trying(() => ask(`/rooms/${open.talk}/leave`, {}));
}

// -- what happens

function follow() {
  const source = new EventSource("/sse");
  source.addEventListener("open", async () => {
    await loadTalks();
    if (open) await loadTexts();
  });
  source.addEventListener("row", async (event) => {
    const row = JSON.parse(event.data);
    if (open && row.talk === open.talk) {
      addText(row);
      await markRead();
    }
    await loadTalks();
  });
  source.addEventListener("state", (event) => {
    const change = JSON.parse(event.data);
    for (const row of texts.values()) {
      if (row.id !== change.id || row.state === change.state) continue;
      row.state = change.state;
      for (const item of $("texts").children) if (item.dataset.id === row.id) item.replaceWith(bubble(row));
    }
  });
  source.addEventListener("read", () => loadTalks());
  source.addEventListener("talks", () => loadTalks());
  source.addEventListener("error", () => {
    $("notice").textContent = "The chat does not answer; it is tried again.";
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, 2000);
  });
}

async function start() {
  $("write").addEventListener("submit", send);
  $("text").addEventListener("input", grow);
  $("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  });
  $("add").addEventListener("click", () => { $("new-form").reset(); $("new-error").textContent = ""; showName(); $("new").showModal(); });
  $("who").addEventListener("input", showName);
  $("cancel").addEventListener("click", () => $("new").close());
  $("new-form").addEventListener("submit", begin);
  $("older").addEventListener("click", () => loadTexts(Math.min(...texts.keys())));
  $("back").addEventListener("click", () => { open = null; drawHead(); drawTalks(); });
  $("leave").addEventListener("click", leave);
  $("own").addEventListener("click", () => navigator.clipboard && navigator.clipboard.writeText(me.key));
  document.addEventListener("visibilitychange", markRead);
  try {
    me.key = (await ask("/me")).key;
  } catch (error) {
    $("notice").textContent = error.message;
    if (!$("signed-out").hidden) return;
    setTimeout(() => location.reload(), 2000);
    return;
  }
  $("own").textContent = me.key;
  $("chat").hidden = false;
  drawHead();
  follow();
}

function showName() {
  $("name-row").hidden = people().length < 2;
}

start();
