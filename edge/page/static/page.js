// Live pages and search-as-you-type. The page works without this file, too.
"use strict";

// ---- live: the server says that something has changed, and we reload this page's content.

const FALLBACK_MS = 30_000;
// A new page or a restarting server may be away for a moment: that is not worth a word.
const GRACE_MS = 1_500;
// The server sends something every 30 s; silence for longer means that the network is gone.
const SILENCE_MS = 75_000;
const PATIENCE_MS = 30_000;
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
    if (here.pathname === location.pathname) here.search = location.search;
    here.searchParams.delete("done");
    const answer = await fetch(here, {
      headers: { accept: "text/html" },
      signal: AbortSignal.timeout(PATIENCE_MS),
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

function searchAsYouType(field) {
  const box = field.closest(".combo");
  const list = box.appendChild(document.createElement("ul"));
  const said = box.appendChild(document.createElement("p"));
  Object.assign(list, { id: "matches", className: "matches", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", field.dataset.matches);
  said.className = "sr-only";
  said.setAttribute("role", "status");
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", "matches");
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
    said.textContent = `${name} chosen.`;
    field.value = "";
    close();
    field.focus();
  }

  function show(found) {
    list.replaceChildren(...found.map((one, place) => {
      const item = document.createElement("li");
      item.id = `match-${place}`;
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
    const late = setTimeout(() => own.abort(), PATIENCE_MS);
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

// A reload must not repeat what was done.
const address = new URL(location.href);
if (address.searchParams.has("done")) {
  address.searchParams.delete("done");
  history.replaceState(null, "", address);
}
const who = document.getElementById("who");
if (who) searchAsYouType(who);
listen();
