// Asks the server each second how it is, and shows what changed. Names and messages are text; only what the server has
// drawn (`html`, from templates that escape) becomes elements.
"use strict";

const EVERY = 1000; // milliseconds
const $ = (id) => document.getElementById(id);

let token = null; // of the server, if it asks for one; kept here only
let timer = null;
let rounds = 0; // a click begins a new one, and an older one ends
let pinned = null; // id of the job that was chosen; null follows the newest
let chosenJob = null; // which job is to be drawn
let drawnJob = ""; // which job is drawn, and how far it was
const cards = new Map(); // alias → what is shown of a computer
const rows = new Map(); // id → what is shown of a job in the list

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path) {
  const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
  const answer = await fetch(`_page/${path}`, { headers, credentials: "omit" });
  const said = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, said.message);
  return said;
}

// Returns an element with classes and children; text stays text.
function element(tag, classes, ...children) {
  const made = document.createElement(tag);
  made.className = classes;
  made.append(...children);
  return made;
}

// Writes a text where it differs: what is selected or being read stays.
function write(where, text) {
  if (where.textContent !== text) where.textContent = text;
}

function draw(where, html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  where.replaceChildren(...parsed.body.childNodes);
}

function several(number, what) {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}

async function look() {
  clearTimeout(timer);
  const round = ++rounds;
  try {
    const state = await ask("state");
    if (round !== rounds) return;
    show(state);
    await Promise.all([showJob(state), ...state.computers.map(showChip)]);
    say("live", "up to date");
  } catch (problem) {
    if (round !== rounds) return;
    if (problem instanceof Refused && problem.status === 401) {
      askForToken();
      return;
    }
    say("lost", problem instanceof Refused ? problem.message : "the server does not answer; trying again");
  }
  if (round === rounds && !document.hidden) timer = setTimeout(look, EVERY);
}

function say(kind, text) {
  $("link").className = kind;
  write($("link"), text);
}

function askForToken() {
  const wrong = token !== null;
  token = null;
  document.querySelector("main").hidden = true;
  $("faults").hidden = true;
  $("token").hidden = false;
  say("lost", wrong ? "that is not the server's token" : "needs the token");
  $("secret").focus();
}

function show(state) {
  document.querySelector("main").hidden = false;
  $("token").hidden = true;
  const notes = [`seed ${state.seed}`, several(state.queue.length, "job") + " in the queue"];
  if (state.queue.held) notes.push("the queue is held");
  if (state.maintenance) notes.push("in maintenance");
  write($("about"), notes.join(" · "));
  showFaults(state.unfired_faults);
  showComputers(state.computers);
  showList(state.jobs);
}

function showFaults(faults) {
  const list = $("faults").querySelector("ul");
  $("faults").hidden = faults.length === 0;
  if (list.dataset.shown === JSON.stringify(faults)) return;
  list.dataset.shown = JSON.stringify(faults);
  list.replaceChildren(...faults.map((fault) => element("li", "", element("code", "", fault))));
}

function showComputers(computers) {
  const there = new Set(computers.map((computer) => computer.alias));
  for (const [alias, card] of cards) {
    if (!there.has(alias)) {
      card.whole.remove();
      cards.delete(alias);
    }
  }
  for (const { alias, name, queue_length: length } of computers) {
    if (!cards.has(alias)) cards.set(alias, newCard(alias));
    const card = cards.get(alias);
    write(card.title, alias);
    write(card.queue, `${name} · ${length ? `${several(length, "job")} in the queue` : "idle"}`);
  }
}

function newCard(alias) {
  const title = element("span", "");
  const queue = element("span", "faint queue");
  const chip = element("div", "");
  const card = { title, queue, chip, chosen: {}, drawn: "" };
  card.whole = element("section", "computer", element("h2", "", title, " ", queue), chip);
  chip.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    card.chosen[button.dataset.group] = button.dataset.metric;
    look();
  });
  $("computers").append(card.whole);
  return card;
}

