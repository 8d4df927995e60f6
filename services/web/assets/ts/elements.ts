// What both bundles use.

// need is an element that the page of this script has; without it the server and the script do not belong together.
export function need<T extends Element>(root: ParentNode, selector: string): T {
  const found = root.querySelector<T>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

// said is a text that the server gave the element, in the reader's language.
export function said(element: HTMLElement, name: string): string {
  return element.dataset[name] ?? "";
}
