// A session ends at its time whatever anybody does, so its end is told beforehand, to readers of the screen too.
const warnBefore = 120_000;

function watch(place: HTMLElement): void {
  const left = Date.parse(place.dataset.ends ?? "") - Date.now();
  // Clocks of people may be wrong by hours; a session is minutes.
  if (!(left > 0)) return;
  setTimeout(() => (place.textContent = place.dataset.soon ?? ""), Math.max(0, left - warnBefore));
  setTimeout(() => (place.textContent = place.dataset.over ?? ""), left);
}

document.querySelectorAll<HTMLElement>("[data-ends]").forEach(watch);
