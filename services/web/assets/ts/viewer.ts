// <naru-viewer> shows a PDF on the page. It tells the relay once the first page stands on the screen: that is the reading.
import { need, said } from "./elements";
import type { Document, Library, Page } from "./pdfjs";

const cssUnits = 96 / 72;
// mostDots is what every browser can paint in one piece; those of telephones paint nothing of what is larger.
const mostDots = 4096 * 4096;
const zooms = [0.5, 0.75, 1, 1.25, 1.5, 2, 3];

class NaruViewer extends HTMLElement {
  private zoom = 2;
  private library!: Library;
  private document!: Document;
  private observer?: IntersectionObserver;
  // painting is of each page, once begun: who waits for a page waits until it is painted, whoever began it.
  private painting = new Map<number, Promise<void>>();
  // near are the pages that are on the screen or close to it. Only they keep their pictures: those of 300 pages are a gigabyte.
  private near = new Set<number>();

  connectedCallback(): void {
    void this.show();
  }

  private async show(): Promise<void> {
    this.tell(said(this, "loading"));
    try {
      const root = new URL(`${this.getAttribute("library") ?? ""}/`, location.href).href;
      // Both are on their way at the same time: together they are half a megabyte.
      const worker = new Worker(`${root}build/pdf.worker.min.mjs`, { type: "module" });
      const broken = new Promise<never>((_, fail) => worker.addEventListener("error", fail));
      this.library = (await Promise.race([import(`${root}build/pdf.min.mjs`), broken])) as Library;
      this.library.GlobalWorkerOptions.workerPort = worker;
      const opened = this.library.getDocument({
        url: this.getAttribute("src"),
        // The relay compares the whole file before its first byte, so it is fetched in one.
        disableRange: true,
        disableAutoFetch: true,
        cMapUrl: `${root}cmaps/`,
        cMapPacked: true,
        standardFontDataUrl: `${root}standard_fonts/`,
        wasmUrl: `${root}wasm/`,
        iccUrl: `${root}iccs/`,
        // The pages' policy runs neither WebAssembly nor what is made from text.
        useWasm: false,
        enableXfa: false,
      }).promise;
      this.document = await Promise.race([opened, broken]);
      await this.layOut();
      await this.paint(1);
    } catch {
      this.tell(said(this, "failed"));
      return;
    }
    this.tools();
    await this.confirm();
  }

  // layOut makes room for every page; each is painted when it comes near the screen.
  private async layOut(): Promise<void> {
    const pages = need<HTMLElement>(this, ".pages");
    this.observer?.disconnect();
    this.painting.clear();
    this.near.clear();
    pages.replaceChildren();
    this.observer = new IntersectionObserver(
      (seen) => {
        for (const entry of seen) this.move(entry.target as HTMLElement, entry.isIntersecting);
      },
      { rootMargin: "100% 0px" },
    );
    for (let number = 1; number <= this.document.numPages; number++) {
      const page = await this.document.getPage(number);
      const sheet = document.createElement("div");
      sheet.className = "sheet";
      sheet.dataset.number = String(number);
      sheet.setAttribute("role", "group");
      sheet.setAttribute("aria-label", `${said(this, "document")}, ${said(this, "page")} ${number} / ${this.document.numPages}`);
      const { width, height } = page.getViewport({ scale: this.scale(page) });
      sheet.style.width = `${Math.floor(width)}px`;
      sheet.style.height = `${Math.floor(height)}px`;
      pages.append(sheet);
      this.observer.observe(sheet);
    }
  }

  // scale fits a page into the width of the element at 100 %, and enlarges from there.
  private scale(page: Page): number {
    const natural = page.getViewport({ scale: 1 }).width;
    const room = Math.min(this.clientWidth || natural, natural * cssUnits);
    return (room / natural) * (zooms[this.zoom] ?? 1);
  }

  private move(sheet: HTMLElement, near: boolean): void {
    const number = Number(sheet.dataset.number);
    if (near) {
      this.near.add(number);
      this.paint(number).catch(() => this.tell(said(this, "failed")));
    } else {
      this.near.delete(number);
      void this.forget(sheet, number);
    }
  }

  // forget drops the picture of a page that is far away. Its text stays, for readers of the screen and for searching.
  private async forget(sheet: HTMLElement, number: number): Promise<void> {
    if (!this.painting.has(number)) return;
    await this.painting.get(number)?.catch(() => undefined);
    if (this.near.has(number) || !sheet.isConnected) return;
    this.painting.delete(number);
    sheet.querySelector("canvas")?.remove();
    (await this.document.getPage(number)).cleanup();
  }

  private paint(number: number): Promise<void> {
    const begun = this.painting.get(number) ?? this.paintAnew(number);
    this.painting.set(number, begun);
    return begun;
  }

  private async paintAnew(number: number): Promise<void> {
    const sheet = need<HTMLElement>(this, `.sheet[data-number="${number}"]`);
    const page = await this.document.getPage(number);
    const scale = this.scale(page);
    const viewport = page.getViewport({ scale });
    const canvas = document.createElement("canvas");
    const dense = Math.min(globalThis.devicePixelRatio || 1, 2, Math.sqrt(mostDots / (viewport.width * viewport.height)));
    canvas.width = Math.floor(viewport.width * dense);
    canvas.height = Math.floor(viewport.height * dense);
    // What stands on the page is read from the layer of text.
    canvas.setAttribute("aria-hidden", "true");
    sheet.prepend(canvas);
    await page.render({ canvas, viewport, transform: [dense, 0, 0, dense, 0, 0] }).promise;
    if (sheet.querySelector(".textLayer")) return;
    const text = document.createElement("div");
    text.className = "textLayer";
    sheet.style.setProperty("--total-scale-factor", String(scale));
    sheet.append(text);
    await new this.library.TextLayer({ textContentSource: page.streamTextContent(), container: text, viewport }).render();
  }

  private tools(): void {
    const bar = need<HTMLElement>(this, ".viewer-tools");
    bar.hidden = false;
    bar.addEventListener("click", (event) => {
      const what = (event.target as HTMLElement).closest<HTMLElement>("[data-do]")?.dataset.do;
      if (what === "larger") void this.enlarge(1);
      if (what === "smaller") void this.enlarge(-1);
      if (what === "print") void this.print();
    });
  }

  private async enlarge(by: number): Promise<void> {
    this.zoom = Math.max(0, Math.min(zooms.length - 1, this.zoom + by));
    need<HTMLElement>(this, "[data-zoom]").textContent = `${(zooms[this.zoom] ?? 1) * 100} %`;
    await this.layOut();
  }

  private async print(): Promise<void> {
    for (let number = 1; number <= this.document.numPages; number++) await this.paint(number);
    globalThis.print();
  }

  // confirm waits until what was painted is on the screen.
  private async confirm(): Promise<void> {
    await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)));
    const answer = await fetch(this.getAttribute("shown") ?? "", {
      method: "POST",
      headers: { "X-Naru-Csrf": this.getAttribute("csrf") ?? "" },
    }).catch(() => undefined);
    this.tell(said(this, answer?.ok ? "shown" : "unrecorded"));
  }

  private tell(text: string): void {
    need<HTMLElement>(this, "[data-status]").textContent = text;
  }
}

customElements.define("naru-viewer", NaruViewer);
