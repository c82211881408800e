// What the operator's pages do besides what HTML does by itself. Everything can be
// read, and every act done, without it.
"use strict";

// A place with data-live="URL" follows a stream of server-sent events. Each event
// "show" brings the HTML of the place, which the server has written and escaped;
// "end" says that there is no more to come. EventSource connects again by itself.
for (const place of document.querySelectorAll("[data-live]")) {
  const source = new EventSource(place.dataset.live);
  source.addEventListener("show", (event) => { place.innerHTML = event.data; });
  source.addEventListener("end", () => { source.close(); });
  // A page that is left must not hold one of the server's few streams.
  window.addEventListener("pagehide", () => { source.close(); });
}

// A bar's or a dot's size can't stand in an attribute "style", which the policy of
// the pages forbids; <meter> and SVG need none. What remains is to select an
// address with one click where it is to be copied.
for (const field of document.querySelectorAll("input[readonly]")) {
  field.addEventListener("focus", () => { field.select(); });
}
