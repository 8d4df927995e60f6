// The part of pdf.js that the viewer uses; the whole stands under vendor.
export interface Viewport {
  width: number;
  height: number;
}

export interface Page {
  getViewport(options: { scale: number }): Viewport;
  render(options: { canvas: HTMLCanvasElement; viewport: Viewport; transform?: number[]; intent?: string }): { promise: Promise<void> };
  streamTextContent(): ReadableStream;
  cleanup(): boolean;
}

export interface Document {
  numPages: number;
  getPage(number: number): Promise<Page>;
}

export interface Library {
  GlobalWorkerOptions: { workerPort: Worker };
  getDocument(options: object): { promise: Promise<Document> };
  TextLayer: new (options: { textContentSource: ReadableStream; container: HTMLElement; viewport: Viewport }) => { render(): Promise<void> };
}
