// On every page: whoever sent a form with mistakes is led to the list of them. Everything else works without script.
import "./fragment";
import "./refresh";
import "./session";
import "./upload";

document.querySelector<HTMLElement>("[data-focus]")?.focus();
