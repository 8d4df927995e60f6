// <naru-upload> sends a file in pieces and goes on after a broken connection. Without script its form sends the file in one.
import { need, said } from "./elements";

const pieceBytes = 4 << 20;
const patience = 5;

interface Standing {
  id: string;
  offset: number;
  ended: boolean;
}

class Refused extends Error {}

class NaruUpload extends HTMLElement {
  connectedCallback(): void {
    const form = need<HTMLFormElement>(this, "form");
    form.addEventListener("submit", (event) => {
      const file = need<HTMLInputElement>(form, "input[type=file]").files?.[0];
      // Nothing chosen: the server says so. No digest: the page is not served as it should be, and the plain form works.
      if (!file || !globalThis.crypto?.subtle) return;
      event.preventDefault();
      need<HTMLButtonElement>(form, "button").disabled = true;
      void this.send(file, form);
    });
  }

  private async send(file: File, form: HTMLFormElement): Promise<void> {
    const bar = need<HTMLProgressElement>(this, "progress");
    bar.hidden = false;
    try {
      const hash = await digest(file);
      const standing = await this.call("POST", "/uploads/begin", {
        body: new URLSearchParams({ name: file.name, type: file.type || "application/pdf", size: String(file.size), hash }),
      });
      await this.pieces(file, standing, bar);
      const next = this.getAttribute("next") ?? "/send";
      location.assign(`${next}${next.includes("?") ? "&" : "?"}content=${encodeURIComponent(standing.id)}`);
    } catch {
      this.tell(said(this, "failed"));
      bar.hidden = true;
      need<HTMLButtonElement>(form, "button").disabled = false;
    }
  }

  private async pieces(file: File, from: Standing, bar: HTMLProgressElement): Promise<void> {
    let standing = from;
    let lost = 0;
    while (!standing.ended) {
      bar.value = standing.offset / file.size;
      this.tell(`${said(this, "progress")}: ${Math.floor(bar.value * 100)} %`);
      try {
        const piece = file.slice(standing.offset, standing.offset + pieceBytes);
        standing = await this.call("PATCH", `/uploads/${standing.id}`, { body: piece, headers: { "Upload-Offset": String(standing.offset) } });
        lost = 0;
      } catch (cause) {
        if (cause instanceof Refused || ++lost > patience) throw cause;
        this.tell(said(this, "paused"));
        await new Promise((resume) => setTimeout(resume, 1000 * 2 ** lost));
        standing = await this.call("GET", `/uploads/${standing.id}`, {}).catch(() => standing);
      }
    }
    bar.value = 1;
  }

  private async call(method: string, path: string, init: RequestInit): Promise<Standing> {
    const answer = await fetch(path, {
      ...init,
      method,
      headers: { ...init.headers, "X-Naru-Csrf": this.getAttribute("csrf") ?? "" },
    });
    if (answer.status >= 400 && answer.status < 500 && answer.status !== 409 && answer.status !== 429) throw new Refused(String(answer.status));
    if (!answer.ok) throw new Error(String(answer.status));
    return (await answer.json()) as Standing;
  }

  private tell(text: string): void {
    need<HTMLElement>(this, "[data-status]").textContent = text;
  }
}

async function digest(file: File): Promise<string> {
  const sum = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return Array.from(new Uint8Array(sum), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

customElements.define("naru-upload", NaruUpload);
