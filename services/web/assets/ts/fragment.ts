// The link of an invitation or of a notice carries its code, and a notice's the number of its document before it, in the fragment,
// which browsers send nowhere. They are put into the form and taken out of the address bar, so that neither history nor a bookmark
// keeps them. Nothing is sent: people read the page first. Without script both are typed.
const form = /^(?:(?<number>[0-9]{8}_[0-9A-Za-z]{10}_[0-9]{13})\.)?(?<code>[0-9A-Za-z][0-9A-Za-z -]{6,38}[0-9A-Za-z])$/;

function take(): void {
  const fragment = location.hash.slice(1).replaceAll("%20", " ");
  // Other fragments lead to a part of the page.
  const found = document.getElementById(fragment) ? null : form.exec(fragment);
  if (!found) return;
  for (const field of fields) field.value = found.groups?.[field.dataset.fragment ?? ""] ?? "";
  history.replaceState(null, "", location.pathname);
}

const fields = document.querySelectorAll<HTMLInputElement>("input[data-fragment]");
if (fields.length > 0) {
  take();
  addEventListener("hashchange", take);
}
