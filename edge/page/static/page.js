// Live pages and search-as-you-type. The page works without this file, too.
"use strict";

// ---- live: the server says that something has changed, and we reload this page's content.

const FALLBACK_MS = 30_000;
// A new page or a restarting server may be away for a moment: that is not worth a word.
const GRACE_MS = 1_500;
// The server sends something every 30 s; silence for longer means that the network is gone.
const SILENCE_MS = 75_000;
const TIMEOUT_MS = 30_000;
let stream = null;
let looking = false;
let again = false;

/** Return whether someone is working inside a part of the page: then it is left alone. */
function inUse(part) {
  const inside = part.contains(document.activeElement) ? document.activeElement : null;
  if (inside && inside.matches("input, select, textarea")) return true;
  return [...part.querySelectorAll("input:not([type=hidden])")].some(
    (input) => input.checked !== input.defaultChecked || input.value !== input.defaultValue);
}

/** Replace a part's content with a fresh one's, keeping the focus. */
function refresh(old, fresh) {
  if (old.innerHTML === fresh.innerHTML || inUse(old)) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const opened = [...old.querySelectorAll("details")].map((one) => one.open);
  old.replaceChildren(...fresh.childNodes);
  old.querySelectorAll("details").forEach((one, place) => { one.open = opened[place] ?? one.open; });
  if (!focused) return;
  const selector = focused.id ? `#${CSS.escape(focused.id)}`
    : focused.href ? `a[href="${CSS.escape(focused.getAttribute("href"))}"]` : null;
  const same = selector && old.querySelector(selector);
  if (same) same.focus({ preventScroll: true });
}

