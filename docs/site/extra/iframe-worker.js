/* Browsers start no workers for a page that was opened as a file, and the site's search is one. This
   runs a worker's script in a hidden frame instead, and passes the same messages. */
"use strict";

class IframeWorker extends EventTarget {
  onmessage = null;

  constructor(script) {
    super();
    this.frame = document.createElement("iframe");
    this.frame.hidden = true;
    document.body.append(this.frame);
    const inside = this.frame.contentDocument;
    // Written, because Firefox replaces an empty frame's document later.
    inside.open();
    inside.write("<!doctype html><body>");
    inside.close();
    this.scope = this.frame.contentWindow;
    this.scope.postMessage = (data) => this.receive(data);
    this.scope.importScripts = (...names) => names.forEach((name) => this.run(name));
    this.started = this.run(script);
  }

  run(name) {
    const script = this.frame.contentDocument.createElement("script");
    script.src = new URL(name, location.href).href;
    return new Promise((resolve, reject) => {
      script.onload = resolve;
      script.onerror = () => reject(new Error(`${name} can't be loaded`));
      this.frame.contentDocument.body.append(script);
    });
  }

  // Later, as a worker's answer comes: never before the question's postMessage has returned.
  receive(data) {
    const event = new MessageEvent("message", { data: structuredClone(data) });
    setTimeout(() => {
      this.onmessage?.(event);
      this.dispatchEvent(event);
    });
  }

  postMessage(data) {
    const event = new MessageEvent("message", { data: structuredClone(data) });
    this.started.then(() => setTimeout(() => this.scope.dispatchEvent(event)));
  }

  terminate() {
    this.frame.remove();
  }
}

if (location.protocol === "file:") {
  window.Worker = IframeWorker;
}
