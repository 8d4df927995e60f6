// <naru-upload> sends files in pieces, one after the other, and goes on after a broken connection. Without script its form sends
// them as they are. An element with add tells that address of each file, others name them in the address of the next page.
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
  // Which of how many files is on its way.
  private counted = "";

  connectedCallback(): void {
    const form = need<HTMLFormElement>(this, "form");
    form.addEventListener("submit", (event) => {
      const files = Array.from(need<HTMLInputElement>(form, "input[type=file]").files ?? []);
      // Nothing chosen: the server says so. No digest: the page is not served as it should be, and the plain form works.
      if (files.length === 0 || !globalThis.crypto?.subtle) return;
      event.preventDefault();
      need<HTMLButtonElement>(form, "button").disabled = true;
      void this.send(files, form);
    });
  }

  private async send(files: File[], form: HTMLFormElement): Promise<void> {
    const bar = need<HTMLProgressElement>(this, "progress");
    bar.hidden = false;
    const add = this.getAttribute("add");
    let next = this.getAttribute("next") ?? "/send";
    try {
      for (const [i, file] of files.entries()) {
        this.counted = files.length > 1 ? `${i + 1}/${files.length} · ` : "";
        const content = await this.one(file, bar);
        if (add) await this.call("POST", add, { body: new URLSearchParams({ content }) });
        else next += `${next.includes("?") ? "&" : "?"}content=${encodeURIComponent(content)}`;
      }
      location.assign(next);
    } catch {
      this.tell(said(this, "failed"));
      bar.hidden = true;
      need<HTMLButtonElement>(form, "button").disabled = false;
    }
  }

  private async one(file: File, bar: HTMLProgressElement): Promise<string> {
    const hash = await digest(file);
    const standing = await this.call("POST", "/uploads/begin", {
      body: new URLSearchParams({ name: file.name, type: file.type || "application/pdf", size: String(file.size), hash }),
    });
    await this.pieces(file, standing, bar);
    return standing.id;
  }

  private async pieces(file: File, from: Standing, bar: HTMLProgressElement): Promise<void> {
    let standing = from;
    let lost = 0;
    while (!standing.ended) {
      bar.value = standing.offset / file.size;
      this.tell(`${this.counted}${said(this, "progress")}: ${Math.floor(bar.value * 100)} %`);
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

  private async call(method: string, path: string, init: RequestInit, before = 0): Promise<Standing> {
    const answer = await fetch(path, {
      ...init,
      method,
      headers: { ...init.headers, "X-Naru-Csrf": this.getAttribute("csrf") ?? "" },
    });
    // Many small files come faster than one person may ask; nothing has been done yet.
    if (answer.status === 429 && before < patience) {
      await new Promise((resume) => setTimeout(resume, 1000 * (Number(answer.headers.get("Retry-After")) || 1)));
      return this.call(method, path, init, before + 1);
    }
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