async function showChip({ alias, calibration_set_id: calibration }) {
  const card = cards.get(alias);
  const chosen = () => new URLSearchParams(card.chosen).toString();
  const query = chosen();
  const wanted = `${calibration} ${query}`;
  if (card.drawn === wanted) return;
  let chip;
  try {
    chip = await ask(`chips/${encodeURIComponent(alias)}?${query}`);
  } catch (problem) {
    if (!query || problem.status !== 400) throw problem;
    card.chosen = {}; // another calibration has other metrics
    return;
  }
  if (query !== chosen()) return; // another colour was chosen meanwhile
  card.drawn = wanted;
  const focused = document.activeElement?.closest("button[data-metric]");
  const name = card.chip.contains(focused) ? focused.dataset.metric : null;
  draw(card.chip, chip.html);
  if (name) card.chip.querySelector(`button[data-metric="${CSS.escape(name)}"]`)?.focus();
}

function showList({ total, newest }) {
  const list = $("list");
  const hidden = total - newest.length;
  write($("total"), total ? (hidden ? `the newest ${newest.length} of ${total.toLocaleString("en")}` : `${total}`) : "");
  $("none").hidden = total > 0;
  const there = new Set(newest.map((job) => job.id));
  for (const [id, row] of rows) {
    if (!there.has(id)) {
      row.whole.remove();
      rows.delete(id);
    }
  }
  for (const job of [...newest].reverse()) {
    if (!rows.has(job.id)) {
      rows.set(job.id, newRow(job));
      list.prepend(rows.get(job.id).whole);
    }
    const row = rows.get(job.id);
    row.status.className = `outcome ${job.status}`;
    write(row.time, timeOf(job)); // which is told a moment after a job is there
    write(row.status, job.progress === null ? job.status : `${job.progress} %`);
  }
}

function newRow(job) {
  const status = element("span", "outcome");
  const time = element("time", "faint");
  const link = element(
    "a",
    "",
    status,
    element("span", "name", titleOf(job)),
    element("span", "faint", contentOf(job)),
    time,
  );
  link.href = `#${job.id}`;
  return { status, time, link, whole: element("li", "", link) };
}

function titleOf(job) {
  const name = job.name || "a circuit";
  return job.tag ? `${name} · ${job.tag}` : name;
}

function contentOf(job) {
  return `${job.computer}, ${several(job.circuits, "circuit")}, ${several(job.shots, "shot")}`;
}

function timeOf(job) {
  return job.submitted ? new Date(job.submitted).toLocaleTimeString() : "";
}

async function showJob({ jobs: { newest } }) {
  const id = pinned ?? newest[0]?.id;
  chosenJob = id;
  for (const [each, row] of rows) row.link.setAttribute("aria-current", String(each === id));
  $("job").hidden = !id;
  $("follow").hidden = pinned === null;
  if (!id) {
    drawnJob = "";
    return;
  }
  const listed = newest.find((job) => job.id === id);
  if (listed) head(listed);
  const far = (job) => `${job.id} ${job.status} ${job.events}`;
  if (listed ? drawnJob === far(listed) : drawnJob.startsWith(`${id} `) && $("job").dataset.ended) return;
  try {
    const job = await ask(`jobs/${encodeURIComponent(id)}`);
    if (chosenJob !== id) return; // another one was chosen meanwhile
    head(job);
    draw($("drawn"), job.html);
    drawnJob = far(job);
    $("job").dataset.ended = job.ended ? "yes" : "";
  } catch (problem) {
    if (!(problem instanceof Refused) || problem.status === 401) throw problem;
    write($("name"), id);
    write($("what"), problem.message);
    write($("status"), "");
    $("progress").hidden = true;
    $("drawn").replaceChildren();
    drawnJob = "";
  }
}

function head(job) {
  write($("name"), titleOf(job));
  write($("what"), `${contentOf(job)}${job.submitted ? `, submitted ${timeOf(job)}` : ""}`);
  $("status").className = `outcome ${job.status}`;
  write($("status"), job.status);
  $("progress").hidden = job.progress === null;
  if (job.progress !== null) $("progress").value = job.progress;
}

function choose() {
  pinned = location.hash.length > 1 ? location.hash.slice(1) : null;
}

$("token").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("secret").value;
  $("secret").value = "";
  look();
});
addEventListener("hashchange", () => {
  choose();
  look();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else look();
});
choose();
look();
