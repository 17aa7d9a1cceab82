// While this browser waits to be paired: ask for its status, without reloading the page.
"use strict";

const ASK_MS = 1_500;
const TIMEOUT_MS = 15_000;
const SAYS = {
  shown: "The appliance’s light is blinking four digits.",
  waiting: "Another browser is using the light. Yours is next, or soon after.",
};

async function ask() {
  const shown = document.getElementById("pairing");
  try {
    const answer = await fetch("/pair", {
      headers: { accept: "application/json" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (answer.redirected) { location.assign(answer.url); return; }
    const { status } = await answer.json();
    if (status === "paired") { location.assign("/pin"); return; }
    if (status === "ended") { location.assign("/pair"); return; }
    if (shown.dataset.status !== status) {
      shown.dataset.status = status;
      shown.textContent = SAYS[status];
    }
  } catch {
    // The appliance is away for a moment.
  }
  setTimeout(ask, ASK_MS);
}

setTimeout(ask, ASK_MS);