async function look() {
  if (looking) { again = true; return; }
  looking = true;
  try {
    // Not the address itself: after a refused action a page is shown under the action's address.
    const here = new URL(document.getElementById("main").dataset.here, location.href);
    if (here.pathname === location.pathname && !here.search) here.search = location.search;
    here.searchParams.delete("done");
    const answer = await fetch(here, {
      headers: { accept: "text/html" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (answer.redirected) { location.assign(answer.url); return; }
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const stood = document.getElementById("standing").textContent;
    for (const old of document.querySelectorAll("[data-live]")) {
      const match = fresh.getElementById(old.id);
      if (match) refresh(old, match);
    }
    // What was said about an action is old news once the appliance has moved on.
    if (document.getElementById("standing").textContent !== stood) document.getElementById("done")?.remove();
    document.title = fresh.title;
    const led = document.querySelector(".led");
    const lit = fresh.querySelector(".led");
    if (led && lit) led.className = lit.className;
    document.documentElement.dataset.looks = Number(document.documentElement.dataset.looks || 0) + 1;
    found();
  } catch {
    missing();
  } finally {
    looking = false;
    if (again) { again = false; look(); }
  }
}

// ---- a lost connection: say so, switch the buttons off, and keep trying.

let graceTimer = 0;
let silenceTimer = 0;

function setLost(lost) {
  document.getElementById("lost").hidden = !lost;
  document.documentElement.toggleAttribute("data-lost", lost);
  for (const button of document.querySelectorAll("button")) button.disabled = lost;
}

/** The appliance did not answer. */
function missing() {
  graceTimer ||= setTimeout(() => setLost(true), GRACE_MS);
}

/** The appliance answered. */
function found() {
  clearTimeout(graceTimer);
  graceTimer = 0;
  if (document.documentElement.hasAttribute("data-lost")) setLost(false);
}

function heard() {
  clearTimeout(silenceTimer);
  silenceTimer = setTimeout(() => { missing(); hush(); listen(); }, SILENCE_MS);
}

let fallback = 0;

function listen() {
  if (stream || document.hidden) return;
  clearInterval(fallback);
  stream = new EventSource("/events");
  heard();
  for (const event of ["here", "changed"]) stream.addEventListener(event, heard);
  stream.addEventListener("here", () => {
    document.documentElement.dataset.live = "yes";
    look();
  });
  stream.addEventListener("changed", look);
  stream.addEventListener("over", () => location.assign("/sign-in"));
  // A browser opens few connections to one host: the newest pages are live, the others poll.
  stream.addEventListener("displaced", () => { hush(); fallback = setInterval(look, FALLBACK_MS); });
  stream.addEventListener("error", () => {
    delete document.documentElement.dataset.live;
    missing();
    if (stream && stream.readyState === EventSource.CLOSED) {
      // The server answered, but not with a stream: too many pages, or this session has ended.
      hush();
      fallback = setInterval(() => { look(); listen(); }, FALLBACK_MS);
      look();
    }
  });
}

function hush() {
  if (stream) stream.close();
  stream = null;
  clearTimeout(silenceTimer);
  delete document.documentElement.dataset.live;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) { hush(); clearInterval(fallback); } else listen();
});
addEventListener("pagehide", hush);
addEventListener("pageshow", listen);

// ---- directors: matches below the field while typing; Enter or a click chooses.

/** Add a director to those that the form ticks. */
function tick(name) {
  const chosen = document.getElementById("chosen");
  const known = [...chosen.querySelectorAll("input")].find((one) => one.value === name);
  if (known) { known.checked = true; } else {
    const item = chosen.appendChild(document.createElement("li"));
    const label = item.appendChild(document.createElement("label"));
    const input = label.appendChild(document.createElement("input"));
    Object.assign(input, { type: "checkbox", name: "director", value: name, checked: true });
    label.append(" ", Object.assign(document.createElement("span"), { textContent: name }));
  }
  const wide = document.querySelector("input[name=draw][value=space]");
  if (wide) wide.checked = true;
}

/** Offer directors below a field; `chosen` is called with the name, and returns what the field shows. */
function searchAsYouType(field, chosen) {
  const box = field.closest(".combo");
  const list = box.appendChild(document.createElement("ul"));
  const said = box.appendChild(document.createElement("p"));
  Object.assign(list, { id: `${field.id}-matches`, className: "matches", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", field.dataset.matches);
  said.className = "sr-only";
  said.setAttribute("role", "status");
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
  field.setAttribute("aria-expanded", "false");
  let waiting = 0;
  let asking = null;
  let at = -1;

  function close() {
    list.hidden = true;
    at = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }

  function mark(place) {
    at = place;
    [...list.children].forEach((one, number) => one.setAttribute("aria-selected", String(number === at)));
    if (list.children[at]) {
      field.setAttribute("aria-activedescendant", list.children[at].id);
      list.children[at].scrollIntoView({ block: "nearest" });
    }
  }

  function choose(name) {
    said.textContent = `${name} chosen.`;
    field.value = chosen(name);
    close();
    field.focus();
  }

  function show(found) {
    list.replaceChildren(...found.map((one, place) => {
      const item = document.createElement("li");
      item.id = `${list.id}-${place}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      item.append(
        Object.assign(document.createElement("span"), { textContent: one.name }), " ",
        Object.assign(document.createElement("small"), { textContent: one.about }));
      item.addEventListener("mousedown", (event) => { event.preventDefault(); choose(one.name); });
      return item;
    }));
    at = -1;
    list.hidden = found.length === 0;
    field.setAttribute("aria-expanded", String(found.length > 0));
    field.removeAttribute("aria-activedescendant");
    said.textContent = found.length === 1 ? field.dataset.one : field.dataset.many.replace("#", found.length);
  }

  async function ask() {
    if (asking) asking.abort();
    const own = asking = new AbortController();
    const typed = field.value.trim();
    if (!typed) { close(); return; }
    const late = setTimeout(() => own.abort(), TIMEOUT_MS);
    try {
      const answer = await fetch(`/directors?q=${encodeURIComponent(typed)}`, { signal: own.signal });
      if (answer.ok && field.value.trim() === typed) show(await answer.json());
    } catch {
      // Superseded by a newer query, or the appliance is away: the button beside the field still works.
    } finally {
      clearTimeout(late);
    }
  }

  field.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(ask, 120); });
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    const most = list.children.length;
    if (list.hidden || !most) return;
    if (event.key === "ArrowDown") mark((at + 1) % most);
    else if (event.key === "ArrowUp") mark((at + most - 1) % most);
    else if (event.key === "Escape") close();
    else if (event.key === "Enter" && at >= 0) choose(list.children[at].firstElementChild.textContent);
    else return;
    event.preventDefault();
  });
}

// ---- what if: each change is asked about at once; the newest question counts.

const PAUSE_MS = 80;
// The appliance answers a press, or somebody else's question, first.
const AGAIN_MS = 400;
const MOST_TRIES = 10;

/** Turn a part into a fresh one, keeping its elements where they match, so that they can move. */
function morph(old, fresh) {
  const before = [...old.childNodes], after = [...fresh.childNodes];
  if (before.length !== after.length || before.some((one, place) => one.nodeName !== after[place].nodeName)) {
    old.replaceChildren(...after);
  } else {
    before.forEach((one, place) => {
      if (one.nodeType === Node.ELEMENT_NODE) morph(one, after[place]);
      else if (one.data !== after[place].data) one.data = after[place].data;
    });
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}

function answerAtOnce(form) {
  const answers = document.getElementById("answers");
  const directors = form.querySelectorAll(".combo input:not([type=number])");
  let asked = "";
  let waiting = 0;
  let asking = null;

  function address() {
    const entered = [...new FormData(form)].filter(([, value]) => value);
    return `${form.getAttribute("action")}?${new URLSearchParams(entered)}`;
  }

  async function ask() {
    const wanted = address();
    if (wanted === asked || !form.checkValidity()) return;
    if (asking) asking.abort();
    const own = asking = new AbortController();
    asked = wanted;
    const late = setTimeout(() => own.abort(), TIMEOUT_MS);
    answers.setAttribute("aria-busy", "true");
    try {
      let answer = null;
      for (let tries = 0; tries < MOST_TRIES; tries += 1) {
        answer = await fetch(wanted, { headers: { accept: "text/html" }, signal: own.signal });
        if (answer.status !== 409) break;
        await new Promise((done) => { setTimeout(done, AGAIN_MS); });
      }
      if (answer.redirected) { location.assign(answer.url); return; }
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("answers");
      if (own.signal.aborted || !fresh) return;
      morph(answers, fresh);
      history.replaceState(null, "", wanted);
      found();
    } catch {
      // Superseded by a newer question, or the appliance is away.
      if (own === asking) { asked = ""; missing(); }
    } finally {
      clearTimeout(late);
    }
  }

  function soon() { clearTimeout(waiting); waiting = setTimeout(ask, PAUSE_MS); }

  for (const field of directors) searchAsYouType(field, (name) => { soon(); return name; });
  // A name that is half typed is nobody's.
  form.addEventListener("input", (event) => { if (![...directors].includes(event.target)) soon(); });
  form.addEventListener("change", soon);
  form.addEventListener("submit", (event) => { event.preventDefault(); soon(); });
  answers.addEventListener("click", (event) => {
    const link = event.target.closest(".changes a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const change = new URL(link.href).searchParams;
    for (const name of new Set([...form.elements].map((one) => one.name).filter(Boolean))) {
      const values = change.getAll(name);
      form.querySelectorAll(`[name="${name}"]`).forEach((field, place) => { field.value = values[place] ?? ""; });
    }
    soon();
  });
}

// A reload must not repeat what was done.
const address = new URL(location.href);
if (address.searchParams.has("done")) {
  address.searchParams.delete("done");
  history.replaceState(null, "", address);
}
const who = document.getElementById("who");
if (who) searchAsYouType(who, (name) => { tick(name); return ""; });
const films = document.getElementById("films");
if (films) answerAtOnce(films);
listen();
