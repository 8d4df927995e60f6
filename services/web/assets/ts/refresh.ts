// <naru-refresh> looks again at what it shows while the page is open, until that is over. Without script a link does.
const every = 5_000;

class NaruRefresh extends HTMLElement {
  connectedCallback(): void {
    this.later();
  }

  private later(): void {
    if (!this.hasAttribute("data-over")) setTimeout(() => void this.look(), every);
  }

  private async look(): Promise<void> {
    if (!this.isConnected) return;
    if (!document.hidden) {
      const next = await this.fetched().catch(() => null);
      // Nothing of the kind: the session has ended, and the page says so elsewhere.
      if (next) this.show(next);
    }
    this.later();
  }

  private async fetched(): Promise<Element | null> {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(this.localName);
  }

  private show(next: Element): void {
    // Whoever stands on a link of it stays there.
    const held = this.contains(document.activeElement) ? document.activeElement?.getAttribute("href") : null;
    if (next.innerHTML !== this.innerHTML) this.replaceChildren(...Array.from(next.childNodes));
    this.toggleAttribute("data-over", next.hasAttribute("data-over"));
    if (held) this.querySelector<HTMLElement>(`a[href="${CSS.escape(held)}"]`)?.focus();
  }
}

customElements.define("naru-refresh", NaruRefresh);
