// An invitation's link carries its code in the fragment, which browsers send nowhere. It is put into the form and taken out of
// the address bar, so that neither history nor a bookmark keeps it. Nothing is sent: people read the page first. Without script
// the code is typed.
const code = /^[0-9A-Za-z][0-9A-Za-z -]{6,38}[0-9A-Za-z]$/;

function take(field: HTMLInputElement): void {
  const fragment = location.hash.slice(1).replaceAll("%20", " ");
  // Other fragments lead to a part of the page.
  if (!code.test(fragment) || document.getElementById(fragment)) return;
  field.value = fragment;
  history.replaceState(null, "", location.pathname);
}

const field = document.querySelector<HTMLInputElement>("input[data-fragment]");
if (field) {
  take(field);
  addEventListener("hashchange", () => take(field));
}
